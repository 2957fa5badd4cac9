// Package peer runs one side of a comparison in a process of its own: a script
// for Python or Node.js, or this program. Sides that learn read the same files,
// sides that queue tasks use the same Redis; all do the same steps and answer in
// the same form.
//
// It imports generator, secret and the standard library. The scripts are
// embedded and written to a folder before the first start. What they import is
// not: Python's packages are Debian's, those of Node.js are pinned in the folder
// bullmq and found by NODE_PATH.
//
// Enter at Scripts; Trial and Outcome are what goes into learners and comes out,
// Load and Ran are that of queues.
package peer
