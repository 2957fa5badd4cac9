// Package tabular reads and writes tables: CSV and Parquet in, CSV, JSON Lines
// and Parquet out, as a stream of frames.
package tabular
