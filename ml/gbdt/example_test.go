package gbdt_test

import (
	"context"
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
