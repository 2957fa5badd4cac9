package profile_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// suspects returns the columns that are said to tell the target, in order.
func suspects(p *profile.Profile) []string {
	var all []string
	for _, f := range p.Findings {
		if f.Code == "leakage_suspect" {
			all = append(all, f.Column)
		}
	}
	slices.Sort(all)
	return all
}

func aimed(tb testing.TB, f *frame.Frame, target string, parts int) *profile.Profile {
	tb.Helper()
	return describeAs(tb, f, tabular.SchemaOf(f), parts, profile.Options{Roles: map[string]tabular.Role{target: tabular.RoleTarget}})
}

// TestLeakageIntoNumbersThatAreClasses has targets of 0 and 1, and of a few whole
// numbers, which a training takes for classes.
func TestLeakageIntoNumbersThatAreClasses(t *testing.T) {
	t.Parallel()
	const rows = 3000
	rng := rand.New(rand.NewPCG(8, 9))
	var churned, stars []int64
	var half, refund, noise []float64
	var exact, unrelated []string
	for range rows {
		c := int64(0)
		if rng.IntN(12) == 0 {
			c = 1
		}
		churned, stars = append(churned, c), append(stars, rng.Int64N(5))
		half = append(half, float64(c)+0.5)
		amount := 0.0 // of what is paid back to those who left: nothing else tells, and Pearson's r is small
		if c == 1 {
			amount = math.Exp(10 * rng.Float64())
		}
		refund, noise = append(refund, amount), append(noise, rng.NormFloat64())
		exact = append(exact, fmt.Sprint("grade ", stars[len(stars)-1]))
		unrelated = append(unrelated, []string{"a", "b", "c"}[rng.IntN(3)])
	}
	f := table(t, frame.NewInt("churned", frame.Int, churned, nil), frame.NewInt("stars", frame.Int, stars, nil), frame.NewFloat("half", half),
		frame.NewFloat("refund", refund), frame.NewFloat("noise", noise), frame.StringsOf("exact", exact, nil), frame.StringsOf("unrelated", unrelated, nil))
	for target, want := range map[string][]string{
		"churned": {"half", "refund"}, "half": {"churned", "refund"}, "stars": {"exact"}, "noise": nil,
	} {
		for _, parts := range []int{1, 3, 8} {
			p := aimed(t, f, target, parts)
			got := suspects(p)
			if !slices.Equal(got, want) {
				t.Errorf("%s in %d parts: %q, want %q: %+v", target, parts, got, want, p.Associations.Target)
			}
			for _, l := range p.Associations.Target {
				if (l.Gain != nil) != (target != "noise") {
					t.Errorf("%s: %+v", target, l)
				}
				if l.Gain != nil && (l.Column == "noise" || l.Column == "unrelated") && *l.Gain > 0.05 {
					t.Errorf("%s: %+v", target, l)
				}
			}
		}
	}
	p := aimed(t, f, "churned", 1)
	if found := codes(p)["rare_class churned"]; found.Affected == 0 || !strings.Contains(found.Message, "The class 1") {
		t.Errorf("findings %+v", p.Findings)
	}
}

// TestLeakageByWhatIsMissing has columns that are filled in afterwards.
func TestLeakageByWhatIsMissing(t *testing.T) {
	t.Parallel()
	const rows = 2000
	rng := rand.New(rand.NewPCG(10, 11))
	var class, reason, note []string
	var left []int64
	var ended frame.Bitmap
	ends := make([]int64, rows)
	var paid, often []float64
	for i := range rows {
		c := "stays"
		why := ""
		if rng.IntN(5) == 0 {
			c, why = "leaves", []string{"price", "quality", "moved"}[rng.IntN(3)]
		} else {
			ended.Set(i)
		}
		ends[i] = int64(rng.IntN(1000)) * 86_400_000_000
		class, reason = append(class, c), append(reason, why)
		left = append(left, int64(len(c)%2)) // 1 for those that stay
		amount := 100 * rng.Float64()
		if c == "leaves" {
			amount += 1000
		}
		paid = append(paid, amount)
		n, some := "", math.NaN()
		if rng.IntN(3) > 0 {
			n, some = fmt.Sprint("note ", i), rng.Float64()
		}
		note, often = append(note, n), append(often, some)
	}
	f := table(t, frame.StringsOf("class", class, nil), texts("reason", rows, func(i int) string { return reason[i] }), texts("note", rows, func(i int) string { return note[i] }),
		frame.NewInt("left", frame.Int, left, nil), frame.NewInt("ended", frame.Time, ends, ended), frame.NewFloat("paid", paid), frame.NewFloat("often", often))
	for target, want := range map[string][]string{
		"class": {"ended", "left", "paid", "reason"}, "left": {"class", "ended", "paid", "reason"}, "paid": {"class", "ended", "left", "reason"},
	} {
		for _, parts := range []int{1, 2, 7} {
			p := aimed(t, f, target, parts)
			if got := suspects(p); !slices.Equal(got, want) {
				t.Errorf("%s in %d parts: %q, want %q: %+v", target, parts, got, want, p.Associations.Target)
			}
			if found := codes(p)["leakage_suspect ended"]; !strings.Contains(found.Message, `Whether "ended" has a value`) {
				t.Errorf("%s: %+v", target, found)
			}
			k := slices.IndexFunc(p.Associations.Target, func(l profile.Link) bool { return l.Column == "ended" })
			if l := p.Associations.Target[k]; !l.Missing || l.Value < 0.98 || target == "class" && (l.Measure != "cramers_v" || *l.Gain != 1) || target == "paid" && l.Measure != "correlation_ratio" {
				t.Errorf("%s: %+v", target, l)
			}
		}
	}
}

// TestNoLeakageByChance has tables of few rows, in which every value stands alone.
func TestNoLeakageByChance(t *testing.T) {
	t.Parallel()
	for rows := 4; rows < 60; rows += 5 {
		rng := rand.New(rand.NewPCG(uint64(rows), 1))
		x, y := make([]float64, rows), make([]float64, rows)
		flag := make([]int64, rows)
		for i := range rows {
			x[i], y[i], flag[i] = rng.Float64(), rng.Float64(), int64(i%2)
			if i == 2 {
				x[i] = math.NaN()
			}
		}
		f := table(t, frame.NewFloat("x", x), frame.NewFloat("y", y), frame.NewInt("flag", frame.Int, flag, nil),
			texts("name", rows, func(i int) string { return fmt.Sprintf("name %d", i) }), texts("other", rows, func(i int) string { return fmt.Sprintf("other %d", i) }),
			texts("class", rows, func(i int) string { return []string{"no", "yes"}[rng.IntN(2)] }))
		for _, target := range []string{"class", "flag", "y"} {
			p := aimed(t, f, target, 1)
			if got := suspects(p); len(got) > 0 {
				t.Errorf("%d rows, target %s: %q: %+v", rows, target, got, p.Associations.Target)
			}
			if found, ok := codes(p)["alike_columns other"]; ok {
				t.Errorf("%d rows: %+v", rows, found)
			}
		}
	}
}

// TestIdentifiersOfManyRows has columns that are to name more rows than are counted.
func TestIdentifiersOfManyRows(t *testing.T) {
	t.Parallel()
	const rows = 60_000 // more than are counted, and all are told apart
	number := func(repeated func(i int) bool) frame.Column {
		values := make([]int64, rows)
		for i := range values {
			if values[i] = int64(i) * 7919; i > 0 && repeated(i) {
				values[i] = values[i-1]
			}
		}
		return frame.NewInt("id", frame.Int, values, nil)
	}
	for name, tt := range map[string]struct {
		column   frame.Column
		low, top float64 // of the uniqueness
		says     string
	}{
		"all differ":     {number(func(int) bool { return false }), 1, 1, ""},
		"many come back": {number(func(i int) bool { return i%5 == 0 }), 0.8, 0.801, "and 11999 of its values"},
		"two come back":  {number(func(i int) bool { return i == 777 || i == rows-9 }), 0.9999, 1, "and 2 of its values"},
	} {
		for _, parts := range []int{1, 4} {
			f := table(t, tt.column, texts("note", rows, func(i int) string { return fmt.Sprint(i) }))
			p := describeAs(t, f, tabular.SchemaOf(f), parts, profile.Options{Roles: map[string]tabular.Role{"id": tabular.RoleID}})
			found := codes(p)["id_not_unique id"]
			if u := *p.Quality.Uniqueness; u < tt.low || u > tt.top || tt.says == "" != (found.Code == "") || !strings.Contains(found.Message, tt.says) {
				t.Errorf("%s in %d parts: uniqueness %v, %+v", name, parts, u, found)
			}
		}
	}
}

// TestIdentifiersOfTooManyRows has more than are told apart.
func TestIdentifiersOfTooManyRows(t *testing.T) {
	t.Parallel()
	const rows = 200_000
	for every, says := range map[int]string{rows + 2: "", 5: "about", rows / 2: "at least 2 of its values come"} {
		values := make([]int64, rows)
		for i := range values {
			if values[i] = int64(i) * 7919; i > 0 && (i+2)%every == 0 {
				values[i] = values[i-1]
			}
		}
		f := table(t, frame.NewInt("id", frame.Int, values, nil))
		p := describeAs(t, f, tabular.SchemaOf(f), 2, profile.Options{Roles: map[string]tabular.Role{"id": tabular.RoleID}})
		if found := codes(p)["id_not_unique id"]; says == "" != (found.Code == "") || !strings.Contains(found.Message, says) {
			t.Errorf("every %d: uniqueness %v, %+v", every, *p.Quality.Uniqueness, found)
		}
	}
}

// TestQuantilesAreThoseOfPandas has columns of few values.
func TestQuantilesAreThoseOfPandas(t *testing.T) {
	t.Parallel()
	const dayMicros = 86_400_000_000
	f := table(t, frame.NewInt("whole", frame.Int, []int64{4, 1, 3, 2}, nil), frame.NewFloat("far", []float64{-math.MaxFloat64, math.MaxFloat64, 1, 1}),
		frame.NewInt("day", frame.Time, []int64{0, dayMicros, 2 * dayMicros, 3 * dayMicros}, nil), frame.NewInt("same", frame.Int, []int64{math.MaxInt64, math.MaxInt64, math.MaxInt64, 0}, nil))
	p := describe(t, f, 1)
	for _, tt := range []struct {
		column    string
		got, want any
	}{
		{"whole", p.Columns[0].Quantiles.P25, 1.75},
		{"whole", p.Columns[0].Quantiles.P50, 2.5},
		{"whole", p.Columns[0].Quantiles.P75, 3.25},
		{"far", p.Columns[1].Quantiles.P50, 1.0},
		{"far", p.Columns[1].Quantiles.P25, -math.MaxFloat64 / 4},
		{"day", p.Columns[2].Quantiles.P50, "1970-01-02T00:00:00Z"}, // no day lies between two
		{"same", p.Columns[3].Quantiles.P50, int64(math.MaxInt64)},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.column, tt.got, tt.want)
		}
	}
}

func TestTextsThatAreNoIdentifiers(t *testing.T) {
	t.Parallel()
	const rows = 100
	f := table(t,
		texts("short_year", rows, func(i int) string { return fmt.Sprintf("%02d.%02d.%02d", 1+i%28, 1+i%12, i) }),
		texts("lakh", rows, func(i int) string { return fmt.Sprintf("12,%02d,567.89", i) }),
		texts("no_day", rows, func(i int) string { return fmt.Sprintf("20%02d-02-30", i) }),
		texts("code", rows, func(i int) string { return fmt.Sprintf("inv2024-%04d", i) }),
		texts("money", rows, func(i int) string { return fmt.Sprintf("%s%d", []string{"€", "$"}[i%2], i) }),
	)
	p := describe(t, f, 1)
	for name, want := range map[string]tabular.Semantic{
		"short_year": tabular.SemanticString, "lakh": tabular.SemanticString, "no_day": tabular.SemanticString, "code": tabular.SemanticIdentifier, "money": tabular.SemanticString,
	} {
		if got := p.Column(name).Type; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	found := codes(p)
	if f := found["two_digit_years short_year"]; f.Affected != rows || f.Step != "replace_text" {
		t.Errorf("findings %+v", p.Findings)
	}
	for code := range found {
		if strings.HasPrefix(code, "two_digit_years") && code != "two_digit_years short_year" {
			t.Error(code)
		}
	}
}

// TestHistogramsOfDays has bins of days, and of parts of days.
func TestHistogramsOfDays(t *testing.T) {
	t.Parallel()
	const rows, hour = 3000, 3_600_000_000
	start := time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC).UnixMicro()
	days, hours := make([]int64, rows), make([]int64, rows)
	for i := range rows {
		days[i], hours[i] = start+int64(i%100)*24*hour, start+int64(i%77)*hour
	}
	f := table(t, frame.NewInt("day", frame.Time, days, nil), frame.NewInt("hour", frame.Time, hours, nil))
	for _, parts := range []int{1, 4} {
		for _, c := range describe(t, f, parts).Columns {
			sum := int64(0)
			for i, n := range c.Histogram.Counts {
				sum += n
				at, err := time.Parse(time.RFC3339Nano, c.Histogram.Edges[i].(string))
				if grain := map[string]time.Duration{"day": 24 * time.Hour, "hour": 3 * time.Hour}[c.Name]; err != nil || !at.Equal(at.Truncate(grain)) {
					t.Errorf("%s: a bin begins at %v", c.Name, c.Histogram.Edges[i])
				}
			}
			if sum != rows || len(c.Histogram.Counts) < 12 {
				t.Errorf("%s: %d values in %d bins", c.Name, sum, len(c.Histogram.Counts))
			}
		}
	}
}
