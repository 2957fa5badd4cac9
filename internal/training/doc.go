// Package training accepts and runs training jobs: a data set and a target in,
// a leaderboard and a model out.
//
// Service checks and submits (API); Runner loads the table, hands it to
// ml/automl, and writes the model file, the out-of-fold and the held-out
// predictions (worker).
//
// training may import fault, store's pages, job, account, dataset, model,
// tabular and ml.
package training
