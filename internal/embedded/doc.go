// Package embedded runs the parts that Narrative needs beside it, for
// development and tests: a Redis server as a child process, an S3 gateway in
// this process, both on loopback with generated credentials and their data in
// a folder, so that a restart finds everything again. They speak the
// production protocols; nothing else knows that they are embedded.
//
// embedded imports fault, secret and the parts. It is used on unix systems.
//
//	Lock        one process per data folder
//	StartRedis  a redis-server child, or an in-memory stand-in
//	StartS3     a gateway over a folder; it changes the working directory
package embedded
