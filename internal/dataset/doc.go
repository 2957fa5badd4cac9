// Package dataset keeps the tables that people upload: the file as it came, and
// what an ingest job made of it, a typed table in Parquet and a profile.
//
//	Service    takes uploads, lists, shows and deletes data sets (API, workers)
//	Runner     runs ingest jobs (worker)
//	Importer   runs jobs that fetch a file that is elsewhere, and ingest it (worker)
//
// An upload is streamed to the file store while it is counted and hashed; the
// record and the ingest job follow. The job reads the file twice: once to check
// every record and to find the type of every column, once to write the typed
// table and the profile under its own prefix. When its result is committed,
// one compare-and-swap makes it the data set's version. A data set whose job
// failed is rejected, for as long as that job stays failed; why is on the job.
//
// Files that are elsewhere are brought here by dataset/fetch. What a table holds is
// found by dataset/profile; what is drawn of it is made by dataset/chart.
//
// dataset may import fault, store, job, tabular, account, ml and its own
// dataset/fetch, dataset/profile and dataset/chart.
package dataset
