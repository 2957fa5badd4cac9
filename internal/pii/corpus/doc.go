// Package corpus makes labelled columns by which the search for personal data is
// measured: columns of every kind in several countries' forms, under telling,
// misleading and empty names, and columns that only look like them.
//
// Everything is made up: from seeds, by the published rules of check digits, and of
// lists that were assembled for it. A share of the names of people is in no list
// that the search has. The parts differ in how much they say of tables of strangers:
// see their notes.
//
// Enter at [Sets] and [Score]. corpus imports the standard library and pii.
package corpus
