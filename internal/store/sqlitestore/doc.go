// Package sqlitestore keeps records in one SQLite file inside the process.
//
// Writes go through one connection: what concurrent callers want to write is
// executed in one transaction, each statement on its own, and every caller
// gets its own result after the common commit. Reads use connections of their
// own and never wait for writes. With the default durability a commit is
// synced to the disk, so that neither a killed process nor a power failure
// loses anything that was acknowledged.
//
// sqlitestore imports the store contract, batch, fault and modernc.org/sqlite;
// no other package imports that driver. Enter at [Open].
package sqlitestore
