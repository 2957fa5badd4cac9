// Package upload takes files in by several requests: an upload can go on where a
// connection broke or a process ended, on any process of the API. When all of a
// file is there it becomes a data set, once, whoever died in between.
//
// What has arrived is known by the file store alone; the record says whose it is
// and what is to become of it. A lock, kept in the store, lets one request at a
// time add to an upload; whoever wants it asks the holder to let go.
//
// upload may import fault, store, job and dataset.
//
// Enter at [Service] and [Locker].
package upload
