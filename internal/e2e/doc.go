// Package e2e holds the tests that build the programs and run them as
// separate processes: kill -9 in the middle of a training, and every process
// by itself beside the embedded parts. It has no code of its own.
package e2e
