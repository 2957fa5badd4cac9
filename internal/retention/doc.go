// Package retention decides which stored files may go and lets them go.
//
// A file is kept while a record points to it and its retention period has not
// passed. The result of a job that published it, as a model or a data set,
// lives as long as that; any other result has a period of its own. A file that nothing points to is marked first, and deleted when a
// later clean-up finds it marked for longer than the grace period and still
// not pointed to. Nothing below the prefix of a job that has not ended is
// touched. A dry run marks and deletes nothing.
//
// retention may import fault, store, job, account, dataset and model.
package retention
