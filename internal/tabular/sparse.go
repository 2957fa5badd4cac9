package tabular

import "fmt"

// columnSet numbers the columns of a table by name, as they appear.
type columnSet struct {
	names []string
	index map[string]int // also by names before they were cleaned
	fixed bool           // there will be no others
	limit int            // on their number
	kind  string         // prefix of the codes of mistakes
}

// ignored is the number of a column that is not wanted.
const ignored = -1

// newColumnSet returns a set of the names, and no others if there are any.
func newColumnSet(names []string, limit int, kind string) *columnSet {
	c := &columnSet{names: names, index: make(map[string]int), fixed: names != nil, limit: limit, kind: kind}
	for i, name := range names {
		c.index[name] = i
	}
	return c
}

// at returns the number of the column, or ignored, or what is wrong with its
// name.
func (c *columnSet) at(key []byte) (int, *problem) {
	if i, ok := c.index[string(key)]; ok {
		return i, nil
	}
	if len(key) > maxName {
		return 0, &problem{code: c.kind + "_column_name_too_long", column: -1, reason: fmt.Sprintf("a name has %d bytes; at most %d are allowed", len(key), maxName)}
	}
	name := cleanName(string(key))
	if name == "" {
		return 0, &problem{code: c.kind + "_empty_column_name", column: -1, reason: "a value has no name; give every value a name"}
	}
	i, ok := c.index[name]
	if ok && len(c.index) < 2*c.limit {
		c.index[string(key)] = i // it is written in another way
	}
	switch {
	case ok:
		return i, nil
	case c.fixed:
		return ignored, nil
	case len(c.names) == c.limit:
		return 0, &problem{code: c.kind + "_too_many_columns", column: -1, reason: fmt.Sprintf(
			"%q would be column %d; at most %d are allowed, so leave some out", shorten(name, 60), c.limit+1, c.limit)}
	}
	i = len(c.names)
	c.names = append(c.names, name)
	c.index[name] = i
	return i, nil
}

// sparse collects the cells of records that lack some columns, or more columns
// than were known when the chunk began.
type sparse struct {
	cells []cell
}

// cell is a value that is not missing.
type cell struct {
	row    int32 // in the chunk
	column int32
	span   span
}

// layout puts the cells where the chunk has room for every column.
func (s *sparse) layout(c *rawChunk, width int) {
	c.width = width
	n := width * len(c.rows)
	if cap(c.fields) < n {
		c.fields = make([]span, n)
	}
	c.fields = c.fields[:n]
	clear(c.fields)
	for _, k := range s.cells {
		c.fields[int(k.row)*width+int(k.column)] = k.span
	}
	s.cells = s.cells[:0]
}
