// Package drill measures: it drives a running platform over its public HTTP
// API and the numeric core as a library, prints tables, and merges the figures
// into one file that later runs can be compared with.
//
// drill imports client, sample, tabular, terminal and ml. It is no part of a
// process that serves.
//
// Enter at Run; DataArea, MLArea and the areas of internal/app are what can be
// measured.
package drill
