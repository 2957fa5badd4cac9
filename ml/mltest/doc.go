// Package mltest is the conformance suite of estimators: what every algorithm
// of ml, and a whole pipeline, must do. It is for tests only.
//
// A Case says what an estimator can do and how exact it is; Run does the rest,
// and Check does it without a test.
// Each package of an algorithm has one in its conformance_test.go.
package mltest
