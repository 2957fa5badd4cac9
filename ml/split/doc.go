// Package split divides rows: a hold-out, and the folds of a cross-validation,
// at random, stratified by class, by groups that stay together, or by time. The
// same input and seed give the same division on every machine.
//
//	Holdout StratifiedHoldout             at random
//	KFold StratifiedKFold Repeat          at random, once or several times
//	GroupHoldout StratifiedGroupHoldout   no group on both sides
//	GroupKFold StratifiedGroupKFold       no group in two folds
//	TimeHoldout TimeFolds                 nothing later than what it is tested on
//
// A fold of each row is turned into rows by Parts, a column into groups or times
// by Groups and Times.
//
// split imports ml and ml/frame.
package split
