// Package terminal shows progress, tables and small pictures to a person: live
// bars on a terminal, plain lines elsewhere.
//
// terminal imports the standard library and the library of bars; it knows
// nothing of the platform.
//
// Enter at Screen.
package terminal
