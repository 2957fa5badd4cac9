// Package queue delivers jobs to workers over Redis, at least once. It is only
// delivery: Redis may be flushed at any moment, and whatever was lost is handed
// over again from the record of the job. So a task holds identifiers only, its
// own identifier is the job's and the epoch's, and a second hand-over of the
// same epoch is a success.
//
// A worker's handler has the last word: whatever it returns, the task is over
// for the queue. The queue delivers again only what a dead process held.
//
// queue is the one home of asynq, asynqmon and, with internal/cache, of the
// Redis client. It imports fault and secret and knows no domain.
//
//	Client   hands over, asks, hints, measures
//	Server   fetches from one pool and calls the handler
//	Monitor  the read-only pages for operators
package queue
