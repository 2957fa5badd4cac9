// Package digest takes the fingerprint of everything that a long call depends on,
// so that what was kept of another call is not taken for this one's.
//
// It imports the contracts of ml, ml/internal/binned and the standard library.
// Enter at New.
package digest
