// Package resume is the drill of uploads that can go on: it sends a large file to
// a platform of separate processes, cuts the connection and kills the API on the
// way, and compares what is stored with what was sent.
//
// resume may import blob, client and secret.
//
// Enter at [Run].
package resume
