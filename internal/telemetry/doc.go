// Package telemetry is what a process tells operators about itself: Prometheus
// metrics and structured logs. Every label has few values: a set that grows
// beyond its bound goes on as "other". No metric and no log line holds a
// secret that it can recognise.
//
// telemetry is the one home of the Prometheus client. It imports secret and
// the contract of the store, whose latency it measures.
//
//	New        the metrics of a process and the handler that serves them
//	NewLogger  a logger
//
// docs/operations.md lists the metrics; a test writes the list.
package telemetry
