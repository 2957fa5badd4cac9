// Package preprocess prepares a table for an algorithm. Each Fit function
// looks at training rows and returns a Step: an immutable ml.Transformer that
// can be written with Append and read back with Decode. What a Step learned
// never depends on the rows it is applied to.
//
//	Group     strings → strings of a fixed dictionary, rare ones as one
//	OneHot    strings → a column of 0 and 1 for each category
//	Ordinal   strings → the rank of the category
//	Dates     instants → year, month, day, weekday, hour, days since 1970
//	Impute    missing values → mean, median, mode or a constant
//	Scale     numbers → mean 0, standard deviation 1
//	Drop      constant and empty columns, and texts that differ in every row
//
// A Step needs the columns that it was fitted on, with their types, and lets
// all others through. preprocess imports ml, ml/internal/wire and ml/frame.
package preprocess
