// Package pii finds personal data in the columns of tables, and hides it.
//
//	Column   looks at the values of one column and says what it holds
//	Mask     shows a value so that nobody learns it
//	Quote    shows a value in a message: masked if it looks like personal data
//
// A value is looked at by its bytes first: how many digits, letters and signs it
// has decides which of the checks can hold at all, and most values meet none.
// Where there is a check digit it is checked. The name of a column is cut into
// words, and whole words are compared, never parts of them. What values and name
// say is joined into a confidence: values that contradict the name win over it.
// Names of people have no check; there, what speaks for them and against adds up over
// the column, and the name of the column says what to start from. The words that this
// takes are lists in the folder lexicon.
// Columns are looked at as a whole, in memory that does not grow with the rows,
// and what was found out about parts can be merged.
//
// Findings hold counts and names of checks, never a value.
//
// Enter at [NewColumn]. pii imports the standard library.
package pii
