package chart

// The kinds of charts.
const (
	Histogram  = "histogram"
	BoxPlot    = "box_plot"
	Scatter    = "scatter"
	Line       = "line"
	TimeSeries = "time_series"
	HeatMap    = "heat_map"
)

// Kinds returns all kinds of charts.
func Kinds() []string {
	return []string{Histogram, BoxPlot, Scatter, Line, TimeSeries, HeatMap}
}

// Request says what is to be drawn.
type Request struct {
	Kind      string
	X, Y      string // columns
	By        string // a column whose values are told apart
	Bins      int    // of a histogram, and of each side of a heat map; 0: 30
	Points    int    // at most; 0: 1000
	Interval  string // of a time series; empty: what gives at most so many points
	Aggregate string // of a time series; empty: mean, or count without a column
}

// Limits of charts.
const (
	maxBins       = 100
	maxPoints     = 10_000
	defaultBins   = 30
	defaultPoints = 1000
)

// Chart is what is to be drawn: of its lists those that the kind has.
type Chart struct {
	Kind     string `json:"kind"`
	X        string `json:"x,omitempty"`
	Y        string `json:"y,omitempty"`
	By       string `json:"by,omitempty"`
	Rows     int64  `json:"rows"`      // of the table
	RowsRead int64  `json:"rows_read"` // that the chart is made of; all, or a part of a long table that is chosen evenly
	Sampled  bool   `json:"sampled"`   // not everything is drawn; the farthest outliers are, and sums and counts of a time series are estimates

	Bars     []Bar    `json:"bars,omitempty"`     // of a histogram
	Boxes    []Box    `json:"boxes,omitempty"`    // of a box plot
	Points   []Point  `json:"points,omitempty"`   // of a scatter plot and of a line
	Steps    []Step   `json:"steps,omitempty"`    // of a time series
	Interval string   `json:"interval,omitempty"` // of these
	Cells    []Cell   `json:"cells,omitempty"`    // of a heat map
	XLabels  []string `json:"x_labels,omitempty"` // of the cells
	YLabels  []string `json:"y_labels,omitempty"`
}

// Bar is a bin of numbers or instants, or a value.
type Bar struct {
	From  any   `json:"from,omitempty"` // with To a bin: up to it, but without it
	To    any   `json:"to,omitempty"`
	Value any   `json:"value,omitempty"` // a value; without it and without a bin all others
	Count int64 `json:"count"`
}

// Box is five numbers of a group of rows, and the numbers beyond the whiskers.
type Box struct {
	Group    string    `json:"group,omitempty"`
	Count    int64     `json:"count"`
	Low      float64   `json:"low"` // the whiskers: the last values within 1.5 times the distance of the quartiles
	Q1       float64   `json:"q1"`
	Median   float64   `json:"median"`
	Q3       float64   `json:"q3"`
	High     float64   `json:"high"`
	Outside  int64     `json:"outside"`  // values beyond the whiskers
	Outliers []float64 `json:"outliers"` // the farthest of them
}

// Point is a row, or the extreme of a stretch of a line.
type Point struct {
	X       any    `json:"x"`
	Y       any    `json:"y"`
	Group   string `json:"group,omitempty"`
	Row     int64  `json:"row"`               // from 1
	Outlier bool   `json:"outlier,omitempty"` // it is there since it is far from the others
}

// Step is an interval of a time series.
type Step struct {
	At    string   `json:"at"` // when it begins
	Group string   `json:"group,omitempty"`
	Count int64    `json:"count"` // rows with a value
	Value *float64 `json:"value,omitempty"`
	Low   *float64 `json:"low,omitempty"` // the smallest value, so that none hides in a mean
	High  *float64 `json:"high,omitempty"`
}

// Cell is a field of a heat map.
type Cell struct {
	X     int      `json:"x"` // which of the labels
	Y     int      `json:"y"`
	Value *float64 `json:"value"` // a number of rows, or a correlation
}
