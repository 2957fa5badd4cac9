// Package secret holds values that must not be seen: passwords, access keys,
// signing secrets. A [String] prints, logs and marshals as a mark; only
// [String.Reveal] gives the value.
//
// secret imports the standard library only; every package may import it.
//
// Enter at [String].
package secret
