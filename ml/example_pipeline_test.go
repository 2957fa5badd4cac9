package ml_test

import (
	"bytes"
	"context"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
	"github.com/narrativeml/narrative/ml/metric"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
	"github.com/narrativeml/narrative/ml/split"
)

// From a table to a file and back: a table with dates, categories and gaps, rows
// held out, a model with all that it needs, its score, and its predictions.
func Example_pipeline() {
	ctx := context.Background()

	// Who comes: on weekends, and whoever has a season ticket.
	const rows = 700
	at, tickets, ages, came := make([]int64, rows), make([]string, rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		at[i] = int64(i) * 24 * 60 * 60 * 1e6 // a day each, from Thursday, 1 January 1970
		tickets[i], ages[i] = []string{"day", "season", "none", "day"}[i%4], float64(20+i%60)
		if i%9 == 0 {
			ages[i] = math.NaN()
		}
		if weekend := i%7 == 2 || i%7 == 3; weekend || tickets[i] == "season" {
			came[i] = 1
		}
	}
	x, err := frame.New(frame.NewInt("at", frame.Time, at, nil), frame.StringsOf("ticket", tickets, nil), frame.NewFloat("age", ages))
	if err != nil {
		fmt.Println(err)
		return
	}
	y := ml.Target{Task: ml.Binary, Values: came, Classes: []string{"no", "yes"}}

	// Hold a quarter out, so that each class is in both parts.
	classes := make([]int, rows)
	for i, v := range came {
		classes[i] = int(v)
	}
	train, test, err := split.StratifiedHoldout(classes, y.Classes, 0.25, 1, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	part := func(rows []int) (*frame.Frame, ml.Target) {
		values := make([]float64, len(rows))
		for i, row := range rows {
			values[i] = y.Values[row]
		}
		return x.Take(rows), ml.Target{Task: y.Task, Classes: y.Classes, Values: values}
	}

	// Everything is learned from the training rows alone.
	trainX, trainY := part(train)
	p := gbdt.DefaultParams()
	p.Trees = 30
	model, err := pipeline.Train(ctx, pipeline.Spec{
		Algorithm: artifact.GBDT,
		Target:    "came",
		Steps: []pipeline.Fitter{
			pipeline.Step(preprocess.FitDates, preprocess.DefaultDateParams()),
			pipeline.Step(preprocess.FitGroup, preprocess.DefaultCategoryParams()),
		},
	}, pipeline.Algorithm(gbdt.Train, p), trainX, trainY, ml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	// The file is all that is needed to predict.
	var file bytes.Buffer
	if err := artifact.Write(&file, model); err != nil {
		fmt.Println(err)
		return
	}
	back, err := artifact.Read(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	testX, testY := part(test)
	out := make([]float64, testX.Rows()*back.Outputs())
	if err := back.Predict(testX, out); err != nil {
		fmt.Println(err)
		return
	}
	score, err := metric.Score(metric.ROCAUC, testY, out)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d rows were held out, their ROC AUC is %.2f\n", len(test), score)
	// Output: 175 rows were held out, their ROC AUC is 1.00
}
