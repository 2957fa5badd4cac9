// Package store is the narrow contract between the domain and whatever keeps
// its records. A record is an identifier, a revision, a few declared index
// values and a body; there is nothing to query but the declared indexes, and
// nothing to update but a whole record whose revision still matches.
//
// The domain uses [Table], which is typed. The drivers (mongostore for
// production, sqlitestore embedded) implement [Driver] and pass one
// conformance suite, storetest. Nothing here needs transactions, partial or
// TTL indexes.
//
// store imports fault, the standard library and an identifier library.
package store
