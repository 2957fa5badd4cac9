package tabular

import (
	"context"
	"errors"
	"io"

	"github.com/narrativeml/narrative/ml/frame"
)

// ErrTrial says that a file does not have the types that its beginning has, so
// that they have to be found in the whole of it before it is read by them.
var ErrTrial = errors.New("the file does not have the types of its beginning")

// Trial reads a file by the types that its beginning has, each of which may be
// missing, and finds out on the way whether the whole of it has them.
type Trial struct {
	*CSVReader

	in   *opened
	rows int64 // of the beginning
}

var _ Reader = (*Trial)(nil)

// trial observes the values of columns while they are typed.
type trial struct {
	guesses []guess
	until   int64 // the row up to which types may still come to be what was guessed
}

// Try does what [Inspect] does, or of a large file of CSV looks at the beginning
// only and returns a reader by what is there. To find the types of a file and to
// read it by them then takes one pass instead of two. Close the reader.
func Try(ctx context.Context, f File, o Options, rows func(int64)) (*Table, *Trial, error) {
	o.Tolerant, o.Schema, o.IDColumn, o.Names = false, nil, "", nil
	in, err := begin(ctx, f, o)
	if err != nil {
		return nil, nil, err
	}
	var t *Table
	whole := true
	if in.format.Kind == KindCSV {
		t, whole, err = in.beginning(ctx, o, rows)
	} else {
		t, err = in.inspect(ctx, o, rows)
	}
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, nil, err
	}
	switch {
	case whole:
		return t, nil, nil
	case t == nil:
		t, err = Inspect(ctx, f, o, rows)
		return t, nil, err
	}
	o.Schema = t.Schema
	for i := range o.Schema {
		o.Schema[i].Nullable = true
	}
	r, err := newTrial(ctx, f, o, t.Rows)
	return nil, r, err
}

// beginning says what is in the beginning of the file, and whether that is all. It
// returns nothing when the rest has to say whether the beginning is right.
func (in *opened) beginning(ctx context.Context, o Options, rows func(int64)) (t *Table, whole bool, err error) {
	r, err := NewCSVReader(in.text, o.csv())
	if err != nil {
		return nil, false, err
	}
	var g guesses
	for !whole && (!g.begun || r.scan.mark().Offset < int64(r.limits.Beginning)) {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		switch err := r.records.next(&r.raw, r.chunkRows()); {
		case errors.Is(err, io.EOF):
			whole = true
			continue
		case err != nil:
			return nil, false, err
		}
		g.observe(&r.raw)
		if rows != nil {
			rows(r.records.total())
		}
	}
	if t, err = r.table(&g); err != nil {
		if !whole {
			err = nil // an infinity may be a text in a column of texts
		}
		return nil, whole, err
	}
	t.Format = in.describe(t.Format)
	return t, whole, nil
}

func newTrial(ctx context.Context, f File, o Options, rows int64) (*Trial, error) {
	in, err := begin(ctx, f, o)
	if err != nil {
		return nil, err
	}
	r, err := NewCSVReader(in.text, o.csv())
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	r.typer.trial = &trial{guesses: make([]guess, len(o.Schema)), until: rows}
	return &Trial{CSVReader: r, in: in, rows: rows}, nil
}

// Beginning returns how many rows were looked at for the types.
func (t *Trial) Beginning() int64 { return t.rows }

// Close closes the file.
func (t *Trial) Close() error { return t.in.Close() }

// Table says, when all rows were read, what the file holds, as [Inspect] does.
// Its error is [ErrTrial].
func (t *Trial) Table() (*Table, error) {
	made, err := t.table(&guesses{columns: t.typer.trial.guesses})
	if err != nil {
		return nil, err
	}
	if err := t.typer.trial.same(t.typer.schema); err != nil {
		return nil, err
	}
	made.Format = t.in.describe(made.Format)
	return made, nil
}

// check looks, behind the beginning, whether the types are still those of the
// schema.
func (t *trial) check(schema Schema, rows []int64) error {
	if len(rows) == 0 || rows[len(rows)-1] < t.until {
		return nil
	}
	return t.same(schema)
}

// same returns an error unless the values that were observed have the types of
// the schema.
func (t *trial) same(schema Schema) error {
	for k, f := range schema {
		found := t.guesses[k].field(f.Name)
		if found.Nullable = f.Nullable; found != f {
			return ErrTrial
		}
	}
	return nil
}

// tried types a column by what was guessed of it, and takes its values into
// account. It refuses what a column of that type, as it is found, does not have.
func (p *cells) tried(f Field, g *guess) (c frame.Column) {
	switch {
	case f.Type == String && g.seen&sawText != 0:
		c = p.strings(f.Name)
	case f.Type == Float && f.Layout == Plain:
		return p.floats(f, g)
	case f.Type == Integer && f.Layout == Plain:
		c = p.triedInts(f, g)
	case f.Type == Boolean:
		g.seen |= sawBool
		c = p.ints(f, parseBool, nil)
	case f.Type == Datetime && f.Layout == Plain:
		g.seen |= sawTime
		c = p.ints(f, parseTime, p.instants)
	default:
		for i := range p.raw.rows {
			g.observe(p.raw.field(i, p.column))
		}
		return p.typed(f)
	}
	g.nullable = g.nullable || c.Nulls() > 0
	return c
}

// triedInts types a column of whole numbers.
func (p *cells) triedInts(f Field, g *guess) frame.Column {
	parse := func(b []byte) (int64, bool) {
		n := scanNumber(b)
		if n.kind != wholeNumber {
			return 0, false
		}
		if b[0] == '+' || g.seen&sawWhole == 0 {
			g.observeNumber(b, n)
		}
		return n.whole, true
	}
	return p.ints(f, parse, func(values []int64, i int) int {
		if g.seen&sawWhole == 0 {
			return i
		}
		return p.wholes(values, i) // of which there is nothing to be found out
	})
}
