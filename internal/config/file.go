package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// file takes the settings of a YAML file: sections of settings, as in
//
//	s3:
//	  bucket: narrative
//	worker:
//	  pools: {training: 2, batch: 4}
func (l *loader) file(name string, data []byte) {
	place := func(n ast.Node) string {
		return fmt.Sprintf("file %s, line %d", name, n.GetToken().Position.Line)
	}
	wrong := func(origin, want string) {
		l.mistakes = append(l.mistakes, Mistake{Origin: origin, Want: want})
	}
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		// The parser quotes the lines around the mistake, and so maybe secrets.
		first, _, _ := strings.Cut(err.Error(), "\n")
		wrong("file "+name, "this is not YAML: "+first)
		return
	}
	known := map[string]setting{}
	sections := map[string]bool{}
	for _, s := range l.all {
		known[s.path] = s
		section, _, nested := strings.Cut(s.path, ".")
		sections[section] = nested
	}
	for _, doc := range parsed.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		root := pairs(doc.Body)
		if root == nil {
			wrong(place(doc.Body), "write sections of settings, such as s3: {bucket: narrative}")
			continue
		}
		for _, pair := range root {
			path := key(pair)
			if !sections[path] {
				l.pair(known, path, pair, place)
				continue
			}
			inner := pairs(pair.Value)
			if inner == nil && pair.Value.Type() != ast.NullType {
				wrong(place(pair.Key), path+" is a section; write its settings below it")
			}
			for _, p := range inner {
				l.pair(known, path+"."+key(p), p, place)
			}
		}
	}
}

// pair takes one setting.
func (l *loader) pair(known map[string]setting, path string, pair *ast.MappingValueNode, place func(ast.Node) string) {
	s, ok := known[path]
	if !ok {
		l.mistakes = append(l.mistakes, Mistake{
			Origin: place(pair.Key),
			Want:   fmt.Sprintf("there is no setting %q%s", shorten(path), nearest(path, slices.Collect(maps.Keys(known)))),
		})
		return
	}
	text, ok := plain(pair.Value)
	if !ok {
		l.mistakes = append(l.mistakes, mistake(s, place(pair.Key), "", "write one value, a list of values, or for pools their slots"))
		l.unread[s.path] = true
		return
	}
	l.set(s, text, place(pair.Key))
}

// pairs returns the entries of a mapping, or nil.
func pairs(n ast.Node) []*ast.MappingValueNode {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	default:
		return nil
	}
}

func key(pair *ast.MappingValueNode) string { return pair.Key.GetToken().Value }

// plain returns the text of a scalar, of a list of scalars joined by commas, or
// of a mapping of scalars as name=value.
func plain(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.SequenceNode:
		return joined(v.Values, scalar)
	case *ast.MappingNode, *ast.MappingValueNode:
		return joined(pairs(n), func(p *ast.MappingValueNode) (string, bool) {
			text, ok := scalar(p.Value)
			return key(p) + "=" + text, ok
		})
	default:
		return scalar(n)
	}
}

func joined[T any](items []T, text func(T) (string, bool)) (string, bool) {
	all := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := text(item)
		if !ok {
			return "", false
		}
		all = append(all, s)
	}
	return strings.Join(all, ","), true
}

func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.NullNode:
		return "", true
	case *ast.LiteralNode:
		return strings.TrimSpace(v.Value.Value), true
	case *ast.StringNode:
		return v.Value, true
	case ast.ScalarNode:
		return v.GetToken().Value, true
	default:
		return "", false
	}
}
