package pipeline_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Steps and an algorithm are trained together, written as one file, and take
// rows as they come.
func ExampleTrain() {
	// Rents by size and district, with a gap.
	var sizes, rents []float64
	var districts []string
	for i := range 60 {
		size := float64(30 + i)
		rent := 10 * size
		if i%3 == 0 {
			districts, rent = append(districts, "harbour"), rent+200
		} else {
			districts = append(districts, "hill")
		}
		sizes, rents = append(sizes, size), append(rents, rent)
	}
	x, err := frame.New(frame.NewFloat("size", sizes), frame.StringsOf("district", districts, func(i int) bool { return i == 7 }))
	if err != nil {
		fmt.Println(err)
		return
	}
	y := ml.Target{Task: ml.Regression, Values: rents}

	p := linear.DefaultParams()
	p.Alpha = 1e-6
	model, err := pipeline.Train(context.Background(), pipeline.Spec{
		Algorithm: artifact.Linear,
		Target:    "rent",
		Steps: []pipeline.Fitter{
			pipeline.Step(preprocess.FitOneHot, preprocess.DefaultCategoryParams()),
			pipeline.Step(preprocess.FitImpute, preprocess.DefaultImputeParams()),
			pipeline.Step(preprocess.FitScale, preprocess.DefaultScaleParams()),
		},
	}, pipeline.Algorithm(linear.Train, p), x, y, ml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

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
	rooms, err := frame.New(
		frame.StringsOf("district", []string{"harbour", "hill"}, nil), // in any order
		frame.NewInt("size", frame.Int, []int64{50, 50}, nil),         // of any type of numbers
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	out := make([]float64, rooms.Rows()*back.Outputs())
	if err := back.Predict(rooms, out); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %.0f and %.0f\n", back.Target(), out[0], out[1])
	// Output: rent: 700 and 500
}
