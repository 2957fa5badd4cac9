package dataset_test

import (
	"testing"

	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/fault"
)

// TestChart draws what an ingest has made, for the data set's own tenant.
func TestChart(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d := b.ready(t, "x,y,group\n1,2,a\n2,4,a\n3,5,b\n,7,b\n5,9,b\n")
	c, err := b.Chart(t.Context(), "acme", d.ID, chart.Request{Kind: chart.Histogram, X: "group"})
	if err != nil || c.Rows != 5 || len(c.Bars) != 2 || c.Bars[0].Value != "b" || c.Bars[0].Count != 3 {
		t.Errorf("histogram %+v, %v", c, err)
	}
	c, err = b.Chart(t.Context(), "acme", d.ID, chart.Request{Kind: chart.Scatter, X: "x", Y: "y", By: "group"})
	if err != nil || c.RowsRead != 5 || c.Sampled || len(c.Points) != 4 || c.Points[3] != (chart.Point{X: int64(5), Y: int64(9), Group: "b", Row: 5}) {
		t.Errorf("scatter plot %+v, %v", c, err)
	}
	_, err = b.Chart(t.Context(), "acme", d.ID, chart.Request{Kind: chart.Line, Y: "z"})
	checkCode(t, err, fault.ClassInvalid, "unknown_column")
	_, err = b.Chart(t.Context(), "other", d.ID, chart.Request{Kind: chart.Histogram, X: "y"})
	checkCode(t, err, fault.ClassNotFound, "dataset_not_found")
}

// TestContentChangesWithTheProfile has what is kept of a data set found out of date
// when its profile was made anew, and its table was not.
func TestContentChangesWithTheProfile(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d := b.ready(t, "x,y\n1,2\n2,4\n3,5\n")
	one, err1 := b.Look(t.Context(), "acme", d.ID, 0)
	b.reprofile(t, d.ID)
	two, err2 := b.Look(t.Context(), "acme", d.ID, 0)
	if err1 != nil || err2 != nil || one.Content() == two.Content() {
		t.Errorf("content %v, %v, errors %v, %v", one, two, err1, err2)
	}
}
