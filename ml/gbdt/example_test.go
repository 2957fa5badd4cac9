package gbdt_test

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
)

func ExampleTrain() {
	// Whoever is under 30 or did not tell the age is a student.
	var ages, student []float64
	for i := range 1000 {
		age := float64(18 + i%50)
		if i%10 == 0 {
			age = math.NaN()
		}
		ages = append(ages, age)
		student = append(student, 0)
		if !(age >= 30) {
			student[i] = 1
		}
	}
	x, err := frame.New(frame.NewFloat("age", ages))
	if err != nil {
		fmt.Println(err)
		return
	}
	y := ml.Target{Task: ml.Binary, Values: student, Classes: []string{"no", "yes"}}
	m, err := gbdt.Train(context.Background(), gbdt.DefaultParams(), x, y, ml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	people, err := frame.New(frame.NewFloat("age", []float64{20, 29, 30, math.NaN()}))
	if err != nil {
		fmt.Println(err)
		return
	}
	out := make([]float64, 4*m.Outputs())
	if err := m.Predict(people, out); err != nil {
		fmt.Println(err)
		return
	}
	for i := range 4 {
		fmt.Printf("%.2f\n", out[2*i+1])
	}
	// Output:
	// 1.00
	// 1.00
	// 0.00
	// 1.00
}

func ExampleParams_Validate() {
	p := gbdt.DefaultParams()
	p.LearningRate = 2
	fmt.Println(p.Validate())
	// Output: ml: the parameter learning_rate is 2; it must be a number above 0 and at most 1
}

// A range for each prediction: two models from one binned table, one for each end.
func ExampleTrainBinned() {
	var sizes, prices []float64
	for i := range 2000 {
		size := float64(i % 100)
		sizes = append(sizes, size)
		prices = append(prices, 10*size+size*float64(i%21-10)/10) // the dearer, the less certain
	}
	x, err := frame.New(frame.NewFloat("size", sizes))
	if err != nil {
		fmt.Println(err)
		return
	}
	p := gbdt.DefaultParams()
	p.Objective = gbdt.Quantile
	p.Monotone = map[string]int{"size": 1}
	binned, err := gbdt.Bin(context.Background(), p, x, ml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, level := range []float64{0.1, 0.9} {
		p.QuantileLevel = level
		m, err := gbdt.TrainBinned(context.Background(), p, binned, ml.Target{Task: ml.Regression, Values: prices}, ml.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		var small, large [1]float64
		if err := errors.Join(m.PredictRow([]float64{10}, small[:]), m.PredictRow([]float64{90}, large[:])); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.1f: %.0f and %.0f\n", level, small[0], large[0])
	}
	// Output:
	// 0.1: 91 and 814
	// 0.9: 124 and 976
}
