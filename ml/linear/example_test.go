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
