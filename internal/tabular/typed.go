package tabular

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/ml/frame"
)

// Chunk is a run of rows.
type Chunk struct {
	Frame *frame.Frame
	Rows  []int64      // the number of each row, from 1, counted without the header; ascending
	Lines []int64      // the line each row begins at, from 1; nil when the file has no lines
	ID    frame.Column // the texts of the options' IDColumn, when there is one
	Bad   []BadRow     // rows that are not in the frame, in order; empty in strict reading

	// Values of lenient fields that are missing now since they disagreed; their
	// rows are in the frame.
	Refused []BadRow
}

// typer turns raw records into typed columns.
type typer struct {
	schema   Schema
	index    []int // of each column in the file
	names    []string
	id       int // index of the identifier's column in the file, or -1
	tolerant bool
	known    codeTable   // of the texts of a column in a chunk
	distinct map[int]int // how many texts the last chunk had, by column of the file
	trial    *trial      // of types that were guessed; nil: they are known
}

// chunk types the records. In strict mode the first mistake is the error.
func (t *typer) chunk(raw *rawChunk) (*Chunk, error) {
	c := &Chunk{Rows: slices.Clone(raw.rows), Lines: slices.Clone(raw.lines), Bad: raw.bad}
	problems := make(map[int]*problem)
	columns := make([]frame.Column, len(t.schema))
	from := &cells{typer: t, raw: raw, problems: problems}
	for k, f := range t.schema {
		from.column = t.index[k]
		if t.trial != nil {
			columns[k] = from.tried(f, &t.trial.guesses[k])
		} else {
			columns[k] = from.typed(f)
		}
	}
	c.Refused = from.refused
	for i := range raw.rows {
		p := problems[i]
		if p == nil {
			continue
		}
		if !t.tolerant {
			return nil, p.fault(t.names)
		}
		c.Bad = append(c.Bad, p.badRow(t.names, raw.lines[i]))
	}
	if t.trial != nil {
		if err := t.trial.check(t.schema, raw.rows); err != nil {
			return nil, err
		}
	}
	if t.id >= 0 {
		from.column = t.id
		c.ID = from.strings(t.names[t.id])
	}
	var err error
	if c.Frame, err = frame.New(columns...); err != nil {
		return nil, fmt.Errorf("type rows: %w", err)
	}
	if len(problems) > 0 {
		c.Keep(func(i int) bool { return problems[i] == nil })
		slices.SortStableFunc(c.Bad, func(a, b BadRow) int { return cmp.Compare(a.Row, b.Row) })
	}
	return c, nil
}

// Keep drops the rows, by their index in the chunk, for which good is false.
// Bad rows stay.
func (c *Chunk) Keep(good func(i int) bool) {
	keep := make([]int, 0, len(c.Rows))
	for i := range c.Rows {
		if good(i) {
			keep = append(keep, i)
		}
	}
	if len(keep) == len(c.Rows) {
		return
	}
	c.Frame = c.Frame.Take(keep)
	if c.ID.Len() > 0 {
		c.ID = c.ID.Take(keep)
	}
	for to, from := range keep {
		c.Rows[to] = c.Rows[from]
		if c.Lines != nil {
			c.Lines[to] = c.Lines[from]
		}
	}
	c.Rows = c.Rows[:len(keep)]
	if c.Lines != nil {
		c.Lines = c.Lines[:len(keep)]
	}
}

// cells is one column of raw records after the other.
type cells struct {
	typer    *typer
	raw      *rawChunk
	column   int
	texts    texts
	problems map[int]*problem
	refused  []BadRow
}

func (p *cells) typed(f Field) frame.Column {
	switch {
	case f.Type == String:
		return p.strings(f.Name)
	case f.Layout != Plain || f.Lenient:
		return p.laidOut(f)
	case f.Type == Float:
		return p.floats(f, nil)
	case f.Type == Boolean:
		return p.ints(f, looseBool, nil)
	case f.Type == Datetime:
		return p.ints(f, parseTime, p.instants)
	default:
		return p.ints(f, parseInt, p.wholes)
	}
}

// floats types a column of numbers. A guess, where there is one, takes them into
// account.
func (p *cells) floats(f Field, g *guess) frame.Column {
	values := make([]float64, len(p.raw.rows))
	for i := 0; i < len(values); i++ {
		if g == nil || g.seen&sawFraction != 0 { // there is nothing to be found out of more decimals
			if i = p.decimals(values, i); i == len(values) {
				break
			}
		}
		b := p.raw.field(i, p.column)
		if missing(b) {
			values[i] = math.NaN()
			if g != nil {
				g.nullable = true
			}
			continue
		}
		n := scanNumber(b)
		if n.kind == notNumber || n.kind == infiniteNumber {
			p.bad(i, f.Type, b)
			continue
		}
		if g != nil && (n.kind != decimalNumber || g.seen&sawFraction == 0) {
			g.observeNumber(b, n)
		}
		if values[i] = n.float(b); math.IsInf(values[i], 0) {
			p.bad(i, f.Type, b)
		}
	}
	return frame.NewFloat(f.Name, values)
}

// ints types a column of whole numbers, booleans or instants. run, which may be nil,
// reads values from i on, and returns the first that it cannot.
func (p *cells) ints(f Field, parse func(b []byte) (int64, bool), run func(values []int64, i int) int) frame.Column {
	values := make([]int64, len(p.raw.rows))
	var nulls frame.Bitmap
	for i := 0; i < len(values); i++ {
		if run != nil {
			if i = run(values, i); i == len(values) {
				break
			}
		}
		b := p.raw.field(i, p.column)
		if missing(b) {
			nulls.Set(i)
			continue
		}
		v, ok := parse(b)
		if !ok {
			p.bad(i, f.Type, b)
			continue
		}
		values[i] = v
	}
	return frame.NewInt(f.Name, f.Type.Type(), values, nulls)
}

// laidOut reads a column by its layout.
func (p *cells) laidOut(f Field) frame.Column {
	b := newColumnBuilder(f.Type, len(p.raw.rows))
	b.read(f)
	for i := range p.raw.rows {
		text := p.raw.field(i, p.column)
		if b.parse(i, text) {
			continue
		}
		b.null(i)
		problem := fieldProblem(f, string(text), p.raw.rows[i], p.raw.lines[i], p.column)
		if f.Lenient {
			p.refused = append(p.refused, problem.refused(p.typer.names, string(text)))
		} else if p.problems[i] == nil {
			p.problems[i] = problem
		}
	}
	return b.column(f.Name)
}

func (p *cells) strings(name string) frame.Column {
	codes := make([]int32, len(p.raw.rows))
	before := p.typer.distinct[p.column]
	dict := make([]string, 0, before+before/8)
	known := &p.typer.known
	known.reset(len(codes))
	for i := range codes {
		b := p.raw.field(i, p.column)
		k, hash, ok := known.find(b, dict)
		switch {
		case ok:
		case missing(b):
			k = -1
		default:
			k = int32(len(dict))
			known.add(hash, k)
			dict = append(dict, p.texts.keep(b))
		}
		codes[i] = k
	}
	p.typer.distinct[p.column] = len(dict)
	return frame.NewString(name, codes, dict)
}

// parseInt reads a whole number, also one with leading zeros or a fraction of
// nothing but zeros.
func parseInt(b []byte) (int64, bool) {
	n := scanNumber(b)
	switch n.kind {
	case wholeNumber, codeNumber:
		return n.whole, n.fits
	case decimalNumber:
		return wholeOf(n.float(b))
	default:
		return 0, false
	}
}

// wholeOf returns f as an integer if it is one that a float holds exactly.
func wholeOf(f float64) (int64, bool) {
	if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// bad notes that value i is not of the type, unless the row is bad already.
func (p *cells) bad(i int, t Type, b []byte) {
	if p.problems[i] == nil {
		p.problems[i] = typeProblem(t, string(b), p.raw.rows[i], p.raw.lines[i], p.column)
	}
}

func typeProblem(t Type, text string, row, line int64, column int) *problem {
	if t == Float || t == Integer {
		if n := scanNumber([]byte(text)); n.kind == infiniteNumber {
			return infiniteProblem([]byte(text), row, line, column)
		}
	}
	article := "a"
	if t == Integer {
		article = "an"
	}
	return &problem{code: "type_mismatch", row: row, line: line, column: column, reason: fmt.Sprintf(
		"%q is not %s %s; give %s, or leave the field empty", shorten(pii.Quote(text), 60), article, t, example(t))}
}

// fieldProblem is a typeProblem that shows the layout of the field.
func fieldProblem(f Field, text string, row, line int64, column int) *problem {
	p := typeProblem(f.Type, text, row, line, column)
	if f.Layout != Plain && p.code == "type_mismatch" {
		p.reason = fmt.Sprintf("%q is not as the other values of the column; give %s, or leave the field empty", shorten(pii.Quote(text), 60), exampleOf(f))
	}
	return p
}

func example(t Type) string {
	switch t {
	case Integer:
		return "a whole number such as 42"
	case Float:
		return "a number such as 4.2"
	case Boolean:
		return "true or false"
	case Datetime:
		return "a date or time such as 2006-01-02 or 2006-01-02T15:04:05Z"
	default:
		return "text"
	}
}
