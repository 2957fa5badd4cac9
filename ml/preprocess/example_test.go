package preprocess_test

import (
	"context"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

func ExampleFitImpute() {
	x, err := frame.New(
		frame.NewFloat("age", []float64{20, math.NaN(), 40, 60}),
		frame.NewFloat("rooms", []float64{1, 2, 2, math.NaN()}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := preprocess.DefaultImputeParams()
	p.Columns = []string{"age"} // rooms stay as they are
	s, err := preprocess.FitImpute(context.Background(), x, p)
	if err != nil {
		fmt.Println(err)
		return
	}
	full, err := s.Transform(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range full.Columns() {
		fmt.Println(c.Name(), c.Floats())
	}
	// Output:
	// age [20 40 40 60]
	// age is missing [0 1 0 0]
	// rooms [1 2 2 NaN]
}

func ExampleFitScale() {
	x, err := frame.New(frame.NewFloat("price", []float64{1, 2, 3, 4, 1000}))
	if err != nil {
		fmt.Println(err)
		return
	}
	p := preprocess.DefaultScaleParams()
	p.Method = preprocess.Robust
	s, err := preprocess.FitScale(context.Background(), x, p)
	if err != nil {
		fmt.Println(err)
		return
	}
	scaled, err := s.Transform(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(scaled.Columns()[0].Floats())
	// Output: [-1 -0.5 0 0.5 498.5]
}

func ExampleFitCorrelation() {
	x, err := frame.New(
		frame.NewFloat("metres", []float64{1, 2, 3, 4}),
		frame.NewFloat("feet", []float64{3.3, 6.6, 9.8, 13.1}),
		frame.NewFloat("age", []float64{7, 3, 9, 5}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := preprocess.FitCorrelation(context.Background(), x, preprocess.DefaultCorrelationParams())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range s.Dropped() {
		fmt.Println(d.Note)
	}
	// Output: Column "feet" was left out: its correlation with "metres" is 1.000.
}

func ExampleFitDates() {
	days := []int64{0, 1, 2, 3, 4, 5, 6}
	for i := range days {
		days[i] *= 24 * 60 * 60 * 1e6 // microseconds from Thursday, 1 January 1970
	}
	x, err := frame.New(frame.NewInt("at", frame.Time, days, nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := preprocess.FitDates(context.Background(), x, preprocess.DateParams{Cycles: []preprocess.Part{preprocess.Weekday}})
	if err != nil {
		fmt.Println(err)
		return
	}
	around, err := s.Transform(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range around.Columns() {
		fmt.Printf("%s: Thursday %.2f, Saturday %.2f, Sunday %.2f\n", c.Name(), c.Float(0), c.Float(2), c.Float(3))
	}
	// Output:
	// at weekday sin: Thursday -0.43, Saturday -0.78, Sunday 0.00
	// at weekday cos: Thursday -0.90, Saturday 0.62, Sunday 1.00
}

func ExampleAppend() {
	x, err := frame.New(frame.StringsOf("colour", []string{"red", "red", "blue"}, nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := preprocess.FitOneHot(context.Background(), x, preprocess.DefaultCategoryParams())
	if err != nil {
		fmt.Println(err)
		return
	}
	steps, err := preprocess.Decode(preprocess.Append(nil, []preprocess.Step{s}))
	if err != nil {
		fmt.Println(err)
		return
	}
	hot, err := preprocess.Apply(context.Background(), steps, x)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hot.Names())
	// Output: [colour=blue colour=red]
}
