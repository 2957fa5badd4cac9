package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/baseline"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/pipeline"
)

func Example() {
	x, err := frame.New(frame.NewFloat("age", []float64{20, 30, 40, 50}))
	if err != nil {
		fmt.Println(err)
		return
	}
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 0, 0, 1}, Classes: []string{"no", "yes"}}
	model, err := pipeline.Train(context.Background(), pipeline.Spec{Algorithm: artifact.Baseline, Target: "retired"},
		pipeline.Algorithm(baseline.Train, baseline.DefaultParams()), x, y, ml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err := artifact.Write(&file, model); err != nil {
		fmt.Println(err)
		return
	}
	damaged := bytes.Clone(file.Bytes())

	back, err := artifact.Read(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, one of %q, by %s, from %s\n", back.Target(), back.Classes(), back.Algorithm(), back.Inputs()[0].Name)

	// A file says what is wrong with it.
	_, err = artifact.Read(bytes.NewReader(damaged[:100]))
	fmt.Println(errors.Is(err, artifact.ErrTruncated), err)
	damaged[50]++
	_, err = artifact.Read(bytes.NewReader(damaged))
	fmt.Println(errors.Is(err, artifact.ErrDamaged))
	// Output:
	// retired, one of ["no" "yes"], by baseline, from age
	// true read model: the model file is cut off after 100 bytes, in section STEP
	// true
}
