// Package health finds out whether the parts that a process depends on answer.
// The parts are checked together within a few seconds; the answer is kept for
// about a second, and many who ask at once share one look. What it shows of
// an error holds no secret: the message of a fault, which is written for
// clients, or a plain sentence.
//
// What the scheduler finds is kept as a history: a row whenever a part changed,
// and one now and then while it did not.
//
// health may import fault, the contract of the store and the standard library.
//
// Enter at [New], [Checker.Run] and [NewHistory].
package health
