// Package accounttest has Auth.js itself make the tokens and cookies of tests,
// so that they are what a front end sends. scripts/test-needs.sh installs the
// version that is pinned in internal/account/testdata/authjs.
//
// accounttest is for tests only. It imports the standard library.
//
// Enter at [Mint].
package accounttest
