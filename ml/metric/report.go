package metric

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/narrativeml/narrative/ml"
)

// ClassScore is how well a class is recognised.
type ClassScore struct {
	Class     string  `json:"class"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	Support   float64 `json:"support"` // sum of the weights of its rows
}

// ClassReport is how well each class is recognised, and all of them.
type ClassReport struct {
	Classes  []ClassScore `json:"classes"` // in the order of the target's
	Accuracy float64      `json:"accuracy"`
	Macro    ClassScore   `json:"macro"`    // means of the classes that are true or predicted somewhere
	Weighted ClassScore   `json:"weighted"` // the same by support
}

// NewClassReport compares the predicted classes of rows, indices into
// t.Classes, with the true ones. A figure without anything to divide by is 0.
// Its errors are those of NewConfusionMatrix.
func NewClassReport(t ml.Target, predicted []int) (*ClassReport, error) {
	scale, err := checkPredicted("class report", &t, predicted)
	if err != nil {
		return nil, err
	}
	c := newTally(t, func(i int) int { return predicted[i] })
	r := &ClassReport{Classes: make([]ClassScore, len(t.Classes)), Accuracy: c.right / c.total}
	for k, name := range t.Classes {
		n := c.of(k)
		r.Classes[k] = ClassScore{Class: name, Precision: n.Precision(), Recall: n.Recall(), F1: n.f1(), Support: scale(c.actual[k])}
	}
	for _, m := range []struct {
		line    *ClassScore
		name    string
		average average
	}{{&r.Macro, "macro", macro}, {&r.Weighted, "weighted", weighted}} {
		*m.line = ClassScore{
			Class:     m.name,
			Precision: c.mean(Counts.Precision, m.average),
			Recall:    c.mean(Counts.Recall, m.average),
			F1:        c.mean(Counts.f1, m.average),
			Support:   scale(c.total),
		}
	}
	return r, nil
}

// String returns the report as a table.
func (r *ClassReport) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(format string, args ...any) {
		_, _ = fmt.Fprintf(w, format, args...) // a strings.Builder never fails
	}
	line("class\tprecision\trecall\tf1\tsupport\t\n")
	for _, c := range append(append([]ClassScore{}, r.Classes...), r.Macro, r.Weighted) {
		line("%s\t%.3f\t%.3f\t%.3f\t%g\t\n", c.Class, c.Precision, c.Recall, c.F1, c.Support)
	}
	line("accuracy\t\t\t%.3f\t%g\t\n", r.Accuracy, r.Macro.Support)
	_ = w.Flush()
	return b.String()
}
