// Package mongowire serves an embedded store to other processes of the same
// machine in the protocol of MongoDB, so that development and tests run the
// same mongostore as production does.
//
// It is not a MongoDB: it answers exactly the commands, and the forms of them,
// that mongostore sends. Every other command is refused with CommandNotFound
// and its name, every other form with a message that says which; nothing is
// ignored. It listens on loopback addresses only and knows no users.
//
// mongowire imports the store contract, fault and the standard library. Enter
// at [New].
package mongowire
