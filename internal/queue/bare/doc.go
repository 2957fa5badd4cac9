// Package bare runs tasks that do nothing on asynq and on nothing else: no
// record, no claim, no result, no fence. It is the peer of the benchmark of
// jobs, which shows what the promises about a job cost, and is used by nothing
// else.
//
// It lies below queue because queue is the one home of asynq, and imports
// secret and asynq.
//
// Enter at Load.Run.
package bare
