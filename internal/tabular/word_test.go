package tabular_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/tabular"
)

// typedAs reads the texts as values of the type; those that are no such values are
// not in the result.
func typedAs(t *testing.T, typ tabular.Type, texts []string) map[int]string {
	t.Helper()
	var in strings.Builder
	in.WriteString("x,y\n")
	for i, text := range texts {
		fmt.Fprintf(&in, "%s,%d.5\n", text, i)
	}
	o := tabular.CSVOptions{
		Format: tabular.FormatOptions{Delimiter: ",", Quote: `"`, Header: new(true)}, Tolerant: true,
		Schema: tabular.Schema{{Name: "x", Type: typ}, {Name: "y", Type: tabular.Float}},
	}
	r, err := tabular.NewCSVReader(strings.NewReader(in.String()), o)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[int]string)
	seen := 0
	err = tabular.Stream(t.Context(), r, func(c *tabular.Chunk) error {
		for i, row := range c.Rows {
			x, y := c.Frame.Columns()[0], c.Frame.Columns()[1]
			if y.Floats()[i] != float64(row-1)+.5 {
				return fmt.Errorf("row %d has the number %v", row, y.Floats()[i])
			}
			if typ == tabular.Float {
				got[int(row-1)] = strconv.FormatUint(math.Float64bits(x.Floats()[i]), 16)
			} else {
				got[int(row-1)] = strconv.FormatInt(x.Ints()[i], 10)
			}
		}
		seen += len(c.Rows) + len(c.Bad)
		return nil
	})
	if err != nil || seen != len(texts) {
		t.Fatalf("%d of %d rows, error %v", seen, len(texts), err)
	}
	return got
}

// nearly returns the text, and some that differ from it in one place.
func nearly(text string, rng *rand.Rand) []string {
	other := strings.Split("0 1 9 / : . - + e E T t Z z x ! é \u0669", " ")
	all := []string{text}
	for i := range text {
		all = append(all, text[:i]+other[rng.IntN(len(other))]+text[i+1:], text[:i]+text[i+1:])
	}
	return all
}

// TestShortNumbers compares numbers of every shape that is read in whole words, and
// what is nearly one, with what strconv makes of them.
func TestShortNumbers(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 10))
	var texts []string
	for whole := range 19 {
		for fraction := range 12 {
			for _, sign := range []string{"", "-", "+"} {
				text := sign
				for range whole {
					text += strconv.Itoa(rng.IntN(10))
				}
				if fraction > 0 {
					text += "."
				}
				for range fraction - 1 {
					text += strconv.Itoa(rng.IntN(10))
				}
				texts = append(texts, nearly(text, rng)...)
			}
		}
	}
	checkNumbers(t, texts)
}

// checkNumbers compares the texts that are numbers, and those that are none, with
// what strconv makes of them.
func checkNumbers(t *testing.T, texts []string) {
	t.Helper()
	number := regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	floats, ints := typedAs(t, tabular.Float, texts), typedAs(t, tabular.Integer, texts)
	for i, text := range texts {
		if text == "" || text == "?" {
			continue
		}
		var float, whole string
		if v, err := strconv.ParseFloat(text, 64); err == nil && number.MatchString(text) {
			float = strconv.FormatUint(math.Float64bits(v), 16)
			if strings.ContainsAny(text, ".eE") && v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
				whole = strconv.FormatInt(int64(v), 10)
			}
		}
		if v, err := strconv.ParseInt(text, 10, 64); err == nil {
			whole = strconv.FormatInt(v, 10)
		}
		if floats[i] != float || ints[i] != whole {
			t.Errorf("%q: the float %s, want %s; the whole number %s, want %s", text, floats[i], float, ints[i], whole)
		}
	}
}

// FuzzNumber compares texts as numbers with what strconv makes of them.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "-0", "-0.0", "-", ".", "-.5", "5.", "007", "12345678.12345678", "-1234567.1", "9007199254740993", "1e5", "0.30000000000000004", "12:4.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !regexp.MustCompile(`^[!#-+--~]{1,40}$`).MatchString(text) || tabular.FormsOf(text) == 0 {
			return // a part of the format, or a missing value
		}
		checkNumbers(t, []string{text, text, "-" + text, text + "0"})
	})
}

// TestShortInstants compares dates and times, and what is nearly one, with what the
// package time makes of them.
func TestShortInstants(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(11, 12))
	layouts := []string{"2006-01-02", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z"}
	var texts []string
	for range 150 {
		at := time.Date(1+rng.IntN(9999), 1, 1+rng.IntN(366), 0, 0, rng.IntN(86400), 0, time.UTC)
		for _, layout := range layouts {
			texts = append(texts, nearly(at.Format(layout), rng)...)
		}
	}
	texts = append(texts,
		"2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "2024-04-31", "2024-12-31", "2024-01-00", "2024-00-01", "2024-13-01", "0000-01-01", "0001-01-01", "9999-12-31",
		"2024-01-01 23:59:59", "2024-01-01 24:00:00", "2024-01-01 00:60:00", "2024-01-01 00:00:60", "1969-12-31T23:59:59Z", "2024-01-01t00:00:00z",
	)
	got := typedAs(t, tabular.Datetime, texts)
	for i, text := range texts {
		if text == "" {
			continue
		}
		if _, ok := got[i]; ok != (tabular.FormsOf(text)&tabular.FormDatetime != 0) {
			t.Errorf("%q: read %q", text, got[i])
		}
		for _, layout := range layouts {
			if at, err := time.Parse(layout, text); err == nil && at.Year() > 0 && len(text) == len(layout) && got[i] != strconv.FormatInt(at.UnixMicro(), 10) {
				t.Errorf("%q: %q, want %d", text, got[i], at.UnixMicro())
			}
		}
	}
}
