// Package storetest is the conformance suite of the store contract. Every
// driver passes it, whatever it stands on.
//
// storetest imports the store contract and testing; only tests import it.
// Enter at [Run].
package storetest
