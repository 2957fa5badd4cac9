package tabular_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
)

// byteCutter cuts CSV one byte after the other, as the documentation says it. It is
// what the scanner, which looks at many bytes together, has to agree with.
type byteCutter struct {
	in           string
	delim, quote byte
	pos          int
	line         int64
	width        int // of the first record, once it is known
}

// byteRecord is a record, or what is wrong with it and where.
type byteRecord struct {
	fields []string
	line   int64
	code   string
	at     int64 // line of the mistake
	column int   // from 1; 0: none is to blame
}

// where is how errors name the mistake and its place.
func (r *byteRecord) where(row int) string {
	where := fmt.Sprintf("%s: line %d, row %d", r.code, r.at, row)
	if r.column > 0 {
		where += fmt.Sprintf(", column \"column_%d\"", r.column)
	}
	return where
}

func (c *byteCutter) all() (records []byteRecord) {
	for {
		r, ok := c.record()
		if !ok {
			return records
		}
		records = append(records, r)
	}
}

func (c *byteCutter) blank(i int) bool {
	return i < len(c.in) && (c.in[i] == ' ' || c.in[i] == '\t') && c.in[i] != c.delim
}

func (c *byteCutter) lineEnd(i int) bool {
	return i == len(c.in) || c.in[i] == '\n' || c.in[i] == '\r'
}

// lines counts the line ends in a part of the text.
func lines(text string) int64 {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return int64(strings.Count(text, "\n") + strings.Count(text, "\r"))
}

// record cuts the next record that is not blank.
func (c *byteCutter) record() (r byteRecord, ok bool) {
	for c.pos < len(c.in) {
		begin := c.pos
		r := byteRecord{line: c.line}
		next, spans, broken := c.fields(&r)
		if broken { // its end is not known: the line it began in is left out
			next = begin + strings.IndexAny(c.in[begin:]+"\n", "\r\n")
		}
		text := c.in[begin:next]
		if next < len(c.in) {
			next += 1 + strings.Count(c.in[next:min(next+2, len(c.in))], "\r\n")
		}
		c.pos = next
		c.line += lines(c.in[begin:next])
		if broken {
			return r, true
		}
		if len(spans) == 1 && strings.Trim(text, " \t") == "" {
			continue
		}
		c.check(&r, text, begin, spans)
		return r, true
	}
	return byteRecord{}, false
}

// fields cuts the fields of a record, and returns where they end.
func (c *byteCutter) fields(r *byteRecord) (next int, spans [][2]int, broken bool) {
	for i := c.pos; ; i++ {
		start := i
		for c.blank(i) {
			i++
		}
		if i < len(c.in) && c.in[i] == c.quote {
			opened := r.line + lines(c.in[c.pos:i])
			text, end, closed := c.enclosed(i + 1)
			i = end
			for c.blank(i) {
				i++
			}
			if !closed || !c.lineEnd(i) && c.in[i] != c.delim {
				r.code, r.at, r.column = "csv_unclosed_quote", opened, len(spans)+1
				if closed {
					r.code, r.at = "csv_bare_quote", r.line+lines(c.in[c.pos:end-1])
				}
				return 0, nil, true
			}
			r.fields = append(r.fields, text)
			spans = append(spans, [2]int{start, i})
		} else {
			for !c.lineEnd(i) && c.in[i] != c.delim {
				i++
			}
			text := c.in[start:i]
			if c.delim != '\t' {
				text = strings.Trim(text, "\t ")
			}
			r.fields = append(r.fields, strings.Trim(text, " "))
			spans = append(spans, [2]int{start, i})
		}
		if c.lineEnd(i) {
			return i, spans, false
		}
	}
}

// enclosed reads the text from i up to the quote that closes it.
func (c *byteCutter) enclosed(i int) (text string, end int, closed bool) {
	for ; i < len(c.in); i++ {
		if c.in[i] == c.quote {
			if i+1 == len(c.in) || c.in[i+1] != c.quote {
				return text, i + 1, true
			}
			i++
		}
		text += c.in[i : i+1]
	}
	return text, i, false
}

// check looks for what is wrong with a record that has an end.
func (c *byteCutter) check(r *byteRecord, text string, begin int, spans [][2]int) {
	bad := strings.IndexByte(text, 0)
	switch {
	case bad >= 0:
		r.code = "csv_nul_byte"
	case !utf8.ValidString(text):
		r.code = "csv_invalid_utf8"
		for rest := text; ; {
			bad = len(text) - len(rest)
			v, n := utf8.DecodeRuneInString(rest)
			if v == utf8.RuneError && n == 1 {
				break
			}
			rest = rest[n:]
		}
	case c.width > 0 && len(r.fields) != c.width:
		r.code, r.at = "csv_ragged_row", r.line
		return
	default:
		return
	}
	r.at = r.line + lines(text[:bad]+"x")
	for k, s := range spans {
		if s[0] <= begin+bad && begin+bad < s[1] && (c.width == 0 || k < c.width) {
			r.column = k + 1
		}
	}
}

// checkRecords compares what the reader makes of the text with what the cutter does.
func checkRecords(t *testing.T, in string, delim, quote string, src func() io.Reader) {
	t.Helper()
	format := tabular.FormatOptions{Delimiter: delim, Quote: quote, Header: new(false)}
	sniffed, err := tabular.SniffCSV([]byte(in), true, format)
	if err != nil || sniffed.BOM || len(in) > 4 && strings.EqualFold(in[:4], "sep=") {
		return
	}
	c := &byteCutter{in: in, delim: delim[0], quote: quote[0], line: 1}
	first, ok := c.record()
	c.pos, c.line, c.width = 0, 1, len(first.fields)
	o := tabular.CSVOptions{Format: format, Tolerant: true, Limits: tabular.Limits{ChunkRows: 3}}
	r, err := tabular.NewCSVReader(src(), o)
	if !ok || first.code != "" {
		if want := first.code; err == nil || ok && fault.CodeOf(err) != want || !ok && fault.CodeOf(err) != "csv_empty" {
			t.Fatalf("%q: error %v, want %q", in, err, want)
		}
		return
	}
	if err != nil {
		t.Fatalf("%q: %v", in, err)
	}
	var rows [][]string
	var starts []int64
	var bad []tabular.BadRow
	var where string
	for i, record := range c.all() {
		if record.code == "" {
			rows, starts = append(rows, named(record.fields)), append(starts, record.line)
			continue
		}
		b := tabular.BadRow{Row: int64(i) + 1, Line: record.line, Code: record.code}
		if record.column > 0 {
			b.Column = fmt.Sprintf("column_%d", record.column)
		}
		if bad = append(bad, b); where == "" {
			where = record.where(i + 1)
		}
	}
	gotRows, _, gotStarts, gotBad := collect(t, r)
	for i := range gotBad {
		gotBad[i].Reason = ""
	}
	if !reflect.DeepEqual(gotRows, rows) || !reflect.DeepEqual(gotStarts, starts) || !reflect.DeepEqual(gotBad, bad) {
		t.Fatalf("%q: rows %q of lines %v, bad %+v; want %q of %v, bad %+v", in, gotRows, gotStarts, gotBad, rows, starts, bad)
	}
	o.Tolerant = false
	if r, err = tabular.NewCSVReader(src(), o); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Next(t.Context())
	}
	if where == "" && !errors.Is(err, io.EOF) || where != "" && !strings.HasPrefix(err.Error(), where+": ") {
		t.Fatalf("%q: error %v, want one at %q", in, err, where)
	}
}

// named returns the fields as collect does.
func named(fields []string) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		switch out[i] = f; f {
		case "", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL":
			out[i] = "∅"
		}
	}
	return out
}

// paces returns sources of the text of which each stops elsewhere.
func paces(in string, rng *rand.Rand) []func() io.Reader {
	seed := rng.Uint64()
	return []func() io.Reader{
		func() io.Reader { return strings.NewReader(in) },
		func() io.Reader { return iotest.OneByteReader(strings.NewReader(in)) },
		func() io.Reader { return &uneven{in: []byte(in), rng: rand.New(rand.NewPCG(seed, 1))} },
	}
}

// uneven is a source of pieces of any length.
type uneven struct {
	in  []byte
	rng *rand.Rand
}

// Read implements io.Reader.
func (u *uneven) Read(p []byte) (int, error) {
	if len(u.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 1+u.rng.IntN(150))], u.in)
	u.in = u.in[n:]
	return n, nil
}

// TestRecordsOfRandomText cuts text of everything that means something in CSV, with
// plain fields of any length between.
func TestRecordsOfRandomText(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for range 400 {
		delim, quote := string(",;\t|"[rng.IntN(4)]), string(`"'`[rng.IntN(2)])
		pieces := []string{delim, delim, delim, delim, "\n", "\n", "\r\n", "\r", quote, quote + quote, " ", "\t", "a", "é", "1.5", "NA", quote + "x" + delim + "\n" + quote + delim}
		if rng.IntN(4) == 0 {
			pieces = append(pieces, "\x00", "\xff", "\xc3", "\x0b", "\x1f")
		}
		var in strings.Builder
		columns := 1 + rng.IntN(4)
		for range rng.IntN(40) {
			switch rng.IntN(5) {
			case 0:
				in.WriteString(strings.Repeat("x", rng.IntN(130)))
			case 1: // a record without mistakes
				in.WriteString(strings.Repeat("y"+delim, columns-1) + "z\n")
			default:
				in.WriteString(pieces[rng.IntN(len(pieces))])
			}
		}
		for _, src := range paces(in.String(), rng) {
			checkRecords(t, in.String(), delim, quote, src)
		}
		if rng.IntN(4) == 0 {
			text := strings.Repeat("h", looked) + strings.Repeat(delim, columns-1) + "\n" + in.String()
			checkRecords(t, text, delim, quote, paces(text, rng)[1])
		}
	}
}

// looked is how many bytes are read to find the format, so that the buffer ends at a
// place of its own behind them only.
const looked = 64 << 10

// TestRecordsAtEveryPlace moves the same records over all places of the blocks that
// are looked at together, and ends the text and the buffer at each.
func TestRecordsAtEveryPlace(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	for _, delim := range []string{",", "\t"} {
		const parts = "a,b\n1.5,\"x\"\"y,\nz\"\r\n , \"q\" \r\r\n\n,\né,NA\n\"\",\"\""
		records := strings.ReplaceAll(parts, ",", delim)
		for before := range 66 {
			in := strings.Repeat("h", before+1) + delim + "i\n" + records
			for _, src := range paces(in, rng) {
				checkRecords(t, in, delim, `"`, src)
			}
			cut := in[:len(in)-before%len(records)]
			for _, src := range paces(cut, rng) {
				checkRecords(t, cut, delim, `"`, src)
			}
			cut = strings.Repeat("h", looked) + cut
			checkRecords(t, cut, delim, `"`, paces(cut, rng)[1])
		}
	}
}

// FuzzRecords compares the scanner with the cutter of single bytes.
func FuzzRecords(f *testing.F) {
	seeds(f)
	f.Add([]byte(strings.Repeat("a,\"b\"\"\",c \r\n", 20)))
	f.Fuzz(func(t *testing.T, in []byte) {
		src := func() io.Reader { return bytes.NewReader(in) }
		checkRecords(t, string(in), ",", `"`, src)
		checkRecords(t, string(in), "\t", "'", func() io.Reader { return iotest.HalfReader(src()) })
	})
}
