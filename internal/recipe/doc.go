// Package recipe keeps recipes, the steps that make a better table of one, and
// applies them: to a sample for a look before, and to a whole table as a job that
// makes a new version of the data set.
//
//	Service    keeps, checks, previews and suggests recipes, and submits jobs
//	Runner     runs transform jobs (worker)
//
// What steps there are and what they do is the vocabulary of ml/preprocess;
// expressions are compiled by internal/expression. A table is read in chunks: once
// to write it, and before that once for all steps that learn without needing each
// other. What was learned is kept as a checkpoint and with the version. The same
// steps on the same version give a table with the same hash.
//
// recipe may import fault, store, job, tabular, account, dataset with its profile,
// expression and ml.
package recipe
