// Package preprocess prepares a table for an algorithm. Each Fit function
// looks at training rows and returns a Step: an immutable ml.Transformer that
// can be written with Append and read back with Decode. What a Step learned
// never depends on the rows it is applied to.
//
//	FitGroup        strings → strings of a fixed dictionary, rare ones as one
//	FitOneHot       strings → a column of 0 and 1 for each category
//	FitOrdinal      strings → the rank of the category
//	FitFrequency    strings → the share of the category
//	FitDates        instants → year, month, day, weekday, hour, days since 1970, and cycles
//	FitImpute       missing values → mean, median, mode or a constant
//	FitScale        numbers → standard, min-max, robust or max-abs
//	FitDrop         without constant and empty columns, and texts that differ in every row
//	FitVariance     without numbers that hardly vary
//	FitCorrelation  without numbers that another column tells
//
// Every Fit function takes a struct of parameters with a DefaultParams function
// and a Validate method, which names the limits, and the weights of the rows, if
// those have any. Its parameter Columns names the columns it is for; without
// names it is for all whose type fits. Fit a step twice with other names to treat
// columns in two ways; a step sees the columns that the steps before it made.
// A weight is as good as that many rows in FitFrequency, FitImpute, FitVariance,
// FitCorrelation and the standard scaling of FitScale; the others count rows.
//
// A Step needs the columns that it was fitted on, with their types, and lets
// all others through. Columns that it makes have names of their own: where one
// is taken in training it gets an underscore; where one is taken later, by a
// column that training did not have, that is an error. Errors about data are
// *ml.InputError with the code missing_column, column_type, duplicate_column,
// name_taken, infinite_value, weights_length or bad_weight, those about
// parameters have the code invalid_parameter.
//
// preprocess imports ml, ml/internal/wire, ml/frame and gonum.
package preprocess
