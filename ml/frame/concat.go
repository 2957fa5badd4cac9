package frame

import "fmt"

// Concat returns the frames one below the other. They must have columns of the
// same names and types in the same order; dictionaries are merged in order of
// appearance. Without frames it is empty.
func Concat(frames ...*Frame) (*Frame, error) {
	if len(frames) == 0 {
		return New()
	}
	first, rows := frames[0], 0
	for i, f := range frames {
		if err := sameColumns(first, f); err != nil {
			return nil, fmt.Errorf("frame: part %d: %w", i+1, err)
		}
		rows += f.rows
	}
	columns := make([]Column, len(first.columns))
	for j := range columns {
		columns[j] = concat(frames, j, rows)
	}
	out, err := New(columns...)
	if err != nil {
		return nil, err
	}
	out.rows = rows
	return out, nil
}

func sameColumns(a, b *Frame) error {
	if len(a.columns) != len(b.columns) {
		return fmt.Errorf("%d columns instead of %d", len(b.columns), len(a.columns))
	}
	for j, c := range a.columns {
		d := b.columns[j]
		if c.name != d.name || c.typ != d.typ {
			return fmt.Errorf("column %d is %q of type %s instead of %q of type %s", j+1, d.name, d.typ, c.name, c.typ)
		}
	}
	return nil
}

func concat(frames []*Frame, j, rows int) Column {
	first := frames[0].columns[j]
	out := Column{name: first.name, typ: first.typ, length: rows}
	switch out.typ {
	case Float:
		out.floats = make([]float64, 0, rows)
	case String:
		out.codes = make([]int32, 0, rows)
	default:
		out.ints = make([]int64, 0, rows)
	}
	index := map[string]int32{}
	start := 0
	for _, f := range frames {
		c := f.columns[j]
		out.floats = append(out.floats, c.floats...)
		out.ints = append(out.ints, c.ints...)
		out.codes, out.dict = appendCodes(out.codes, out.dict, c, index)
		for i := range c.length {
			if c.nulls.Get(i) {
				out.nulls.Set(start + i)
			}
		}
		start += c.length
	}
	return out
}

// appendCodes appends the codes of c, translated to a dictionary that grows as
// needed; index finds its strings.
func appendCodes(codes []int32, dict []string, c Column, index map[string]int32) ([]int32, []string) {
	if c.typ != String {
		return codes, dict
	}
	table := make([]int32, len(c.dict))
	for k, s := range c.dict {
		at, ok := index[s]
		if !ok {
			at = int32(len(dict))
			index[s] = at
			dict = append(dict, s)
		}
		table[k] = at
	}
	for _, k := range c.codes {
		if k >= 0 {
			k = table[k]
		}
		codes = append(codes, k)
	}
	return codes, dict
}
