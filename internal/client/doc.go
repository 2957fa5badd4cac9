// Package client speaks the HTTP API: typed requests, answers and errors,
// retries while a server says that it will be back, idempotency keys on
// everything that makes something, long polling and server-sent events.
//
// client imports the standard library and internal/secret only; it shares no
// type with the server, so that it can only rely on what the API promises.
//
// Enter at New.
package client
