// Package health finds out whether the parts that a process depends on answer.
// The parts are checked together within a few seconds; the answer is kept for
// about a second, and many who ask at once share one look. What it shows of
// an error holds no secret: the message of a fault, which is written for
// clients, or a plain sentence.
//
// health may import fault and the standard library.
//
// Enter at [New] and [Checker.Run].
package health
