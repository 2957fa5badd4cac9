package mongowire

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/narrativeml/narrative/internal/store"
)

// parseRecord reads a stored document. A declared field that it lacks, since
// an older client wrote it, has its zero value.
func parseRecord(known *collection, doc []byte) (store.Record, error) {
	var r store.Record
	parts, err := elements(doc)
	if err != nil {
		return r, bad("%s", err)
	}
	for _, p := range parts {
		switch p.name {
		case "_id":
			r.ID, err = p.text()
		case "rev":
			r.Revision, err = p.integer()
		case "k":
			r.Keys, err = parseKeys(known, p)
		case "body":
			r.Body, err = p.textBytes()
		}
		if err != nil {
			return r, bad("document: %s", err)
		}
	}
	if len(parts) != 4 || parts[0].name != "_id" || parts[1].name != "rev" || parts[2].name != "k" || parts[3].name != "body" {
		return r, bad("document is not made of _id, rev, k and body, but of %s", namesOf(parts))
	}
	return r, nil
}

func namesOf(parts []element) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return strings.Join(names, " ")
}

// parseKeys reads the values of the fields, which most likely stand in the order
// in which they are declared.
func parseKeys(known *collection, e element) (map[string]any, error) {
	if e.kind != kindDoc {
		return nil, fmt.Errorf("%s is not a document or array as expected", e.name)
	}
	doc, rest, err := cutDoc(e.data)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("there are bytes behind %s", e.name)
	}
	keys := make(map[string]any, len(known.fields))
	for doc = doc[4 : len(doc)-1]; len(doc) > 0; {
		var p element
		expected := ""
		if len(keys) < len(known.fields) {
			expected = known.fields[len(keys)].Name
		}
		if p, doc, err = cutElement(doc, expected); err != nil {
			return nil, err
		}
		if keys[p.name], err = p.key(); err != nil {
			return nil, err
		}
	}
	for _, f := range known.fields {
		if _, ok := keys[f.Name]; ok {
			continue
		}
		if f.Type == store.Int {
			keys[f.Name] = int64(0)
		} else {
			keys[f.Name] = ""
		}
	}
	return keys, nil
}

// parseNew reads a document to be inserted.
func parseNew(known *collection, doc []byte) (store.Record, error) {
	r, err := parseRecord(known, doc)
	if err == nil && r.Revision != 1 {
		err = bad("a new document has revision %d instead of 1", r.Revision)
	}
	return r, err
}

// parseReplacement reads a filter by _id and rev and the document that takes
// the place of what it matches.
func parseReplacement(known *collection, filter element, doc element) (store.Record, error) {
	id, revision, err := parseMatch(filter)
	if err != nil {
		return store.Record{}, err
	}
	if doc.kind != kindDoc {
		return store.Record{}, bad("the replacement is not a document")
	}
	r, err := parseRecord(known, doc.data)
	switch {
	case err != nil:
		return r, err
	case revision == 0 || r.ID != id || r.Revision != revision+1:
		return r, bad("the replacement is not the next revision of what its filter matches")
	}
	r.Revision = revision
	return r, nil
}

// parseMatch reads a filter by _id and, if it is there, rev.
func parseMatch(filter element) (id string, revision int64, err error) {
	parts, err := filter.inside(kindDoc)
	if err != nil || len(parts) == 0 || len(parts) > 2 || parts[0].name != "_id" || len(parts) == 2 && parts[1].name != "rev" {
		return "", 0, bad("the filter is not one by _id and rev")
	}
	if id, err = parts[0].text(); err != nil {
		return "", 0, bad("the filter: %s", err)
	}
	if len(parts) == 2 {
		if revision, err = parts[1].integer(); err != nil || revision < 1 {
			return "", 0, bad("the filter: rev is not a revision")
		}
	}
	return id, revision, nil
}

func (s *Server) insert(ctx context.Context, c *command) ([]byte, error) {
	known, err := s.collection(c.target)
	if err != nil {
		return nil, err
	}
	docs, err := c.docs("documents")
	if err != nil {
		return nil, err
	}
	records := make([]store.Record, len(docs))
	for i, doc := range docs {
		if records[i], err = parseNew(known, doc); err != nil {
			return nil, err
		}
	}
	errs, err := s.driver.Insert(ctx, known.Name, records...)
	if err != nil {
		return nil, err
	}
	b := newDoc()
	return b.int32("n", appendErrors(b, errs)).ok(), nil
}

// appendErrors writes the errors of single writes and returns how many writes
// were done. Those that matched nothing are neither.
func appendErrors(b *builder, errs []error) (done int32) {
	started := 0
	for i, err := range errs {
		switch {
		case err == nil:
			done++
			continue
		case missed(err):
			continue
		case started == 0:
			b.array("writeErrors")
		}
		b.doc(strconv.Itoa(started)).int32("index", int32(i)).int32("code", codeOf(err)).text("errmsg", errorText(err)).end()
		started++
	}
	if started > 0 {
		b.end()
	}
	return done
}

func missed(err error) bool {
	return errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound)
}

func errorText(err error) string {
	text := strings.ToValidUTF8(err.Error(), "?")
	if codeOf(err) == codeDuplicate {
		return "E11000 duplicate key error: " + text
	}
	return text
}

func (s *Server) update(ctx context.Context, c *command) ([]byte, error) {
	known, err := s.collection(c.target)
	if err != nil {
		return nil, err
	}
	docs, err := c.docs("updates")
	if err != nil {
		return nil, err
	}
	records := make([]store.Record, len(docs))
	for i, doc := range docs {
		parts, err := named(doc, "q", "u", "multi")
		if err != nil {
			return nil, err
		}
		if _, multi := parts["multi"]; multi && len(docs) == 1 {
			return fill(known, parts)
		}
		if records[i], err = parseReplacement(known, parts["q"], parts["u"]); err != nil {
			return nil, err
		}
	}
	errs, err := s.driver.Replace(ctx, known.Name, records...)
	if err != nil {
		return nil, err
	}
	b := newDoc()
	n := appendErrors(b, errs)
	return b.int32("n", n).int32("nModified", n).ok(), nil
}

// named returns the elements of a document, all of which have one of the names.
func named(doc []byte, names ...string) (map[string]element, error) {
	parts, err := elements(doc)
	if err != nil {
		return nil, bad("%s", err)
	}
	found := map[string]element{}
	for _, p := range parts {
		for _, name := range names {
			if p.name == name {
				found[name] = p
			}
		}
		if _, ok := found[p.name]; !ok {
			return nil, refuse(codeUnknownField, "BSON field '%s' is an unknown field of a write", p.name)
		}
	}
	return found, nil
}

// fill answers the update that gives a new field to all documents that lack it.
// There is none: the embedded store has given the field to every record when
// the index was created.
func fill(known *collection, parts map[string]element) ([]byte, error) {
	multi, err := parts["multi"].boolean()
	if err != nil || !multi {
		return nil, bad("update with multi is understood as true only")
	}
	filter, err := parts["q"].inside(kindDoc)
	if err != nil || len(filter) != 1 {
		return nil, bad("update of many is understood for a field that does not exist only")
	}
	absent := newDoc().boolean("$exists", false).end().bytes
	for _, f := range known.fields {
		if filter[0].name == "k."+f.Name && filter[0].kind == kindDoc && string(filter[0].data) == string(absent) {
			return newDoc().int32("n", 0).int32("nModified", 0).ok(), nil
		}
	}
	return nil, bad("update of many is understood for a field that does not exist only")
}

func (s *Server) delete(ctx context.Context, c *command) ([]byte, error) {
	known, err := s.collection(c.target)
	if err != nil {
		return nil, err
	}
	docs, err := c.docs("deletes")
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 {
		return nil, bad("delete is understood for one document at a time")
	}
	parts, err := named(docs[0], "q", "limit")
	if err != nil {
		return nil, err
	}
	if limit, err := parts["limit"].integer(); err != nil || limit != 1 {
		return nil, bad("delete is understood for one document at a time")
	}
	id, revision, err := parseMatch(parts["q"])
	if err != nil {
		return nil, err
	}
	n := int32(1)
	if err := s.driver.Delete(ctx, known.Name, id, revision); err != nil {
		if !missed(err) {
			return nil, err
		}
		n = 0
	}
	return newDoc().int32("n", n).ok(), nil
}

// share is what one bulkWrite asks of one collection in one way.
type share struct {
	known   *collection
	replace bool
	at      []int // of the operations
	records []store.Record
}

// bulkWrite inserts and replaces in several collections. The shares are written
// at the same time, so that they need one commit.
func (s *Server) bulkWrite(ctx context.Context, c *command) ([]byte, error) {
	for name, want := range map[string]bool{"ordered": false, "errorsOnly": false} {
		if got, err := c.flag(name); err != nil || got != want || c.fields[name].kind == 0 {
			return nil, bad("bulkWrite is understood with %s false only", name)
		}
	}
	ops := c.sequences["ops"]
	shares, err := s.shares(ops, c.sequences["nsInfo"])
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(ops))
	var group sync.WaitGroup
	for _, share := range shares {
		group.Go(func() {
			write := s.driver.Insert
			if share.replace {
				write = s.driver.Replace
			}
			results, err := write(ctx, share.known.Name, share.records...)
			for i, at := range share.at {
				if errs[at] = err; err == nil {
					errs[at] = results[i]
				}
			}
		})
	}
	group.Wait()
	return bulkReply(shares, errs), nil
}

// shares parses the operations.
func (s *Server) shares(ops, spaces [][]byte) ([]*share, error) {
	type place struct {
		space   int64
		replace bool
	}
	if len(ops) == 0 {
		return nil, bad("bulkWrite has no ops")
	}
	collections, err := s.spaces(spaces)
	if err != nil {
		return nil, err
	}
	byPlace := map[place]*share{}
	var shares []*share
	for i, op := range ops {
		parts, err := named(op, "insert", "document", "update", "filter", "updateMods", "multi")
		if err != nil {
			return nil, err
		}
		target, replace := parts["update"]
		if !replace {
			target = parts["insert"]
		}
		space, err := target.integer()
		if err != nil || space < 0 || space >= int64(len(collections)) {
			return nil, bad("operation %d of bulkWrite is neither an insert nor an update in a known namespace", i)
		}
		p := place{space, replace}
		if byPlace[p] == nil {
			byPlace[p] = &share{known: collections[space], replace: replace}
			shares = append(shares, byPlace[p])
		}
		r, err := byPlace[p].parse(parts)
		if err != nil {
			return nil, err
		}
		byPlace[p].at = append(byPlace[p].at, i)
		byPlace[p].records = append(byPlace[p].records, r)
	}
	return shares, nil
}

func (x *share) parse(parts map[string]element) (store.Record, error) {
	if !x.replace {
		if len(parts) != 2 || parts["document"].kind != kindDoc {
			return store.Record{}, bad("an insert of bulkWrite has more or less than a document")
		}
		return parseNew(x.known, parts["document"].data)
	}
	if multi, err := parts["multi"].boolean(); len(parts) != 4 || err != nil || multi {
		return store.Record{}, bad("an update of bulkWrite is not the replacement of one document")
	}
	return parseReplacement(x.known, parts["filter"], parts["updateMods"])
}

// spaces parses the namespaces.
func (s *Server) spaces(docs [][]byte) ([]*collection, error) {
	collections := make([]*collection, len(docs))
	for i, doc := range docs {
		parts, err := named(doc, "ns")
		if err != nil {
			return nil, err
		}
		ns, err := parts["ns"].text()
		name, ok := strings.CutPrefix(ns, s.database+".")
		if err != nil || !ok {
			return nil, refuse(codeUnauthorized, "the namespace '%s' is not served here, only the database '%s'", ns, s.database)
		}
		if collections[i], ok = s.schema.collection(name); !ok {
			return nil, refuse(codeNoNamespace, "ns does not exist: %s", ns)
		}
	}
	return collections, nil
}

// bulkReply tells the result of each operation.
func bulkReply(shares []*share, errs []error) []byte {
	replaces := make([]bool, len(errs))
	for _, x := range shares {
		for _, at := range x.at {
			replaces[at] = x.replace
		}
	}
	b := newDoc().doc("cursor").int64("id", 0).text("ns", "admin.$cmd.bulkWrite").array("firstBatch")
	var failed, inserted, matched int32
	for i, err := range errs {
		n := int32(0)
		b.doc(strconv.Itoa(i))
		switch {
		case err == nil && replaces[i]:
			matched, n = matched+1, 1
		case err == nil:
			inserted, n = inserted+1, 1
		case !missed(err):
			failed++
			b.double("ok", 0).int32("idx", int32(i)).int32("code", codeOf(err)).text("errmsg", errorText(err)).int32("n", 0).end()
			continue
		}
		b.double("ok", 1).int32("idx", int32(i)).int32("n", n)
		if replaces[i] {
			b.int32("nModified", n)
		}
		b.end()
	}
	return b.end().end().int32("nErrors", failed).int32("nInserted", inserted).int32("nMatched", matched).
		int32("nModified", matched).int32("nUpserted", 0).int32("nDeleted", 0).ok()
}
