// Package workflow says how far a data set is on its way from a file to a model in
// use: eight stages, each with a state, what has to be so before it begins, and
// what shows that it was done; and what is best done next.
//
//	Service    shows the way of a data set, and keeps what people decide about it
//
// States follow from what there is: jobs, versions, profiles, models. None is
// stored, so none can be wrong for long. What only people can say, that a stage is
// left out, is one record for each data set, changed by compare-and-swap.
//
// Other packages have their say by a [Source]: gates, evidence and what is to be
// done. The gates are advice; a request is not refused since a stage is locked.
//
// workflow may import fault, store, job, account, tabular, dataset with its
// profile, recipe and model.
package workflow
