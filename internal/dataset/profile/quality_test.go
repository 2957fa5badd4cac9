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

func texts(name string, n int, text func(i int) string) frame.Column {
	values := make([]string, n)
	for i := range values {
		values[i] = text(i)
	}
	return frame.StringsOf(name, values, func(i int) bool { return values[i] == "" })
}

func TestTypesOfColumns(t *testing.T) {
	t.Parallel()
	const rows = 200
	whole := func(name string, value func(i int) int64) frame.Column {
		values := make([]int64, rows)
		for i := range values {
			values[i] = value(i)
		}
		return frame.NewInt(name, frame.Int, values, nil)
	}
	instants := func(name string, value func(i int) int64) frame.Column {
		values := make([]int64, rows)
		for i := range values {
			values[i] = value(i)
		}
		return frame.NewInt(name, frame.Time, values, nil)
	}
	const dayMicros = 86_400_000_000
	prose := strings.Repeat("a sentence that goes on and on, ", 3)
	f := table(t,
		whole("row", func(i int) int64 { return int64(rows - i) }),
		whole("customer_id", func(i int) int64 { return int64(i*i + 7) }),
		whole("visits", func(i int) int64 { return int64(i % 17) }),
		whole("square", func(i int) int64 { return int64(i*i + 7) }),
		instants("day", func(i int) int64 { return int64(i) * dayMicros }),
		instants("at", func(i int) int64 { return int64(i)*dayMicros + 1 }),
		texts("plan", rows, func(i int) string { return []string{"free", "basic", "pro"}[i%3] }),
		texts("zip", rows, func(i int) string { return fmt.Sprintf("%05d", 1000+i) }),
		texts("sku", rows, func(i int) string { return fmt.Sprintf("A-%d", i) }),
		texts("name", rows, func(i int) string { return fmt.Sprintf("person with number %d", i) }),
		texts("note", rows, func(i int) string { return fmt.Sprintf("%s%d", prose, i) }),
		texts("mail", rows, func(i int) string { return fmt.Sprintf("p%d@example.org", i) }),
		texts("phone", rows, func(i int) string { return fmt.Sprintf("+49 30 %06d", i) }),
		texts("link", rows, func(i int) string { return fmt.Sprintf("https://example.org/%d", i) }),
		texts("extra", rows, func(i int) string { return fmt.Sprintf(`{"i":%d}`, i) }),
		texts("key", rows, func(i int) string { return fmt.Sprintf("0197290c-5e5b-7c3a-9d0e-1f2a3b4c%04x", i) }),
		frame.NewFloat("x", slices.Repeat([]float64{1.5, 2}, rows/2)),
		frame.NewInt("b", frame.Bool, slices.Repeat([]int64{1, 0}, rows/2), nil),
		texts("none", rows, func(int) string { return "" }),
	)
	want := map[string]tabular.Semantic{
		"row": tabular.SemanticIdentifier, "customer_id": tabular.SemanticIdentifier, "visits": tabular.SemanticInteger, "square": tabular.SemanticInteger,
		"day": tabular.SemanticDate, "at": tabular.SemanticDatetime, "plan": tabular.SemanticCategorical, "zip": tabular.SemanticIdentifier, "sku": tabular.SemanticIdentifier,
		"name": tabular.SemanticString, "note": tabular.SemanticText, "mail": tabular.SemanticEmail, "phone": tabular.SemanticPhone, "link": tabular.SemanticURL,
		"extra": tabular.SemanticJSON, "key": tabular.SemanticIdentifier, "x": tabular.SemanticFloat, "b": tabular.SemanticBoolean, "none": tabular.SemanticString,
	}
	for _, parts := range []int{1, 3} {
		for _, c := range describe(t, f, parts).Columns {
			if c.Type != want[c.Name] || !c.Type.Holds(c.Storage) || c.Agree != c.Count || c.Disagree != 0 || c.Suggestion != nil {
				t.Errorf("%d parts: %s is %s kept as %s, want %s; %d agree, %d do not, %+v", parts, c.Name, c.Type, c.Storage, want[c.Name], c.Agree, c.Disagree, c.Suggestion)
			}
		}
	}
	schema := tabular.SchemaOf(f)
	for i, l := range map[int]tabular.Layout{16: tabular.PointCurrency} {
		schema[i].Layout, schema[i].Unit = l, "EUR"
	}
	p := describeAs(t, f, schema, 1, profile.Options{Types: map[string]tabular.Semantic{
		"plan": tabular.SemanticEmail, "visits": tabular.SemanticCurrency, "b": tabular.SemanticDate,
	}})
	if c := p.Column("x"); c.Type != tabular.SemanticCurrency || c.Unit != "EUR" {
		t.Errorf("an amount is %+v", c)
	}
	if c := p.Column("plan"); c.Type != tabular.SemanticEmail || c.Agree != 0 || c.Disagree != rows || len(c.Disagreeing) != 3 && len(c.Disagreeing) != 5 || c.Disagreeing[0].Value != "free" {
		t.Errorf("a type that was chosen: %+v", c)
	}
	if p.Column("visits").Type != tabular.SemanticCurrency || p.Column("b").Type != tabular.SemanticBoolean {
		t.Error("the types that were chosen do not hold, or one that cannot be does")
	}
}

func codes(p *profile.Profile) map[string]profile.Finding {
	all := make(map[string]profile.Finding)
	for _, f := range p.Findings {
		all[f.Code+" "+f.Column] = f
	}
	return all
}

func TestFindings(t *testing.T) {
	t.Parallel()
	const rows = 400
	nan := math.NaN()
	rng := rand.New(rand.NewPCG(1, 2))
	numbers := func(value func(i int) float64) []float64 {
		values := make([]float64, rows)
		for i := range values {
			values[i] = value(i)
		}
		return values
	}
	x := numbers(func(int) float64 { return rng.NormFloat64() })
	f := table(t,
		frame.NewFloat("x", x),
		frame.NewFloat("like_x", numbers(func(i int) float64 { return 2*x[i] + 1e-3*rng.NormFloat64() })),
		frame.NewFloat("half", numbers(func(i int) float64 {
			if i%2 == 0 {
				return nan
			}
			return rng.Float64()
		})),
		frame.NewFloat("same", numbers(func(int) float64 { return 7 })),
		frame.NewFloat("tail", numbers(func(int) float64 { return math.Exp(2 * rng.NormFloat64()) })),
		texts("city", rows, func(i int) string { return []string{"Paris", "paris ", "Rome", "Rome", "Rome"}[i%5] }),
		texts("day", rows, func(i int) string {
			if i == 17 {
				return "31.02.2024"
			}
			return fmt.Sprintf("%02d.01.2024", 1+i%28)
		}),
		texts("when", rows, func(i int) string { return fmt.Sprintf("%02d/%02d/2024", 1+i%12, 1+i%11) }),
		texts("much", rows, func(i int) string { return fmt.Sprintf("%d,%03d", 1+i%9, i) }),
		texts("sku", rows, func(i int) string { return fmt.Sprintf("A-%d", i) }),
		texts("paid", rows, func(i int) string { return fmt.Sprintf("%d.5 %s", i, []string{"EUR", "$"}[i%2]) }),
		texts("empty", rows, func(int) string { return "" }),
		texts("hidden", rows, func(int) string { return "" }),
	)
	o := profile.Options{Roles: map[string]tabular.Role{"hidden": tabular.RoleIgnore}}
	p := describeAs(t, f, tabular.SchemaOf(f), 2, o)
	found := codes(p)
	for code, want := range map[string]struct {
		severity profile.Severity
		step     string
		affected int64
		says     string
	}{
		"missing_values half":    {profile.High, "impute_missing", rows / 2, "50.0 %"},
		"constant_column same":   {profile.Medium, "drop_columns", rows, "one value only"},
		"skewed tail":            {profile.Low, "derive_column", rows, "large"},
		"spelling_variants city": {profile.Medium, "change_case", rows / 5, "capitals or spaces"},
		"mostly_of_type day":     {profile.Medium, "", 1, `"31.02.2024" in row 18`},
		"ambiguous_dates when":   {profile.Medium, "", rows, "dmy or mdy"},
		"ambiguous_numbers much": {profile.Medium, "", rows, "decimal_point"},
		"identifier_column sku":  {profile.Low, "drop_columns", rows, "role id"},
		"mixed_currencies paid":  {profile.Medium, "", rows, "EUR, USD"},
		"empty_column empty":     {profile.High, "drop_columns", rows, "no values"},
		"alike_columns like_x":   {profile.Low, "drop_columns", rows, `"x"`},
		"outliers tail":          {profile.Medium, "cap_outliers", found["outliers tail"].Affected, "Far outside"},
	} {
		f, ok := found[code]
		if !ok || f.Severity != want.severity || f.Step != want.step || f.Affected != want.affected || !strings.Contains(f.Message, want.says) {
			t.Errorf("%s: %+v", code, f)
		}
		delete(found, code)
	}
	if len(found) > 0 {
		t.Errorf("others: %+v", found)
	}
	if !slices.IsSortedFunc(p.Findings, func(a, b profile.Finding) int {
		rank := map[profile.Severity]int{profile.High: 0, profile.Medium: 1, profile.Low: 2}
		return rank[a.Severity] - rank[b.Severity]
	}) {
		t.Error("the worst do not come first")
	}
}

func TestLeakage(t *testing.T) {
	t.Parallel()
	const rows = 2000
	rng := rand.New(rand.NewPCG(5, 6))
	var class, copied, unrelated []string
	var score, noise, amount, twice []float64
	var flag []int64
	for i := range rows {
		c := "no"
		if rng.IntN(4) == 0 {
			c = "yes"
		}
		class = append(class, c)
		copied = append(copied, map[string]string{"no": "0: kept", "yes": "1: left"}[c])
		unrelated = append(unrelated, []string{"a", "b", "c"}[rng.IntN(3)])
		s := 10 * rng.Float64()
		if c == "yes" {
			s += 20
		}
		score = append(score, s)
		noise = append(noise, rng.NormFloat64())
		amount = append(amount, 100*rng.Float64())
		twice = append(twice, 2*amount[i]+0.01*rng.NormFloat64())
		flag = append(flag, int64(i%2))
	}
	f := table(t,
		frame.NewFloat("noise", noise), frame.StringsOf("unrelated", unrelated, nil), frame.NewFloat("score", score), frame.StringsOf("copied", copied, nil),
		frame.NewFloat("amount", amount), frame.NewFloat("twice", twice), frame.NewInt("flag", frame.Bool, flag, nil), frame.StringsOf("class", class, nil),
	)
	for _, tt := range []struct {
		target string
		ignore string
		want   []string
	}{
		{"class", "", []string{"score", "copied"}},
		{"class", "score", []string{"copied"}},
		{"copied", "", []string{"score", "class"}},
		{"amount", "", []string{"twice"}},
		{"flag", "", nil},
	} {
		for _, parts := range []int{1, 3, 7} {
			roles := map[string]tabular.Role{tt.target: tabular.RoleTarget}
			if tt.ignore != "" {
				roles[tt.ignore] = tabular.RoleIgnore
			}
			p := describeAs(t, f, tabular.SchemaOf(f), parts, profile.Options{Roles: roles})
			var got []string
			for _, f := range p.Findings {
				if f.Code == "leakage_suspect" {
					got = append(got, f.Column)
				}
			}
			slices.Sort(got)
			want := slices.Clone(tt.want)
			slices.Sort(want)
			if !slices.Equal(got, want) || p.Target != tt.target {
				t.Errorf("target %s, %d parts: suspects %q, want %q; %+v", tt.target, parts, got, tt.want, p.Associations.Target)
			}
		}
	}
	// The strongest comes first, with what guessing by it gains.
	p := describeAs(t, f, tabular.SchemaOf(f), 1, profile.Options{Roles: map[string]tabular.Role{"class": tabular.RoleTarget}})
	first := p.Associations.Target[0]
	if first.Column != "copied" || first.Measure != "cramers_v" || first.Value != 1 || first.Gain == nil || *first.Gain != 1 {
		t.Errorf("first %+v", first)
	}
	for _, l := range p.Associations.Target {
		if l.Column == "score" && (l.Measure != "correlation_ratio" || *l.Gain < 0.99 || l.Value < 0.9) || l.Column == "noise" && (l.Value > 0.1 || *l.Gain > 0.05) {
			t.Errorf("link %+v", l)
		}
	}
	if _, ok := codes(p)["rare_class class"]; ok {
		t.Error("a quarter is no rare class")
	}
}

func TestQuality(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	now := time.Date(2024, 12, 31, 0, 0, 0, 0, time.UTC)
	at := func(y int, m time.Month, d int) int64 { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).UnixMicro() }
	base := []frame.Column{
		frame.NewFloat("a", []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}),
		texts("s", 10, func(i int) string { return []string{"red", "blue"}[i%2] }),
	}
	check := func(name string, p *profile.Profile, completeness, consistency, validity, uniqueness, timeliness float64) {
		t.Helper()
		q := p.Quality
		sum, n := 0.0, 0.0
		for _, part := range []struct {
			name string
			got  *float64
			want float64
		}{
			{"completeness", q.Completeness, completeness},
			{"consistency", q.Consistency, consistency},
			{"validity", q.Validity, validity},
			{"uniqueness", q.Uniqueness, uniqueness},
			{"timeliness", q.Timeliness, timeliness},
		} {
			if (part.got == nil) != (part.want < 0) || part.got != nil && math.Abs(*part.got-part.want) > 1e-4 {
				t.Errorf("%s: %s is %v, want %v", name, part.name, part.got, part.want)
			}
			if part.got != nil {
				sum += *part.got
				n++
			}
		}
		if math.Abs(q.Score-sum/n) > 1e-4 {
			t.Errorf("%s: score %v, want %v", name, q.Score, sum/n)
		}
	}
	of := func(o profile.Options, columns ...frame.Column) *profile.Profile {
		f := table(t, columns...)
		return describeAs(t, f, tabular.SchemaOf(f), 1, o)
	}
	check("good", of(profile.Options{}, base...), 1, 1, 1, 1, -1)
	check("missing", of(profile.Options{}, base[0], base[1], frame.NewFloat("m", []float64{1, nan, 3, nan, 5, 6, 7, 8, 9, nan})), 0.9, 1, 1, 1, -1)
	check("variants", of(profile.Options{}, base[0], texts("s", 10, func(i int) string { return []string{"red", "Red", "red", "red", "blue"}[i%5] })), 1, 0.9, 1, 1, -1)
	check("repeated", of(profile.Options{}, frame.NewFloat("a", []float64{1, 1, 1, 4, 5, 6, 7, 8, 9, 10})), 1, 1, 1, 0.8, -1)
	check("identifiers come back", of(profile.Options{Roles: map[string]tabular.Role{"s": tabular.RoleID}}, base...), 1, 1, 1, 0.2, -1)
	check("not of the type", of(profile.Options{Types: map[string]tabular.Semantic{"s": tabular.SemanticEmail}}, base...), 1, 1, 0.5, 1, -1)
	year := frame.NewInt("t", frame.Time, []int64{at(2024, 1, 1), at(2024, 2, 1), at(2024, 3, 1), at(2024, 4, 1), at(2024, 5, 1), at(2024, 6, 1), at(2024, 7, 1), at(2024, 8, 1), at(2024, 9, 1), at(2024, 7, 1)}, nil)
	age, span := float64(now.UnixMicro()-at(2024, 9, 1)), float64(at(2024, 9, 1)-at(2024, 1, 1))
	check("some months old", of(profile.Options{Now: now}, base[0], base[1], year), 1, 1, 1, 1, span/(span+age))
	check("nobody knows when it is", of(profile.Options{}, base[0], base[1], year), 1, 1, 1, 1, -1)
	future := frame.NewInt("f", frame.Time, []int64{at(2024, 1, 1), at(2026, 2, 1), at(2024, 3, 1), at(2024, 4, 1), at(2024, 5, 1), at(2024, 6, 1), at(2024, 7, 1), at(2024, 8, 1), at(2024, 9, 1), at(2024, 7, 1)}, nil)
	check("two columns of instants", of(profile.Options{Now: now}, base[0], year, future), 1, 1, 1, 1, -1)
	p := of(profile.Options{Now: now, Roles: map[string]tabular.Role{"f": tabular.RoleTime}}, base[0], year, future)
	check("a role", p, 1, 1, 1, 1, 1)
	if f, ok := codes(p)["future_times f"]; !ok || !strings.Contains(f.Message, "2026-02-01") {
		t.Errorf("findings %+v", p.Findings)
	}
	old := of(profile.Options{Now: now.AddDate(10, 0, 0)}, base[0], year)
	if _, ok := codes(old)["old_data t"]; !ok || *old.Quality.Timeliness > 0.1 {
		t.Errorf("findings %+v", old.Findings)
	}
}

// What was refused counts, and is carried from profile to profile.
func TestRefusedValues(t *testing.T) {
	t.Parallel()
	f := table(t, frame.NewFloat("a", []float64{1, math.NaN(), 3, 4}))
	schema := tabular.Schema{{Name: "a", Type: tabular.Float, Nullable: true, Lenient: true}}
	o := profile.Options{Types: map[string]tabular.Semantic{"a": tabular.SemanticFloat}}
	c := profile.New(schema, o)
	if err := c.Add(f); err != nil {
		t.Fatal(err)
	}
	c.Refuse([]tabular.BadRow{{Row: 2, Column: "a", Reason: "many"}})
	for range 2 {
		p, err := c.Profile()
		if err != nil {
			t.Fatal(err)
		}
		a := p.Column("a")
		if a.Agree != 3 || a.Disagree != 1 || len(a.Disagreeing) != 1 || a.Disagreeing[0] != (tabular.Sample{Row: 2, Value: "many"}) || *p.Quality.Validity != 0.75 {
			t.Errorf("%+v, quality %+v", a, p.Quality)
		}
		if f := codes(p)["values_disagree a"]; f.Affected != 1 || !strings.Contains(f.Message, `"many" in row 2`) || !strings.Contains(f.Message, "missing now") {
			t.Errorf("findings %+v", p.Findings)
		}
		next := profile.New(schema, o)
		if err := next.Add(f); err != nil {
			t.Fatal(err)
		}
		next.Carry(p)
		c = next
	}
}

func TestProfilesOfOld(t *testing.T) {
	t.Parallel()
	p, err := profile.Decode([]byte(`{"rows":2,"columns":[{"name":"a","type":"datetime","count":2,"missing":0,"missing_fraction":0,"distinct":2,"distinct_exact":true,"top":[]}]}`))
	if err != nil || p.Version != 1 || p.Columns[0].Storage != tabular.Datetime || p.Columns[0].Type != tabular.SemanticDatetime || p.Columns[0].Agree != 2 || p.Quality != nil || p.Column("b") != nil {
		t.Errorf("%+v, error %v", p, err)
	}
	for _, text := range []string{`{"version":99}`, `[]`, ``} {
		if _, err := profile.Decode([]byte(text)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}
