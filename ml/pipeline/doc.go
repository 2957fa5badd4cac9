// Package pipeline joins what a table needs before an algorithm can learn from
// it and what the algorithm learned: a Model takes rows as they were in
// training and gives outputs. Train fits both on the same rows:
//
//	model, err := pipeline.Train(ctx, pipeline.Spec{
//		Algorithm: artifact.GBDT, Target: "price",
//		Steps: []pipeline.Fitter{pipeline.Step(preprocess.FitDates, preprocess.DefaultDateParams())},
//	}, pipeline.Algorithm(gbdt.Train, gbdt.DefaultParams()), x, y, ml.Options{})
//
// A Model can carry recipes of the vocabulary of package preprocess: Carry puts
// their fitted steps before it, so that it predicts rows as they were before.
//
// Package artifact writes a Model and reads it back; New makes one of parts that
// were read.
//
// pipeline imports ml, ml/frame and ml/preprocess; it knows no algorithm.
// Enter at Train and Model.Predict.
package pipeline
