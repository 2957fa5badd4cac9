package forest_test

import (
	"context"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
)

// students are 1,000 people: whoever is under 30 or did not tell the age is a
// student.
func students() (*frame.Frame, ml.Target) {
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
		panic(err)
	}
	return x, ml.Target{Task: ml.Binary, Values: student, Classes: []string{"no", "yes"}}
}

func ExampleTrain() {
	x, y := students()
	p := forest.DefaultParams()
	p.OutOfBag = true
	m, err := forest.Train(context.Background(), p, x, y, ml.Options{})
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
	score, _ := m.OutOfBagScore()
	fmt.Printf("out of bag: %.2f\n", score)
	// Output:
	// 1.00
	// 1.00
	// 0.00
	// 1.00
	// out of bag: 1.00
}

func ExampleTrainOutOfBag() {
	x, y := students()
	p := forest.DefaultParams()
	p.Trees = 4
	_, bag, err := forest.TrainOutOfBag(context.Background(), p, x, y, ml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 3 {
		fmt.Printf("%d trees did not draw row %d: %.2f\n", bag.Trees[i], i, bag.Outputs[2*i+1])
	}
	// Output:
	// 3 trees did not draw row 0: 1.00
	// 1 trees did not draw row 1: 1.00
	// 1 trees did not draw row 2: 1.00
}

func ExampleParams_Validate() {
	p := forest.DefaultParams()
	p.MaxFeatures = 2
	fmt.Println(p.Validate())
	// Output: ml: the parameter max_features is 2; it must be a number from 0 to 1
}
