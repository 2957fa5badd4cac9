package tabular_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/tabular"
)

// TestFieldsOfEveryLength cuts fields whose ends lie at every place of the words
// that are looked at together, beside bytes that differ from an end in one bit.
func TestFieldsOfEveryLength(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, delimiter := range []string{",", ";", "\t", "|"} {
		for _, end := range []string{"\n", "\r\n", "\r"} {
			var near []string
			for _, c := range []byte(delimiter + "\n\r") {
				for bit := range 7 {
					if b := c ^ 1<<bit; b > ' ' && b < 0x7f && !strings.ContainsRune(`",;|?`, rune(b)) {
						near = append(near, string(b))
					}
				}
			}
			near = append(near, "é", "ߍ", "\u200c", "ⓝ", "x")
			var in strings.Builder
			in.WriteString("a" + delimiter + "b" + delimiter + "c" + end)
			var want [][]string
			for i := range 400 {
				row := make([]string, 3)
				for j := range row {
					var b strings.Builder
					for range 1 + (i+j*7)%23 {
						b.WriteString(near[rng.IntN(len(near))])
					}
					row[j] = b.String()
				}
				want = append(want, row)
				in.WriteString(strings.Join(row, delimiter) + end)
			}
			o := tabular.CSVOptions{Format: tabular.FormatOptions{Delimiter: delimiter, Quote: `"`, Header: new(true)}}
			r, err := tabular.NewCSVReader(strings.NewReader(in.String()), o)
			if err != nil {
				t.Fatal(err)
			}
			got, _, _, _ := collect(t, r)
			if len(got) != len(want) {
				t.Fatalf("delimiter %q, end %q: %d rows", delimiter, end, len(got))
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Fatalf("delimiter %q, end %q: row %d is %q, want %q", delimiter, end, i+1, got[i], want[i])
				}
			}
		}
	}
}

// TestNumbersOfEveryLength compares numbers with what strconv makes of them.
func TestNumbersOfEveryLength(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	var in strings.Builder
	var want []float64
	in.WriteString("x,y\n")
	for i := range 4000 {
		text := []string{"", "-", "+"}[rng.IntN(3)]
		whole, fraction := rng.IntN(24), rng.IntN(24)
		for range whole {
			text += strconv.Itoa(rng.IntN(10))
		}
		if fraction > 0 || whole == 0 || rng.IntN(4) == 0 {
			text += "."
		}
		for range max(fraction, 1-whole) {
			text += strconv.Itoa(rng.IntN(10))
		}
		if rng.IntN(5) == 0 {
			text += fmt.Sprintf("e%d", rng.IntN(60)-30)
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, v)
		fmt.Fprintf(&in, "%s,%d\n", text, i)
	}
	schema := tabular.Schema{{Name: "x", Type: tabular.Float}, {Name: "y", Type: tabular.Integer}}
	r, err := tabular.NewCSVReader(strings.NewReader(in.String()), tabular.CSVOptions{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	f, err := tabular.ReadFrame(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range f.Columns()[0].Floats() {
		if math.Float64bits(v) != math.Float64bits(want[i]) || f.Columns()[1].Int(i) != int64(i) {
			t.Fatalf("row %d is %v, want %v", i, v, want[i])
		}
	}
	if !checkTrial(t, memory(in.String()), tabular.Options{Limits: small}) {
		t.Error("not read in one pass")
	}
}
