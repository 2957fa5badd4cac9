// Package mltest is the conformance suite of estimators: what every algorithm
// of ml, and a whole pipeline, must do. It is for tests only. Enter at Run.
package mltest
