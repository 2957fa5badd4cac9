package pipeline_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// summer is an estimator whose output is the sum of the columns it knows, a
// category counting as its code; missing values count as nothing.
type summer struct {
	columns []string
	outputs int
	broken  bool
}

var _ pipeline.Estimator = (*summer)(nil)

func (s *summer) Outputs() int                          { return s.outputs }
func (s *summer) AppendBinary(b []byte) ([]byte, error) { return b, nil }

func (s *summer) Predict(x *frame.Frame, out []float64) error {
	clear(out)
	for _, name := range s.columns {
		c, ok := x.Column(name)
		if !ok {
			return fmt.Errorf("no column %q", name)
		}
		for i := range c.Len() {
			switch {
			case c.Null(i):
			case c.Type() == frame.String:
				out[i*s.outputs] += float64(c.Code(i))
			default:
				out[i*s.outputs] += c.Float(i)
			}
		}
	}
	if s.broken {
		out[0] = math.NaN()
	}
	return nil
}

func newFrame(t *testing.T, columns ...frame.Column) *frame.Frame {
	t.Helper()
	f, err := frame.New(columns...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func text(name string, values ...string) frame.Column {
	return frame.StringsOf(name, values, func(i int) bool { return values[i] == "-" })
}

// setup returns a model that sums a number, a count, a flag, a date and a word.
func setup(t *testing.T) (*pipeline.Model, *frame.Frame) {
	t.Helper()
	x := newFrame(t,
		frame.NewFloat("number", []float64{0.5, 1.5}),
		frame.NewInt("count", frame.Int, []int64{10, 20}, nil),
		frame.NewInt("flag", frame.Bool, []int64{0, 1}, nil),
		frame.NewInt("date", frame.Time, []int64{100, 200}, nil),
		text("word", "7", "b"),
	)
	group, err := preprocess.FitGroup(t.Context(), x, preprocess.CategoryParams{MaxCategories: 9, MinRows: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := pipeline.Parts{
		Algorithm: "sum", Task: ml.Regression, Target: "y", Steps: []preprocess.Step{group},
		Estimator: &summer{columns: x.Names(), outputs: 1},
	}
	for _, c := range x.Columns() {
		p.Inputs = append(p.Inputs, pipeline.InputOf(c))
	}
	m, err := pipeline.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return m, x
}

func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	var e *ml.InputError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("error %v, want code %s and %q", err, code, text)
	}
}

func predict(t *testing.T, m *pipeline.Model, x *frame.Frame) []float64 {
	t.Helper()
	out := make([]float64, x.Rows()*m.Outputs())
	if err := m.Predict(x, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFacts(t *testing.T) {
	t.Parallel()
	m, _ := setup(t)
	if m.Task() != ml.Regression || m.Target() != "y" || m.Algorithm() != "sum" || m.Outputs() != 1 || len(m.Classes()) != 0 {
		t.Errorf("%s of %s by %s with %d outputs", m.Task(), m.Target(), m.Algorithm(), m.Outputs())
	}
	inputs := m.Inputs()
	if len(inputs) != 5 || inputs[4].Name != "word" || inputs[4].Type != frame.String || !slices.Equal(inputs[4].Categories, []string{"7", "b"}) {
		t.Errorf("inputs %+v", inputs)
	}
	inputs[4].Categories[0] = "changed"
	if m.Inputs()[4].Categories[0] != "7" {
		t.Error("the inputs can be changed from outside")
	}
}

func TestPredict(t *testing.T) {
	t.Parallel()
	m, x := setup(t)
	if got := predict(t, m, x); !slices.Equal(got, []float64{110.5, 223.5}) {
		t.Errorf("%v", got)
	}
	var gone frame.Bitmap
	gone.Set(0)
	gone.Set(1)
	for name, c := range map[string]struct {
		x    *frame.Frame
		want []float64
	}{
		"other order and more columns": {newFrame(t,
			text("more", "p", "q"), x.Columns()[4], x.Columns()[3], x.Columns()[2], x.Columns()[1], x.Columns()[0]), []float64{110.5, 223.5}},
		"numbers of other types": {newFrame(t,
			frame.NewInt("number", frame.Int, []int64{1, 2}, nil), frame.NewFloat("count", []float64{10.25, math.NaN()}),
			frame.NewFloat("flag", []float64{1, 0}), x.Columns()[3], x.Columns()[4]), []float64{112.25, 203}},
		"whole numbers for strings": {newFrame(t, append(slices.Clone(x.Columns()[:4]),
			frame.NewInt("word", frame.Int, []int64{7, 8}, nil))...), []float64{110.5, 222.5}},
		"empty columns of other types": {newFrame(t,
			text("number", "-", "-"), text("count", "-", "-"), text("flag", "-", "-"), text("date", "-", "-"),
			frame.NewInt("word", frame.Bool, []int64{0, 0}, gone)), []float64{0, 0}},
		"unseen categories": {newFrame(t, append(slices.Clone(x.Columns()[:4]), text("word", "new", "b"))...), []float64{110.5, 223.5}},
		"no rows":           {x.Take(nil), nil},
	} {
		if got := predict(t, m, c.x); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestPredictRefuses(t *testing.T) {
	t.Parallel()
	m, x := setup(t)
	out := make([]float64, 2)
	wantCode(t, m.Predict(x.Without("count"), out), "missing_column", `lacks the column "count", which`)
	wantCode(t, m.Predict(x.Without("count", "word"), out), "missing_column", `the columns "count", "word"`)
	replaced := func(c frame.Column) *frame.Frame {
		return newFrame(t, append(slices.Clone(x.Without(c.Name()).Columns()), c)...)
	}
	for _, c := range []frame.Column{
		text("number", "1", "2"), text("date", "1", "2"), frame.NewFloat("date", []float64{1, 2}),
		frame.NewFloat("word", []float64{1, 2}), frame.NewInt("count", frame.Time, []int64{1, 2}, nil),
	} {
		wantCode(t, m.Predict(replaced(c), out), "column_type", "learned from")
	}
	wantCode(t, m.Predict(replaced(frame.NewFloat("number", []float64{1, math.Inf(-1)})), out), "infinite_value", "row 2")
	if err := m.Predict(x, nil); err == nil {
		t.Error("no room for outputs is taken")
	}
}

func TestManyMissingColumns(t *testing.T) {
	t.Parallel()
	p := pipeline.Parts{Algorithm: "sum", Task: ml.Regression, Target: "y", Estimator: &summer{outputs: 1}}
	for i := range 30 {
		p.Inputs = append(p.Inputs, pipeline.Input{Name: fmt.Sprintf("c%d", i)})
	}
	m, err := pipeline.New(p)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, m.Predict(newFrame(t), nil), "missing_column", `"c9" and 20 more`)
}

func TestUnseen(t *testing.T) {
	t.Parallel()
	m, x := setup(t)
	if got := m.Unseen(x); len(got) != 0 {
		t.Errorf("%v", got)
	}
	for want, c := range map[int]frame.Column{
		3: text("word", "new", "b", "newer", "-", "new"),
		2: frame.NewInt("word", frame.Int, []int64{7, 8, 9}, nil),
	} {
		if got := m.Unseen(newFrame(t, c)); got["word"] != want {
			t.Errorf("%v, want %d", got, want)
		}
	}
	for _, c := range []frame.Column{frame.NewFloat("word", []float64{1}), text("else", "a")} {
		if got := m.Unseen(newFrame(t, c)); len(got) != 0 {
			t.Errorf("%v", got)
		}
	}
}

func TestUnseenAmongManyCategories(t *testing.T) {
	t.Parallel()
	m, _ := setup(t)
	parts := m.Parts()
	parts.Inputs = slices.Clone(parts.Inputs)
	for i, in := range parts.Inputs {
		if in.Name == "word" {
			for k := range 70_000 {
				parts.Inputs[i].Categories = append(parts.Inputs[i].Categories, fmt.Sprintf("~%05d", k))
			}
		}
	}
	m, err := pipeline.New(parts)
	if err != nil {
		t.Fatal(err)
	}
	c := text("word", "~00000", "~69999", "~70000", "b", "~7")
	if got := m.Unseen(newFrame(t, c)); got["word"] != 2 {
		t.Errorf("unseen: %v", got)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := func() pipeline.Parts {
		return pipeline.Parts{
			Algorithm: "sum", Task: ml.Binary, Target: "y", Classes: []string{"no", "yes"},
			Inputs:    []pipeline.Input{{Name: "a"}, {Name: "s", Type: frame.String, Categories: []string{"p", "q"}}},
			Estimator: &summer{columns: []string{"a"}, outputs: 2},
		}
	}
	if _, err := pipeline.New(good()); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(p *pipeline.Parts){
		"must be given":    func(p *pipeline.Parts) { p.Estimator = nil },
		"cannot have 1":    func(p *pipeline.Parts) { p.Classes = p.Classes[:1] },
		`"guess" cannot`:   func(p *pipeline.Parts) { p.Task = "guess" },
		"has 3 outputs":    func(p *pipeline.Parts) { p.Estimator = &summer{outputs: 3} },
		"occurs twice":     func(p *pipeline.Parts) { p.Classes = []string{"a", "a"} },
		"is no column":     func(p *pipeline.Parts) { p.Inputs[0].Type = 9 },
		"has categories":   func(p *pipeline.Parts) { p.Inputs[0].Categories = []string{"x"} },
		"not in order":     func(p *pipeline.Parts) { p.Inputs[1].Categories = []string{"q", "p"} },
		"both named":       func(p *pipeline.Parts) { p.Inputs[1] = p.Inputs[0] },
		`no column "gone"`: func(p *pipeline.Parts) { p.Estimator = &summer{columns: []string{"gone"}, outputs: 2} },
		"gives NaN":        func(p *pipeline.Parts) { p.Estimator = &summer{outputs: 2, broken: true} },
	} {
		p := good()
		change(&p)
		if _, err := pipeline.New(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestNoInputs(t *testing.T) {
	t.Parallel()
	m, err := pipeline.New(pipeline.Parts{Algorithm: "sum", Task: ml.Regression, Target: "y", Estimator: &summer{outputs: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if got := predict(t, m, newFrame(t, frame.NewFloat("any", []float64{1, 2, 3}))); len(got) != 3 {
		t.Errorf("%v", got)
	}
}
