// Package tabular reads and writes tables: CSV and Parquet in, CSV, JSON Lines
// and Parquet out, as a stream of frames whose size does not grow with the
// file.
//
// # Reading
//
// [InferCSV] and [InspectParquet] look at a whole file and say what it holds;
// [NewCSVReader] and [NewParquetReader] then yield typed chunks, which
// [Stream] produces ahead of the caller, and [ReadFrame] joins into one frame.
// [SniffKind] tells the two kinds of file apart.
//
// A CSV file is UTF-8 text, with or without a byte order mark. Records end in
// LF, CRLF or CR; blank lines are skipped; fields are separated by one of
// , ; | or a tab and may be enclosed in " or ', where a doubled quote stands
// for one. Spaces around a field that is not enclosed are not part of it.
// Reading is strict and the first mistake is the error, or tolerant, where
// records with mistakes become [BadRow] values beside the good rows.
//
// # Values
//
// A field is missing when it is empty, or one of NA, N/A, n/a, null, NULL, NaN,
// nan and ?. A column has the narrowest type that all its values have:
//
//	boolean   true or false (also True, TRUE, False, FALSE)
//	integer   digits with an optional sign, within 64 bits, without leading zeros
//	float     decimal numbers, with an optional exponent
//	datetime  2006-01-02 and 2006-01-02T15:04, with optional seconds, fraction
//	          and zone (Z, ±hh, ±hhmm, ±hh:mm); a space may stand for the T, a
//	          slash for each dash; without a zone it is UTC; microseconds
//	string    all others, and columns without any value
//
// Whole numbers with leading zeros or of more than 64 bits are codes rather
// than quantities: a column that has one, and no decimal fraction, stays text.
// A column of numbers that holds an infinity, or a number too large for a
// float, is refused with the code infinite_value.
//
// # Writing
//
// [NewWriter] writes frames in one of the three formats. In CSV, text that
// begins with = + - @, a tab or a carriage return and is not a number gets an
// apostrophe in front, so that no spreadsheet runs it as a formula.
//
// tabular imports ml/frame, fault and the Parquet library.
package tabular
