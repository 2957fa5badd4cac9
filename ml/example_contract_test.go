package ml_test

import (
	"errors"
	"fmt"

	"github.com/narrativeml/narrative/ml"
)

// What cannot be used is an *ml.InputError with a stable code and the place.
func ExampleInputError() {
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 1, 2}, Classes: []string{"no", "yes"}}
	err := y.Validate(3)
	if e, ok := errors.AsType[*ml.InputError](err); ok {
		fmt.Println(e.Code, e.Row)
	}
	fmt.Println(err)
	// Output:
	// unknown_class 2
	// ml: the class index is 2; it must be a whole number from 0 to 1
}

// Progress can be shown, logged or dropped.
func ExampleRecorderFunc() {
	last := ml.Progress{}
	o := ml.Options{Recorder: ml.RecorderFunc(func(p ml.Progress) { last = p })}
	o.Record(ml.Progress{Stage: "gbdt", Fraction: 0.25})
	fmt.Printf("%s: %.0f %%\n", last.Stage, 100*last.Fraction)
	// Output: gbdt: 25 %
}

// The rare class weighs as much as the usual one.
func ExampleBalancedClassWeights() {
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 0, 0, 0, 0, 0, 1, 1}, Classes: []string{"fine", "broken"}}
	weights := ml.BalancedClassWeights(y)
	fmt.Printf("%.2f\n", weights)
	y, err := y.WithClassWeights(weights)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", y.Weights)
	// Output:
	// [0.67 2.00]
	// [0.67 0.67 0.67 0.67 0.67 0.67 2.00 2.00]
}
