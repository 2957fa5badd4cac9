// Package launch is what it takes to start a process and to know that it answers.
//
// Enter at Address, for what it shall listen on, and Until.
package launch
