// Package linear fits linear models with an L2 penalty: logistic regression for
// two classes, multinomial logistic regression for more, ridge regression for a
// value. They are fitted by L-BFGS (Liu and Nocedal, "On the limited memory BFGS
// method for large scale optimization", 1989).
//
// It imports frame, the contracts of ml, gonum and the standard library. Enter
// by Train.
package linear
