// Package tabular reads and writes tables: CSV, JSON, JSON Lines, Excel workbooks
// and Parquet in, CSV, JSON Lines and Parquet out, as a stream of frames whose
// size does not grow with the file.
//
// # Reading
//
// [Inspect] looks at a whole [File] of any kind and says what it holds; [Open]
// then gives a [Reader] of typed chunks, which [Stream] produces ahead of the
// caller, and [ReadFrame] joins into one frame. [Try] saves a large CSV file the
// first of these passes. [Sniff] looks at the beginning of
// a file alone. Under them each kind has its own reader: [NewCSVReader],
// [NewJSONReader], [NewXLSXReader] and [NewParquetReader].
//
// Text is unpacked (gzip, zstd) and decoded to UTF-8 in front of its reader. CSV,
// JSON and sheets become records of texts, which have one grammar of values; what
// cannot be decoded reaches that as a byte that UTF-8 does not have. docs/data.md
// has the rules of each kind.
//
// A CSV file has records that end in
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
// tabular imports ml/frame, fault, and the libraries of Parquet, compression and
// character sets.
package tabular
