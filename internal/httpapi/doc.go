// Package httpapi is the HTTP edge: echo routes, huma describes, and every
// error leaves as application/problem+json. It decodes, calls one domain
// service and encodes; what it needs of the domain are the interfaces in
// port.go. It is the only home of echo and huma, and the only place where a
// fault's class becomes a status.
//
// Enter at [New], which serves the API, its description at /openapi.json, the
// readable page at /docs, /health, /metrics and /monitoring, and at
// [NewOperations], which serves the health and the metrics of the other
// processes. One file per area holds its routes.
package httpapi
