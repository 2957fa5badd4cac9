// Package binned turns the columns of a frame into bins: small whole numbers
// that trees are grown from and walked down by. A Feature says which values
// share a bin, a Source applies that to the rows of a frame, and a Table holds
// the bins of a whole frame by row and by column.
//
// It imports frame, the contracts of ml and ml/internal. Enter at Fit and
// NewTable.
package binned
