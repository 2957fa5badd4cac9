package mongowire

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/narrativeml/narrative/internal/store"
)

const (
	chunk        = 128 // records asked of the driver at once
	batchBytes   = maxDocument - 64<<10
	cursorsAtAll = 1000
)

// cursor is a scan that goes on behind its last batch. It holds no records.
type cursor struct {
	collection string
	scan       store.Scan
	left       int      // records
	ids        []string // of the records, when they are not those of a scan
}

// cursors holds those that clients may ask to go on, the newest ones.
type cursors struct {
	mu   sync.Mutex
	last int64
	open map[int64]cursor
}

func (x *cursors) add(c cursor) int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.open == nil {
		x.open = map[int64]cursor{}
	}
	x.last++
	x.open[x.last] = c
	delete(x.open, x.last-cursorsAtAll)
	return x.last
}

func (x *cursors) take(id int64) (cursor, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c, ok := x.open[id]
	delete(x.open, id)
	return c, ok
}

func (s *Server) find(ctx context.Context, c *command) ([]byte, error) {
	known, err := s.collection(c.target)
	if err != nil {
		return nil, err
	}
	filter, err := c.fields["filter"].inside(kindDoc)
	if err != nil {
		return nil, bad("find: %s", err)
	}
	if _, sorted := c.fields["sort"]; !sorted {
		return s.get(ctx, c, known, filter)
	}
	for _, name := range []string{"projection", "singleBatch"} {
		if _, ok := c.fields[name]; ok {
			return nil, bad("find with sort and %s is not understood", name)
		}
	}
	scan, err := parseScan(known, c, filter)
	if err != nil {
		return nil, err
	}
	sort, err := c.fields["sort"].inside(kindDoc)
	if err != nil {
		return nil, bad("find: %s", err)
	}
	ascending, ok := direction(scan.Index, sort)
	if !ok {
		return nil, bad("find sorts by another order than that of the index %s", scan.Index.Name)
	}
	scan.Descending = !ascending
	if len(scan.After) > 0 && !follows(filter[len(filter)-1], scan.Descending) {
		return nil, bad("find goes on against the order of its sort")
	}
	limit, err := c.number("limit")
	if err != nil || limit < 1 || limit > store.MaxLimit+1 {
		return nil, bad("find has a limit that is not between 1 and %d", store.MaxLimit+1)
	}
	return s.batch(ctx, cursor{collection: known.Name, scan: scan, left: int(limit)}, "firstBatch")
}

// follows reports whether a condition on _id looks in the direction.
func follows(condition element, descending bool) bool {
	ops, err := condition.inside(kindDoc)
	want := "$gt"
	if descending {
		want = "$lt"
	}
	return err == nil && len(ops) == 1 && ops[0].name == want
}

// get answers a find by identifier.
func (s *Server) get(ctx context.Context, c *command, known *collection, filter []element) ([]byte, error) {
	if len(filter) != 1 || filter[0].name != "_id" {
		return nil, bad("find without a sort is understood by _id alone")
	}
	if filter[0].kind == kindDoc {
		return s.getMany(ctx, c, known, filter[0])
	}
	id, err := filter[0].text()
	if err != nil {
		return nil, bad("find: %s", err)
	}
	projection, err := projected(c)
	if err != nil {
		return nil, err
	}
	read := s.driver.Get
	if projection != "" {
		read = s.driver.Peek
	}
	b := s.cursorHead(0, known.Name, "firstBatch")
	r, err := read(ctx, known.Name, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	case projection == "_id":
		b.doc("0").text("_id", id).end()
	case projection != "":
		appendKeys(b.doc("0"), known, r).end()
	default:
		appendRecord(b.doc("0"), known, r)
	}
	return b.end().end().ok(), nil
}

// getMany answers a find by several identifiers.
func (s *Server) getMany(ctx context.Context, c *command, known *collection, condition element) ([]byte, error) {
	for _, name := range []string{"projection", "limit", "singleBatch"} {
		if _, ok := c.fields[name]; ok {
			return nil, bad("find by several identifiers and %s is not understood", name)
		}
	}
	ops, err := condition.inside(kindDoc)
	if err != nil || len(ops) != 1 || ops[0].name != "$in" {
		return nil, bad("find without a sort is understood by _id alone, one or $in")
	}
	values, err := ops[0].inside(kindArray)
	if err != nil || len(values) == 0 || len(values) > store.MaxLimit {
		return nil, bad("find asks for no identifiers, or for more than %d", store.MaxLimit)
	}
	ids := make([]string, len(values))
	for i, v := range values {
		if ids[i], err = v.text(); err != nil {
			return nil, bad("find: %s", err)
		}
	}
	return s.batch(ctx, cursor{collection: known.Name, ids: ids, left: len(ids)}, "firstBatch")
}

// projected returns the names that a find by identifier asks for, "" for all.
func projected(c *command) (string, error) {
	p, ok := c.fields["projection"]
	if !ok {
		return "", nil
	}
	parts, err := p.inside(kindDoc)
	names := make([]string, len(parts))
	for i, part := range parts {
		names[i] = part.name
	}
	asked := strings.Join(names, " ")
	if err != nil || asked != "_id" && asked != "_id rev k" {
		return "", bad("find has a projection other than to _id, or to _id, rev and k")
	}
	return asked, nil
}

// appendKeys writes a record without its body, and leaves the document open.
func appendKeys(b *builder, known *collection, r store.Record) *builder {
	b.text("_id", r.ID).int64("rev", r.Revision).doc("k")
	for _, f := range known.fields {
		b.key(f.Name, r.Keys[f.Name])
	}
	return b.end()
}

func appendRecord(b *builder, known *collection, r store.Record) {
	appendKeys(b, known, r).text("body", string(r.Body)).end()
}

// batch answers with as many records as one reply holds, and a cursor for the
// rest.
func (s *Server) batch(ctx context.Context, c cursor, name string) ([]byte, error) {
	known, ok := s.schema.collection(c.collection)
	if !ok {
		return nil, refuse(codeNoNamespace, "ns does not exist: %s.%s", s.database, c.collection)
	}
	b := newDoc().doc("cursor").text("ns", s.database+"."+c.collection).array(name)
	n, full := 0, false
	for c.left > 0 && !full {
		records, err := s.some(ctx, &c)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if full = n > 0 && len(b.bytes)+len(r.Body)+4*store.MaxKey > batchBytes; full {
				break
			}
			appendRecord(b.doc(strconv.Itoa(n)), known, r)
			c.pass(r)
			n++
		}
		if !full && (len(records) == 0 || c.ids == nil && len(records) < c.scan.Limit) {
			c.left = 0
		}
	}
	b.end()
	id := int64(0)
	if c.left > 0 {
		id = s.cursors.add(c)
	}
	return b.int64("id", id).end().ok(), nil
}

// some reads on. It returns nothing when there is nothing more.
func (s *Server) some(ctx context.Context, c *cursor) ([]store.Record, error) {
	if c.ids == nil {
		c.scan.Limit = min(c.left, chunk)
		return s.driver.Find(ctx, c.collection, c.scan)
	}
	for len(c.ids) > 0 {
		r, err := s.driver.Get(ctx, c.collection, c.ids[0])
		if !errors.Is(err, store.ErrNotFound) {
			return []store.Record{r}, err
		}
		c.ids, c.left = c.ids[1:], c.left-1
	}
	return nil, nil
}

// pass notes that the record was sent.
func (c *cursor) pass(r store.Record) {
	if c.left--; c.ids == nil {
		c.scan.After = positionOf(c.scan.Index, r)
		return
	}
	c.ids = c.ids[1:]
}

func positionOf(index store.Index, r store.Record) []any {
	after := make([]any, 0, len(index.Fields)+1)
	for _, f := range index.Fields {
		after = append(after, r.Keys[f.Name])
	}
	return append(after, r.ID)
}

func (s *Server) getMore(ctx context.Context, c *command) ([]byte, error) {
	id, err := c.target.integer()
	if err != nil {
		return nil, bad("getMore: %s", err)
	}
	going, ok := s.cursors.take(id)
	if name, err := c.fields["collection"].text(); !ok || err != nil || name != going.collection {
		return nil, refuse(codeCursorUnknown, "cursor id %d not found", id)
	}
	return s.batch(ctx, going, "nextBatch")
}

func (s *Server) killCursors(_ context.Context, c *command) ([]byte, error) {
	ids, err := c.fields["cursors"].inside(kindArray)
	if err != nil {
		return nil, bad("killCursors: %s", err)
	}
	b := newDoc().array("cursorsKilled")
	for i, e := range ids {
		id, err := e.integer()
		if err != nil {
			return nil, bad("killCursors: %s", err)
		}
		s.cursors.take(id)
		b.int64(strconv.Itoa(i), id)
	}
	return b.end().array("cursorsNotFound").end().array("cursorsAlive").end().array("cursorsUnknown").end().ok(), nil
}

// count answers the one pipeline that counts: a match, perhaps a limit, and a
// group of all.
func (s *Server) count(ctx context.Context, c *command) ([]byte, error) {
	known, err := s.collection(c.target)
	if err != nil {
		return nil, err
	}
	stages, err := pipeline(c)
	if err != nil {
		return nil, err
	}
	filter, err := stages[0].inside(kindDoc)
	if err != nil {
		return nil, bad("aggregate: %s", err)
	}
	scan, err := parseScan(known, c, filter)
	if err != nil {
		return nil, err
	}
	if len(scan.After) > 0 {
		return nil, bad("aggregate matches by _id, which is not understood")
	}
	limit := int64(0)
	if len(stages) == 3 {
		if limit, err = stages[1].integer(); err != nil || limit < 1 {
			return nil, bad("aggregate has a limit below 1")
		}
	}
	n, err := s.driver.Count(ctx, known.Name, scan, limit)
	if err != nil {
		return nil, err
	}
	b := s.cursorHead(0, known.Name, "firstBatch")
	if n > 0 {
		b.doc("0").int32("_id", 1).int64("n", n).end()
	}
	return b.end().end().ok(), nil
}

// pipeline returns the stages $match, $limit if any, and $group.
func pipeline(c *command) ([]element, error) {
	docs, err := c.fields["pipeline"].inside(kindArray)
	if err != nil {
		return nil, bad("aggregate: %s", err)
	}
	var stages []element
	var joined strings.Builder
	for _, d := range docs {
		parts, err := d.inside(kindDoc)
		if err != nil || len(parts) != 1 {
			return nil, bad("aggregate has a stage that is not one operator")
		}
		stages = append(stages, parts[0])
		joined.WriteString(parts[0].name)
	}
	names := joined.String()
	if names != "$match$group" && names != "$match$limit$group" {
		return nil, bad("aggregate is understood as $match, $limit, $group only, not as %s", names)
	}
	counting := newDoc().int32("_id", 1).doc("n").int32("$sum", 1).end().end().bytes
	if group := stages[len(stages)-1]; group.kind != kindDoc || string(group.data) != string(counting) {
		return nil, bad("aggregate groups otherwise than to count all")
	}
	return stages, nil
}

// parseScan reads a filter as a scan of the hinted index: values of the leading
// fields, then bounds of the next one or, behind all of them, of _id.
func parseScan(known *collection, c *command, filter []element) (store.Scan, error) {
	var scan store.Scan
	hint, err := c.fields["hint"].text()
	if err != nil {
		return scan, bad("%s has no hint of an index by name", c.name)
	}
	found := false
	for _, index := range known.Indexes {
		if wireName(index) == hint {
			scan.Index, found = index, true
		}
	}
	if !found {
		return scan, bad("%s hints at an index %q that %s does not have", c.name, hint, known.Name)
	}
	for i, e := range filter {
		fields := scan.Index.Fields
		last := i == len(filter)-1
		switch {
		case i < len(fields) && e.name == "k."+fields[i].Name && e.kind != kindDoc:
			v, err := e.key()
			if err != nil {
				return scan, bad("%s: %s", c.name, err)
			}
			scan.Equal = append(scan.Equal, v)
		case last && i < len(fields) && e.name == "k."+fields[i].Name:
			if err := parseBounds(&scan, e); err != nil {
				return scan, err
			}
		case last && i == len(fields) && e.name == "_id":
			if err := parsePosition(&scan, e); err != nil {
				return scan, err
			}
		default:
			return scan, bad("%s has a condition on %s that is not one piece of the index %s", c.name, e.name, scan.Index.Name)
		}
	}
	return scan, nil
}

func parseBounds(scan *store.Scan, e element) error {
	ops, err := e.inside(kindDoc)
	if err != nil || len(ops) == 0 {
		return bad("bounds of %s are not understood", e.name)
	}
	for _, op := range ops {
		v, err := op.key()
		switch {
		case err == nil && op.name == "$gte" && scan.From == nil:
			scan.From = v
		case err == nil && op.name == "$lt" && scan.To == nil:
			scan.To = v
		default:
			return bad("bound %s of %s is not understood", op.name, e.name)
		}
	}
	return nil
}

func parsePosition(scan *store.Scan, e element) error {
	ops, err := e.inside(kindDoc)
	if err != nil || len(ops) != 1 || ops[0].name != "$gt" && ops[0].name != "$lt" {
		return bad("the condition on _id is not understood")
	}
	id, err := ops[0].text()
	if err != nil {
		return bad("the condition on _id: %s", err)
	}
	scan.After = append(append([]any{}, scan.Equal...), id)
	return nil
}
