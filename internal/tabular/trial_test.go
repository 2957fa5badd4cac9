package tabular_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
)

// tryFile reads the file in one pass; it reports false when that does not go. The
// rows are those of the table that was accepted.
func tryFile(t *testing.T, f tabular.File, o tabular.Options) (table *tabular.Table, rows [][]string, ok bool, err error) {
	t.Helper()
	table, trial, err := tabular.Try(t.Context(), f, o, nil)
	if err != nil || trial == nil {
		return table, nil, trial != nil, err
	}
	for _, f := range trial.Schema() {
		if !f.Nullable || f.Lenient {
			t.Fatalf("read as %+v", f)
		}
	}
	err = tabular.Stream(t.Context(), trial, func(c *tabular.Chunk) error {
		rows = append(rows, texts(c)...)
		return nil
	})
	if err == nil {
		table, err = trial.Table()
	}
	if closed := trial.Close(); closed != nil {
		t.Fatal(closed)
	}
	if err != nil {
		if !errors.Is(err, tabular.ErrTrial) && fault.ClassOf(err) != fault.ClassInvalid {
			t.Fatalf("not an error to go back from: %v", err)
		}
		return nil, nil, false, nil
	}
	return table, rows, true, nil
}

// checkTrial compares reading the file in one pass with reading it in two.
func checkTrial(t *testing.T, f tabular.File, o tabular.Options) (once bool) {
	t.Helper()
	want, wantErr := tabular.Inspect(t.Context(), f, o, nil)
	got, rows, once, err := tryFile(t, f, o)
	switch {
	case err != nil:
		if wantErr == nil || err.Error() != wantErr.Error() {
			t.Fatalf("error %v, in two passes %v", err, wantErr)
		}
		return once
	case got == nil:
		return false
	case wantErr != nil:
		t.Fatalf("found %+v, in two passes %v", got, wantErr)
	case !reflect.DeepEqual(got, want):
		t.Fatalf("found %+v, in two passes %+v", got, want)
	}
	if !once {
		return false
	}
	o.Format, o.Schema, o.Names = want.Format.Told(), want.Schema, want.Schema.Names()
	r, c, err := tabular.Open(t.Context(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if again, _, _, _ := collect(t, r); !reflect.DeepEqual(rows, again) {
		t.Fatalf("rows %q, in two passes %q", rows, again)
	}
	return true
}

// small are limits with which few rows are a large file.
var small = tabular.Limits{Beginning: 40, ChunkRows: 3}

func TestTrial(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		early string // the values of the beginning, by |
		late  string // those that follow
		once  bool
	}{
		{"whole numbers", "1|2|-3", "4|+5", true},
		{"decimals", "1.5|2.25|3", "4|0.125|1e3", true},
		{"late nulls", "1|2|3", "|NA|4", true},
		{"nulls only", "|NA|null", "||", true},
		{"texts", "a|b|c", "d|?|1", true},
		{"texts without a null", "a|b|c", "d|e", true},
		{"booleans", "true|False|", "TRUE|false", true},
		{"instants", "2024-01-01|2024/01/02|", "2024-01-03T04:05:06+02:00", true},
		{"a layout", "31.12.2024|1.2.2024", "30.11.2023", true},
		{"decimal commas", "1,5|2,25", "3|1.234,5", true},
		{"currency", "€ 5|€ 6", "€ 7,50|€ 8", false}, // a comma that was not needed before
		{"amounts of one currency", "€ 5,5|€ 6", "7,25 EUR", true},
		{"codes", "007|012|1", "003|000", true},
		{"telephone numbers", "+4930123456|+4930123457", "+4930123458", true},
		{"nobody can tell", "01/02/2024|03/04/2024", "05/06/2024", true},
		{"thousands or decimals", "1.234|5.678", "9.012", true},
		{"a column of more than a piece", "1|2|3", "4|5|6|7|8|9|10|11|12|13|14|15|16|17|18|19|20", true},

		{"a late decimal", "1|2|3", "4|5.5", false},
		{"a late whole decimal", "1|2|3", "4|5.0", false},
		{"a late text", "1.5|2|3", "x", false},
		{"a late code", "1|2|3", "4|007", false},
		{"a late long number", "1|2|3", "4|123456789012345678901234567890", false},
		{"a late code among decimals", "1.5|2|3", "4|007", true},
		{"a late value", "||", "5", false},
		{"a late infinity", "1.5|2|3", "4|inf", false},
		{"a late infinity among whole numbers", "1|2|3", "4|1e999", false},
		{"an infinity that is text", "1.5|inf|3", "4|x", false},
		{"a late zero among booleans", "true|false|true", "0|1", false},
		{"a late boolean among numbers", "0|1|0", "true", false},
		{"a late layout", "2024-01-01|2024-01-02", "1.2.2024", false},
		{"a late day", "01/02/2024|03/04/2024", "30/06/2024|31/07/2024", false},
		{"a late fraction", "1.234|5.678", "9.01", true},
		{"a late comma", "1,234|5,678", "9,01", false},
		{"another currency", "€ 5,5|€ 6,5", "$ 7,5", false},
		{"a late plain number", "1,5|2,5", "3.25", false},
		{"a late number among telephone numbers", "+4930123456|+4930123457", "5", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			b.WriteString("row;value\n")
			early := strings.Split(tt.early, "|")
			for i := range 6 {
				fmt.Fprintf(&b, "%d;\"%s\"\n", i, early[i%len(early)])
			}
			for i, v := range strings.Split(tt.late, "|") {
				fmt.Fprintf(&b, "%d;\"%s\"\n", 10+i, v)
			}
			o := tabular.Options{Limits: small, Format: tabular.FormatOptions{Delimiter: ";", Quote: `"`}}
			if once := checkTrial(t, memory(b.String()), o); once != tt.once {
				t.Errorf("in one pass: %t", once)
			}
		})
	}
}

func TestTrialOfFiles(t *testing.T) {
	t.Parallel()
	rows := strings.Repeat("5,x\n", 40)
	for _, tt := range []struct {
		name, in string
		once     bool
	}{
		{"plain", "a,b\n" + rows, true},
		{"in quotes", "a,b\n" + strings.Repeat("5,\"x, \"\"y\"\"\nz\"\n", 40), true},
		{"small", "a,b\n5,x\n", false},
		{"no header", strings.Repeat("1,2\n", 40), true},
		{"UTF-16", utf16Text("\ufeffa,b\n"+rows, false), true},
		{"letters late", "a,b\n" + rows + "5,\xe9\n", true},
		{"compressed", gzipped(t, "a,b\n"+rows), true},
		{"empty", "", false},
		{"header only", "a,b\n", false},
		{"JSON", "[" + strings.Repeat(`{"a":1},`, 40) + `{"a":2}]`, false},
		{"Parquet", write(t, tabular.KindParquet, mixed(t)), false},
		{"ragged early", "a,b\n5\n" + rows, false},
		{"ragged late", "a,b\n" + rows + "5\n", false},
		{"a quote that stays open", "a,b\n" + rows + "5,\"x\n", false},
		{"a quote that stays open before a bad value", "a,b\n" + rows + "y,x\n5,\"x\n", false},
		{"a zero byte", "a,b\n" + rows + "5,\x00\n", false},
		{"an infinity, then a ragged row", "a,b\n1.5,x\n" + rows + "inf,x\n" + rows + "5\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if once := checkTrial(t, memory(tt.in), tabular.Options{Limits: small}); once != tt.once {
				t.Errorf("in one pass: %t", once)
			}
		})
	}
}

// TestTrialOfRandomTables makes tables of columns that may change at any row.
func TestTrialOfRandomTables(t *testing.T) {
	t.Parallel()
	pools := []string{
		"1|2|-30|+4|500000", "1.5|2.25|-0.001|7|1e5|3.|.5", "1.234|5.678", "true|False", "2024-01-01|2023-12-31T23:59:59Z",
		"31.12.2024|1.1.2024", "01/02/2024|03/04/2024", "1,5|2,25|1.234,5", "1,234|5,678", "€ 5|€ 1,50|7 EUR", "5 %|2,5 %", "14:05|2:05 PM",
		"red|green|blue", "007|0123|1", "+4930123456", "", "NA|null|?", "inf|-Infinity|1e999", "99999999999999999999", "9007199254740993", "2,00 $|€ 1", "a,b;c",
	}
	rng := rand.New(rand.NewPCG(5, 6))
	once := 0
	for n := range 500 {
		columns, rows := 1+rng.IntN(4), 8+rng.IntN(30)
		cells := make([][]string, columns)
		change := make([]int, columns)
		for j := range cells {
			cells[j] = strings.Split(pools[rng.IntN(len(pools))], "|")
			change[j] = rng.IntN(6 * rows)
		}
		var b strings.Builder
		b.WriteString("row")
		for j := range columns {
			fmt.Fprintf(&b, ";c%d", j)
		}
		for i := range rows {
			fmt.Fprintf(&b, "\n%d", i)
			for j := range columns {
				if i == change[j] {
					cells[j] = slices.Concat(cells[j], strings.Split(pools[rng.IntN(len(pools))], "|"))
				}
				fmt.Fprintf(&b, ";\"%s\"", cells[j][rng.IntN(len(cells[j]))])
			}
		}
		o := tabular.Options{Format: tabular.FormatOptions{Delimiter: ";"}, Limits: tabular.Limits{Beginning: 1 + rng.IntN(200), ChunkRows: 1 + rng.IntN(6)}}
		if checkTrial(t, memory(b.String()), o) {
			once++
		}
		if t.Failed() {
			t.Fatalf("table %d: %s", n, b.String())
		}
	}
	if once < 150 {
		t.Errorf("only %d tables were read in one pass", once)
	}
}

// cutShort is a file that cannot be read to its end the second time.
type cutShort struct {
	memory

	opened int
	fail   error
}

func (c *cutShort) Open(ctx context.Context) (io.ReadCloser, error) {
	if c.opened++; c.opened == 1 {
		return c.memory.Open(ctx)
	}
	half := string(c.memory[:len(c.memory)/2])
	return io.NopCloser(io.MultiReader(strings.NewReader(half), iotest.ErrReader(c.fail))), nil
}

func TestTrialObeys(t *testing.T) {
	t.Parallel()
	in := memory("a,b\n" + strings.Repeat("5,x\n", 40))
	o := tabular.Options{Limits: small}
	ctx, cancel := context.WithCancel(t.Context())
	rows := int64(0)
	_, _, err := tabular.Try(ctx, in, o, func(n int64) {
		rows = n
		cancel()
	})
	if !errors.Is(err, context.Canceled) || rows != 3 {
		t.Errorf("error %v after %d rows", err, rows)
	}
	broken := errors.New("connection reset")
	file := &cutShort{memory: in, fail: broken}
	_, trial, err := tabular.Try(t.Context(), file, o, nil)
	if err == nil {
		if trial.Beginning() < 3 || trial.Beginning() > 20 {
			t.Errorf("guessed by %d rows", trial.Beginning())
		}
		err = errors.Join(tabular.Stream(t.Context(), trial, func(*tabular.Chunk) error { return nil }), trial.Close())
	}
	if !errors.Is(err, broken) || errors.Is(err, tabular.ErrTrial) {
		t.Errorf("error %v", err)
	}
}
