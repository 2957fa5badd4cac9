package profile_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

func table(tb testing.TB, columns ...frame.Column) *frame.Frame {
	tb.Helper()
	f, err := frame.New(columns...)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// describe profiles the frame, whole or cut into parts that are merged.
func describe(tb testing.TB, f *frame.Frame, parts int) *profile.Profile {
	tb.Helper()
	return describeAs(tb, f, tabular.SchemaOf(f), parts, profile.Options{})
}

func describeAs(tb testing.TB, f *frame.Frame, schema tabular.Schema, parts int, o profile.Options) *profile.Profile {
	tb.Helper()
	var all *profile.Collector
	for p := range parts {
		var rows []int
		for i := f.Rows() * p / parts; i < f.Rows()*(p+1)/parts; i++ {
			rows = append(rows, i)
		}
		c := profile.New(schema, o)
		if len(rows) > 0 {
			c.StartAt(int64(rows[0]))
		}
		for chunk := range slices.Chunk(rows, 1000) {
			if err := c.Add(f.Take(chunk)); err != nil {
				tb.Fatal(err)
			}
		}
		if all == nil {
			all = c
		} else if err := all.Merge(c); err != nil {
			tb.Fatal(err)
		}
	}
	p, err := all.Profile()
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := json.Marshal(p); err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestSmallTableIsExact(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	var nulls frame.Bitmap
	nulls.Set(4)
	f := table(t,
		frame.NewFloat("f", []float64{1, 2, nan, 4, 0.5}),
		frame.NewInt("i", frame.Int, []int64{7, 7, -3, math.MaxInt64, 0}, nulls),
		frame.NewInt("b", frame.Bool, []int64{1, 1, 0, 1, 0}, nil),
		frame.NewInt("t", frame.Time, []int64{0, 1e6, 2e6, 3e6, 4e6}, nil),
		frame.NewString("s", []int32{0, 1, 0, -1, 0}, []string{"né", "abc"}),
		frame.NewString("n", []int32{-1, -1, -1, -1, -1}, nil),
	)
	got, err := json.Marshal(describe(t, f, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":2,"rows":5,"columns":[` +
		`{"name":"f","type":"float","storage":"float","agree":4,"disagree":0,"count":4,"missing":1,"missing_fraction":0.2,"distinct":4,"distinct_exact":true,"min":0.5,"max":4,"mean":1.875,"std":1.547847968417226,"skew":1.1376243669576886,"kurtosis":0.7576559546313799,` +
		`"quantiles":{"p1":0.515,"p5":0.575,"p25":0.875,"p50":1.5,"p75":2.5,"p95":3.6999999999999993,"p99":3.9399999999999995},"quantiles_exact":true,"outliers":{"lower":-1.5625,"upper":4.9375,"below":0,"above":0,"extreme":0,"z":0},` +
		`"histogram":{"edges":[0.5,0.625,0.75,0.875,1,1.125,1.25,1.375,1.5,1.625,1.75,1.875,2,2.125,2.25,2.375,2.5,2.625,2.75,2.875,3,3.125,3.25,3.375,3.5,3.625,3.75,3.875,4,4.125],` +
		`"counts":[1,0,0,0,1,0,0,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]},` +
		`"top":[{"value":0.5,"count":1},{"value":1,"count":1},{"value":2,"count":1},{"value":4,"count":1}]},`
	if !strings.HasPrefix(string(got), want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, part := range []string{
		`"min":-3,"max":9223372036854775807,`, `"p50":7,`, `{"value":7,"count":2}`,
		`{"name":"b","type":"boolean","storage":"boolean","agree":5,"disagree":0,"count":5,"missing":0,"missing_fraction":0,"distinct":2,"distinct_exact":true,"min":false,"max":true,"mean":0.6,"std":0.5477225575051662,"top":[{"value":true,"count":3},{"value":false,"count":2}]}`,
		`"min":"1970-01-01T00:00:00Z","max":"1970-01-01T00:00:04Z","quantiles":{"p1":"1970-01-01T00:00:00.04Z"`,
		`{"name":"s","type":"categorical","storage":"string","agree":4,"disagree":0,"count":4,"missing":1,"missing_fraction":0.2,"distinct":2,"distinct_exact":true,"top":[{"value":"né","count":3},{"value":"abc","count":1}],"text":{"min":2,"max":3,"mean":2.25}}`,
		`{"name":"n","type":"string","storage":"string","agree":0,"disagree":0,"count":0,"missing":5,"missing_fraction":1,"distinct":0,"distinct_exact":true,"top":[]}`,
	} {
		if !strings.Contains(string(got), part) {
			t.Errorf("%s\nlacks %s", got, part)
		}
	}
}

// big returns columns of many values: normal, skewed, whole, with one value
// that is frequent among many, and words.
func big(tb testing.TB, rows int) *frame.Frame {
	tb.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	normal, skewed, often := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	whole := make([]int64, rows)
	words := make([]string, rows)
	for i := range rows {
		normal[i] = rng.NormFloat64()*3 - 1
		skewed[i] = math.Exp(rng.NormFloat64() * 4)
		if often[i] = rng.Float64(); i%3 == 0 {
			often[i] = 0
		}
		whole[i] = int64(rng.IntN(100_000)) - 50_000
		words[i] = fmt.Sprintf("word-%d", int(math.Abs(rng.NormFloat64())*20_000))
		if i%5 == 0 {
			words[i] = "frequent"
		}
	}
	return table(tb, frame.NewFloat("normal", normal), frame.NewFloat("skewed", skewed), frame.NewFloat("often", often),
		frame.NewInt("whole", frame.Int, whole, nil), frame.StringsOf("words", words, nil))
}

func TestBigTableIsWithinItsErrors(t *testing.T) {
	t.Parallel()
	const rows = 100_000
	f := big(t, rows)
	for _, parts := range []int{1, 3, 40} {
		p := describe(t, f, parts)
		if p.Rows != rows {
			t.Errorf("%d parts: %d rows", parts, p.Rows)
		}
		for k, c := range f.Columns() {
			checkDistinct(t, c, p.Columns[k], parts)
			if c.Type() != frame.String {
				checkNumbers(t, c, p.Columns[k], parts)
			}
		}
		for k, want := range map[int]any{2: 0.0, 4: "frequent"} {
			col := p.Columns[k]
			exact := int64(rows/3 + 1)
			if k == 4 {
				exact = rows / 5
			}
			if len(col.Top) == 0 || col.Top[0].Value != want || col.Top[0].Count > exact || col.Top[0].Count < exact-col.TopError {
				t.Errorf("%d parts: top of %s: %v, error %d; want %v %d times", parts, col.Name, col.Top, col.TopError, want, exact)
			}
		}
	}
}

func checkDistinct(t *testing.T, c frame.Column, got profile.Column, parts int) {
	t.Helper()
	seen := make(map[any]bool)
	for i := range c.Len() {
		seen[tabular.Value(c, i)] = true
	}
	if off := math.Abs(float64(got.Distinct)/float64(len(seen)) - 1); got.DistinctExact || off > 5*got.DistinctError {
		t.Errorf("%d parts: %s: distinct %d, want %d (error %v)", parts, got.Name, got.Distinct, len(seen), got.DistinctError)
	}
}

func checkNumbers(t *testing.T, c frame.Column, got profile.Column, parts int) {
	t.Helper()
	values := make([]float64, c.Len())
	sum := 0.0
	for i := range values {
		values[i] = c.Float(i)
		sum += values[i]
	}
	slices.Sort(values)
	mean := sum / float64(len(values))
	m2 := 0.0
	for _, v := range values {
		m2 += (v - mean) * (v - mean)
	}
	std := math.Sqrt(m2 / float64(len(values)-1))
	if math.Abs(*got.Mean-mean) > 1e-9*math.Max(1, math.Abs(mean)) || math.Abs(*got.Std/std-1) > 1e-9 {
		t.Errorf("%d parts: %s: mean %v, std %v, want %v, %v", parts, got.Name, *got.Mean, *got.Std, mean, std)
	}
	if number(got.Min) != values[0] || number(got.Max) != values[len(values)-1] {
		t.Errorf("%d parts: %s: range %v %v", parts, got.Name, got.Min, got.Max)
	}
	q := got.Quantiles
	for share, v := range map[float64]any{0.01: q.P1, 0.05: q.P5, 0.25: q.P25, 0.5: q.P50, 0.75: q.P75, 0.95: q.P95, 0.99: q.P99} {
		want := values[int(share*float64(len(values)-1))]
		tolerance := got.QuantilesError*math.Abs(want) + 1e-3*std/50 + 1e-12
		if c.Type() == frame.Int {
			tolerance += 0.5
		}
		if math.Abs(number(v)-want) > tolerance {
			t.Errorf("%d parts: %s: quantile %v is %v, want %v", parts, got.Name, share, v, want)
		}
	}
	checkHistogram(t, values, got)
}

func number(v any) float64 {
	if n, ok := v.(int64); ok {
		return float64(n)
	}
	return v.(float64)
}

func checkHistogram(t *testing.T, values []float64, got profile.Column) {
	t.Helper()
	h := got.Histogram
	if len(h.Counts) > 30 || len(h.Edges) != len(h.Counts)+1 || len(h.Counts) < 2 {
		t.Fatalf("%s: %d bins, %d edges", got.Name, len(h.Counts), len(h.Edges))
	}
	want := make([]int64, len(h.Counts))
	for _, v := range values {
		k := 0
		for k+1 < len(h.Edges) && v >= number(h.Edges[k+1]) {
			k++
		}
		if v < number(h.Edges[0]) || k == len(want) {
			t.Fatalf("%s: %v is in no bin of %v", got.Name, v, h.Edges)
		}
		want[k]++
	}
	if !slices.Equal(h.Counts, want) {
		t.Errorf("%s: counts %v, want %v", got.Name, h.Counts, want)
	}
}

func TestOrderOfRowsDoesNotMatter(t *testing.T) {
	t.Parallel()
	f := big(t, 20_000)
	order := rand.New(rand.NewPCG(7, 8)).Perm(f.Rows())
	a, b := describe(t, f, 1), describe(t, f.Take(order), 1)
	for k := range a.Columns {
		if !reflect.DeepEqual(a.Columns[k].Histogram, b.Columns[k].Histogram) || a.Columns[k].Distinct != b.Columns[k].Distinct ||
			!reflect.DeepEqual(a.Columns[k].Quantiles, b.Columns[k].Quantiles) {
			t.Errorf("column %s differs", a.Columns[k].Name)
		}
	}
}

// TestChunksDoNotMatter checks that numbers are counted alike however they come,
// since many of them wait to be counted together.
func TestChunksDoNotMatter(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(11, 12))
	const rows = 60_000
	floats, ints := make([]float64, rows), make([]int64, rows)
	var nulls frame.Bitmap
	for i := range rows {
		floats[i], ints[i] = rng.NormFloat64(), rng.Int64()>>rng.IntN(40)
		if rng.IntN(20) == 0 {
			floats[i], ints[i] = -0.5, 77
		}
		if rng.IntN(50) == 0 {
			floats[i] = math.NaN()
			nulls.Set(i)
		}
	}
	f := table(t, frame.NewFloat("x", floats), frame.NewInt("n", frame.Int, ints, nulls))
	all := make([]int, rows)
	for i := range all {
		all[i] = i
	}
	var want *profile.Profile
	for _, size := range []int{1, 700, 9000, rows} {
		c := profile.New(tabular.SchemaOf(f), profile.Options{})
		for chunk := range slices.Chunk(all, size) {
			if err := c.Add(f.Take(chunk)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := c.Profile()
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		for k, a := range want.Columns {
			b := got.Columns[k]
			if a.Count != b.Count || a.Distinct != b.Distinct || a.TopError != b.TopError || !reflect.DeepEqual(a.Top, b.Top) || !reflect.DeepEqual(a.Quantiles, b.Quantiles) {
				t.Errorf("chunks of %d rows: %+v, want %+v", size, b, a)
			}
			if exact := int64(0.04 * rows); len(b.Top) == 0 || b.Top[0].Count+b.TopError < exact || b.DistinctExact {
				t.Errorf("chunks of %d rows: %+v", size, b)
			}
		}
	}
}

func TestExtremes(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]float64{
		"huge":      {-math.MaxFloat64, math.MaxFloat64},
		"one huge":  {math.MaxFloat64, math.MaxFloat64, math.MaxFloat64},
		"tiny":      {math.SmallestNonzeroFloat64, 2 * math.SmallestNonzeroFloat64, 1e-310},
		"wide":      {1e-300, 1e300, -1, 0},
		"zeros":     {0, math.Copysign(0, -1), 0},
		"zero, big": {0, 0, 1e200},
		"constant":  {0.1, 0.1, 0.1},
		"close":     {1e15, 1e15 + 0.125, 1e15 + 0.25},
		"negative":  {-5, -3, -1.5},
		"one":       {42},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, parts := range []int{1, len(values)} {
				c := describe(t, table(t, frame.NewFloat("x", values)), parts).Columns[0]
				total := int64(0)
				for _, n := range c.Histogram.Counts {
					total += n
				}
				if total != int64(len(values)) || len(c.Histogram.Counts) > 30 {
					t.Errorf("histogram %+v", c.Histogram)
				}
				if c.Min != slices.Min(values) || c.Max != slices.Max(values) {
					t.Errorf("range %v %v", c.Min, c.Max)
				}
				if name == "zeros" && c.Distinct != 1 {
					t.Errorf("%d distinct zeros", c.Distinct)
				}
				if name == "huge" && (c.Mean == nil || *c.Mean != 0) {
					t.Errorf("mean %v of %d parts", c.Mean, parts)
				}
				if name == "close" && parts == 1 && math.Abs(*c.Std-0.125) > 1e-9 {
					t.Errorf("std %v", *c.Std)
				}
			}
		})
	}
}

// TestWideTableStaysSmall has columns of numbers of every size, whose sketches take
// more than any others.
func TestWideTableStaysSmall(t *testing.T) { //nolint:paralleltest // measures the heap of the process
	const columns, chunks, rows, most = 1000, 40, 30, 65 << 10
	rng := rand.New(rand.NewPCG(9, 9))
	before := heap()
	var c *profile.Collector
	var first []float64
	for range chunks {
		parts := make([]frame.Column, columns)
		for j := range parts {
			values := make([]float64, rows)
			for i := range values {
				values[i] = math.Copysign(math.Exp(8*rng.NormFloat64()), rng.Float64()-0.5)
			}
			if parts[j] = frame.NewFloat(fmt.Sprintf("c%d", j), values); j == 0 {
				first = append(first, values...)
			}
		}
		f := table(t, parts...)
		if c == nil {
			c = profile.New(tabular.SchemaOf(f), profile.Options{})
		}
		if err := c.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if took := heap() - before; took > columns*most {
		t.Errorf("a column takes %d bytes, want %d at most", took/columns, most)
	}
	p, err := c.Profile()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(first)
	q := p.Columns[0].Quantiles
	for at, got := range map[int]any{len(first) / 100: q.P1, len(first) / 4: q.P25, len(first) * 99 / 100: q.P99} {
		low, high := first[at-1], first[at+1]
		off := p.Columns[0].QuantilesError
		if v := number(got); off > 0.02 || v < low-off*math.Abs(low) || v > high+off*math.Abs(high) {
			t.Errorf("a quantile is %v, want %v to %v within %v", v, low, high, off)
		}
	}
}

// heap returns how many bytes are alive.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestWideTableIsEstimated(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 9))
	var columns []frame.Column
	for j := range 2100 {
		values := make([]float64, 300)
		for i := range values {
			values[i] = rng.NormFloat64()
		}
		columns = append(columns, frame.NewFloat(fmt.Sprintf("c%d", j), values))
	}
	texts := make([]string, 300)
	for i := range texts {
		texts[i] = strconv.Itoa(i)
	}
	columns = append(columns, frame.StringsOf("t", texts, nil))
	p := describe(t, table(t, columns...), 1)
	if c := p.Columns[2100]; c.DistinctExact || math.Abs(float64(c.Distinct)/300-1) > 5*c.DistinctError || c.Text.Max != 3 {
		t.Errorf("%+v", c)
	}
	c := p.Columns[0]
	if c.DistinctExact || math.Abs(float64(c.Distinct)/300-1) > 5*c.DistinctError || c.DistinctError < 0.03 {
		t.Errorf("%+v", c)
	}
}

func TestLongTextsAreShortened(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 500)
	p := describe(t, table(t, frame.StringsOf("s", []string{long, long + "x", long}, nil)), 1)
	c := p.Columns[0]
	if c.Distinct != 2 || c.Top[0].Count != 2 || len(c.Top[0].Value.(string)) > 210 || c.Text.Max != 501 {
		t.Errorf("%+v", c)
	}
}

func TestWrongFrames(t *testing.T) {
	t.Parallel()
	c := profile.New(tabular.Schema{{Name: "a", Type: tabular.Float}}, profile.Options{})
	if err := c.Add(table(t, frame.NewFloat("b", nil))); err == nil {
		t.Error("a frame without the column was taken")
	}
	if err := c.Add(table(t, frame.NewInt("a", frame.Int, nil, nil))); err == nil {
		t.Error("a frame with another type was taken")
	}
	if err := c.Merge(profile.New(nil, profile.Options{})); err == nil {
		t.Error("another table was merged")
	}
	if err := c.Merge(profile.New(tabular.Schema{{Name: "b", Type: tabular.Float}}, profile.Options{})); err == nil {
		t.Error("another column was merged")
	}
}

func BenchmarkCollector(b *testing.B) {
	f := big(b, 100_000)
	var rows []int
	for i := range f.Rows() {
		rows = append(rows, i)
	}
	var chunks []*frame.Frame
	for part := range slices.Chunk(rows, 8192) {
		chunks = append(chunks, f.Take(part))
	}
	for b.Loop() {
		c := profile.New(tabular.SchemaOf(f), profile.Options{})
		for _, chunk := range chunks {
			if err := c.Add(chunk); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(f.Rows()*5*b.N)/b.Elapsed().Seconds(), "values/s")
}
