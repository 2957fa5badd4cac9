package peer

import "github.com/narrativeml/narrative/internal/drill/generator"

// Step is a part of a trial.
type Step string

// The steps, in the order in which they can be done. Each that predicts does so
// for the held-out rows and needs Train before it, PredictMany excepted.
const (
	Bin         Step = "bin"          // bin the training table
	Train       Step = "train"        // learn Trees rounds, binning included; takes the time and the memory
	Score       Step = "score"        // predict, and write the predictions
	Predict     Step = "predict"      // predict
	Row         Step = "row"          // predict rows one at a time on one thread
	PredictMany Step = "predict-many" // learn ManyTrees on ManyRows, and predict
)

// Trial is what one side is to do with a table.
type Trial struct {
	Steps      []Step          `json:"steps"`
	Train      generator.Files `json:"train"`
	Test       generator.Files `json:"test"`
	Categories []int           `json:"categories"` // of each column; 0: a column of numbers
	Classes    int             `json:"classes"`

	Trees     int     `json:"trees"`
	Leaves    int     `json:"leaves"`
	Bins      int     `json:"bins"`
	MinChild  int     `json:"min_child"`
	Rate      float64 `json:"rate"`
	Threads   int     `json:"threads"`
	Seed      uint64  `json:"seed"`
	Quantized bool    `json:"quantized"` // with gradients of few bits, where the side has both ways
	Forest    bool    `json:"forest"`    // a random forest of Trees, by the defaults, instead of boosting

	ManyTrees int    `json:"many_trees"`
	ManyRows  int    `json:"many_rows"`
	RowCalls  int    `json:"row_calls"`
	Out       string `json:"out"` // takes the predictions as float64: of two classes those of the second, else of all classes row by row
}

// Outcome is what a side measured. What no step measured is 0.
type Outcome struct {
	Absent      string  `json:"absent,omitempty"` // why there is nothing to measure; everything else is empty then
	Version     string  `json:"version"`
	Bin         float64 `json:"bin"`          // s
	Train       float64 `json:"train"`        // s
	TrainCPU    float64 `json:"train_cpu"`    // s of all threads together, which other work on the machine hardly changes
	Memory      int64   `json:"memory"`       // most bytes above those of the loaded table while training
	Predict     float64 `json:"predict"`      // s, of all held-out rows
	PredictMany float64 `json:"predict_many"` // likewise
	Row         float64 `json:"row"`          // s, of one row
}
