package linear_test

import (
	"context"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
)

func ExampleTrain() {
	x, err := frame.New(frame.NewFloat("size", []float64{1, 2, 3, 4}), frame.NewFloat("age", []float64{3, 1, 2, 5}))
	if err != nil {
		fmt.Println(err)
		return
	}
	price := ml.Target{Task: ml.Regression, Values: []float64{8, 16, 18, 16}} // 10 + 4*size - 2*age
	p := linear.DefaultParams()
	p.Alpha = 0
	m, err := linear.Train(context.Background(), p, x, price, ml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f + %.1f*size - %.1f*age\n", m.Intercepts()[0], m.Coefficients(0)[0], -m.Coefficients(0)[1])
	// Output: 10.0 + 4.0*size - 2.0*age
}

// A column of strings needs no encoding: each category has a coefficient. The
// lasso leaves those out that tell too little.
func ExampleModel_Features() {
	x, err := frame.New(
		frame.StringsOf("town", []string{"Ulm", "Bonn", "Ulm", "Bonn", "Ulm", "Jena", "Ulm", "Bonn"}, nil),
		frame.NewFloat("noise", []float64{3, 1, 2, 2, 1, 3, 2, 1}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	visits := ml.Target{Task: ml.Regression, Values: []float64{9, 2, 8, 1, 9, 4, 7, 2}}
	p := linear.DefaultParams()
	p.Loss, p.L1Ratio, p.Alpha = linear.Poisson, 1, 4
	m, err := linear.Train(context.Background(), p, x, visits, ml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for j, f := range m.Features() {
		fmt.Printf("%s %q %.2f\n", f.Column, f.Category, m.Coefficients(0)[j])
	}
	// Output:
	// town "Bonn" -0.29
	// town "Jena" 0.00
	// town "Ulm" 0.59
	// noise "" 0.00
}
