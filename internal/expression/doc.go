// Package expression compiles the expressions of recipes: the Common Expression
// Language (CEL) with the columns of a table as variables, and functions for
// dates, texts, numbers and missing values. docs/transformations.md describes
// the language for those who write it.
//
// An expression reads the values of one row and does nothing else: it has no
// loops, its length and its cost are limited, and so is every text that it
// makes. Where it cannot be computed, as for a division by zero, the value is
// missing.
//
// expression imports ml, ml/frame, ml/preprocess and the CEL library. Enter at
// [Compiler].
package expression
