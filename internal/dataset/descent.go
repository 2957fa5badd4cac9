package dataset

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// descent is how an older version and the newest came from the last one that both were
// made of, which may be the older one itself.
type descent struct {
	known  bool
	common tabular.Schema
	steps  []preprocess.Spec
}

// descent returns the one between a version and the newest.
func (s *Service) descent(ctx context.Context, d *Dataset, number int) (*descent, error) {
	all, err := s.history.list(ctx, d)
	if err != nil {
		return nil, err
	}
	of := make(map[int]*Revision, len(all))
	for _, r := range all {
		of[r.Version.number()] = r
	}
	newest := of[d.Version.number()]
	above := make(map[*Revision]bool)
	for r := newest; r != nil; r = of[r.Parent] {
		above[r] = true
	}
	p := &descent{}
	common := of[number]
	for ; common != nil && !above[common]; common = of[common.Parent] {
		p.steps = append(p.steps, common.Steps...)
	}
	if common == nil {
		return p, nil
	}
	for r := newest; r != common; r = of[r.Parent] {
		p.steps = append(p.steps, r.Steps...)
	}
	p.known, p.common = true, common.Version.Schema
	return p, nil
}

// carries reports whether a column on either side may have the values of another one on
// the other: it was not there before, or a step names it that makes columns of others.
// It is told by the words of the steps, and rather once too often.
func (p *descent) carries(column string) bool {
	if _, before := p.common.Lookup(column); !p.known || !before {
		return true
	}
	return slices.ContainsFunc(p.steps, func(s preprocess.Spec) bool { return !inPlace(s.Name) && names(s.Parameters, column) })
}

// inPlace reports whether a transformation leaves every column with its name, or without
// rows or values.
func inPlace(name string) bool {
	switch name {
	case "remove_duplicates", "filter_rows", "drop_missing_rows", "remove_outliers", "sample_rows", "split_rows", "sort_rows",
		"select_columns", "drop_columns", "drop_constant_columns",
		"trim_text", "change_case", "remove_characters", "standardise_format", "replace_text", "replace_values",
		"fill_missing", "impute_missing", "impute_neighbours", "forward_fill", "backward_fill",
		"cap_outliers", "scale_numbers", "bin_numbers", "round_numbers", "encode_labels", "encode_ordinal", "encode_frequency", "group_rare",
		"convert_type", "mask_values", "hash_values":
		return true
	}
	return false
}

// names reports whether parameters name the column, or leave open which columns are meant.
func names(parameters map[string]any, column string) bool {
	open := true
	for key, v := range parameters {
		switch key {
		case "columns", "column", "names", "name", "by", "on", "values", "expression":
			open = false
		}
		if within(v, column) {
			return true
		}
	}
	return open
}

// within reports whether a value of a parameter, as it was read from a record, names the
// column.
func within(v any, column string) bool {
	switch v := v.(type) {
	case string:
		return hasWord(v, column)
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return within(one, column) })
	case map[string]any:
		for key, one := range v {
			if hasWord(key, column) || within(one, column) {
				return true
			}
		}
	}
	return false
}

// hasWord reports whether the text has the name and not as a part of a longer one.
func hasWord(text, name string) bool {
	letter := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	for at := 0; name != ""; at++ {
		next := strings.Index(text[at:], name)
		if next < 0 {
			return false
		}
		at += next
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(name):])
		if !letter(before) && !letter(after) {
			return true
		}
	}
	return true
}
