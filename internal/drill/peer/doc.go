// Package peer runs one side of a comparison of learners in a process of its
// own: a script for Python, or this program. Both read the same files, do the
// same steps and answer in the same form.
//
// It imports generator and the standard library. The scripts are embedded and
// written to a folder before the first start.
//
// Enter at Scripts; Trial and Outcome are what goes in and comes out.
package peer
