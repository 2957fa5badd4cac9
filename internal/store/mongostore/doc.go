// Package mongostore keeps records in MongoDB: one collection for each kind,
// plain indexes, single documents. A record is stored as
//
//	{_id: identifier, rev: revision, k: {field: value}, body: "JSON"}
//
// Writes wait for a majority of the replica set. From MongoDB 8.0 on, what
// concurrent callers write at the same time travels in common bulkWrite
// commands, each write with its own result; older servers are sent single
// writes, several at a time.
//
// mongostore imports the store contract, batch, fault and the MongoDB driver;
// no other package imports that driver. Enter at [Open].
package mongostore
