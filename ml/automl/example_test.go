package automl_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
)

// rides are 1,500 bookings: people with a long way who book late come by taxi.
func rides() (*frame.Frame, error) {
	const rows = 1500
	hours, distances := make([]float64, rows), make([]float64, rows)
	days, came := make([]string, rows), make([]string, rows)
	for i := range rows {
		hours[i], distances[i] = float64(i%24), float64(i*i%97)/10
		days[i], came[i] = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}[i%7], "bus"
		if (hours[i] > 18 && distances[i] > 3) || i%100 == 7 {
			came[i] = "taxi"
		}
	}
	return frame.New(frame.NewFloat("hour", hours), frame.NewFloat("distance", distances),
		frame.StringsOf("day", days, nil), frame.StringsOf("came by", came, nil))
}

// A table goes in; what comes out is the best of several models, how they all
// did, and predictions for rows that none of them has seen.
func ExampleTrain() {
	table, err := rides()
	if err != nil {
		fmt.Println(err)
		return
	}
	p := automl.DefaultParams()
	p.Target, p.Folds, p.Trees = "came by", 3, 60
	p.Algorithms = []string{"baseline", "linear", "gbdt"}
	r, err := automl.Train(context.Background(), p, table, automl.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, note := range r.Notes {
		fmt.Println(note)
	}
	for _, e := range r.Leaderboard {
		fmt.Printf("%-8s %s %.2f, on %d rows held out %.2f\n", e.Algorithm, r.Metric, e.CV[r.Metric], len(r.HoldoutRows), e.Holdout[r.Metric])
	}

	// The model takes rows as they come: the columns by name, and whatever else.
	ride, err := frame.New(frame.StringsOf("day", []string{"sun"}, nil), frame.NewFloat("hour", []float64{23}), frame.NewFloat("distance", []float64{8}))
	if err != nil {
		fmt.Println(err)
		return
	}
	out := make([]float64, r.Model.Outputs())
	if err := r.Model.Predict(ride, out); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %.1f\n", strings.Join(r.Model.Classes(), ", "), out)
	// Output:
	// The task is binary: the target "came by" holds values of type string, 2 of them distinct.
	// The positive class is "taxi", the rarer of the two.
	// gbdt     roc_auc 0.97, on 300 rows held out 0.99
	// linear   roc_auc 0.95, on 300 rows held out 0.98
	// baseline roc_auc 0.50, on 300 rows held out 0.50
	// bus, taxi: [0.0 1.0]
}

// memories keeps what is finished; a program would write it to files.
type memories map[string][]byte

func (m memories) Load(_ context.Context, name string) ([]byte, bool, error) {
	data, ok := m[name]
	return data, ok, nil
}

func (m memories) Save(_ context.Context, name string, data []byte) error {
	m[name] = append([]byte(nil), data...)
	return nil
}

// A call that was cut off goes on where it was, and ends with the same model.
func ExampleTrain_checkpoint() {
	table, err := rides()
	if err != nil {
		fmt.Println(err)
		return
	}
	p := automl.DefaultParams()
	p.Target, p.Folds, p.Trees, p.Algorithms = "came by", 3, 20, []string{"linear", "gbdt"}
	kept := memories{}
	ctx, cut := context.WithCancel(context.Background())
	_, err = automl.Train(ctx, p, table, automl.Options{Checkpoint: kept, Recorder: ml.RecorderFunc(func(progress ml.Progress) {
		if strings.HasPrefix(progress.Stage, "gbdt fold 2") {
			cut()
		}
	})})
	cut()
	fmt.Println(err, "with", len(kept), "parts kept")

	r, err := automl.Train(context.Background(), p, table, automl.Options{Checkpoint: kept})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Model.Algorithm(), "with", len(kept), "parts kept")
	// Output:
	// gbdt fold 2 of 3: context canceled with 5 parts kept
	// gbdt with 8 parts kept
}

// Rows that stand for different numbers of people, and what cannot be used.
func ExampleParams_weights() {
	table, err := frame.New(
		frame.NewFloat("income", make([]float64, 40)),
		frame.NewFloat("people", append(make([]float64, 39), -1)),
		frame.StringsOf("moves", strings.Fields(strings.Repeat("yes no ", 20)), nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	p := automl.DefaultParams()
	p.Target, p.WeightColumn = "moves", "people"
	_, err = automl.Train(context.Background(), p, table, automl.Options{})
	fmt.Println(err)
	p.Folds = 1
	fmt.Println(p.Validate())
	// Output:
	// ml: the weight "people" is -1 in row 40, it should be 0 or between 1e-12 and 1e+12
	// ml: folds is 1, it should be between 2 and 20
}
