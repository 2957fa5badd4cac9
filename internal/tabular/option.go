package tabular

import (
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
)

// FormatOptions are what a caller knows about a file. Empty fields are sniffed.
type FormatOptions struct {
	Kind        string `json:"kind,omitempty" doc:"csv, json, jsonl, xlsx or parquet; default: sniffed"`
	Compression string `json:"compression,omitempty" doc:"none, gzip or zstd; default: sniffed"`
	Encoding    string `json:"encoding,omitempty" doc:"Of text, such as utf-8, utf-16 or windows-1252; default: sniffed"`
	Delimiter   string `json:"delimiter,omitempty" doc:"Between fields of CSV; default: sniffed"`
	Quote       string `json:"quote,omitempty" doc:"Around fields of CSV, \" or '; default: sniffed"`
	Header      *bool  `json:"header,omitempty" doc:"Whether the first record names the columns; default: sniffed"`
	Sheet       string `json:"sheet,omitempty" doc:"Of a workbook, by its name or its number from 1; default: the first that holds something"`
}

// The kinds of files.
const (
	KindCSV     = "csv"   // also with tabs, semicolons and bars
	KindJSON    = "json"  // one array of objects
	KindJSONL   = "jsonl" // one object a line
	KindXLSX    = "xlsx"  // an Excel workbook
	KindParquet = "parquet"
)

// Kinds returns the kinds of files that are read.
func Kinds() []string { return []string{KindCSV, KindJSON, KindJSONL, KindXLSX, KindParquet} }

// The kinds of compression, around files of text.
const (
	compressionNone = "none"
	compressionGzip = "gzip"
	compressionZstd = "zstd"
)

// Compressions returns the kinds of compression that are read.
func Compressions() []string { return []string{compressionNone, compressionGzip, compressionZstd} }

// maxSheetName is the longest name of a sheet, in bytes; Excel allows 31
// characters.
const maxSheetName = 200

// Validate refuses what is not supported, and what does not go together.
func (o FormatOptions) Validate() error {
	if o.Kind != "" && !slices.Contains(Kinds(), o.Kind) {
		return errOption("kind", o.Kind, oneOf(Kinds()))
	}
	if o.Compression != "" && !slices.Contains(Compressions(), o.Compression) {
		return errOption("compression", o.Compression, oneOf(Compressions()))
	}
	if o.Encoding != "" && canonicalEncoding(o.Encoding) == "" {
		return errOption("encoding", o.Encoding, oneOf(Encodings()))
	}
	if o.Delimiter != "" && (len(o.Delimiter) != 1 || !strings.Contains(delimiters, o.Delimiter)) {
		return errOption("delimiter", o.Delimiter, "a comma, a tab, a semicolon or a bar")
	}
	if o.Quote != "" && o.Quote != `"` && o.Quote != "'" {
		return errOption("quote", o.Quote, `" or '`)
	}
	if len(o.Sheet) > maxSheetName || strings.ContainsFunc(o.Sheet, func(r rune) bool { return r < ' ' }) {
		return errOption("sheet", o.Sheet, "the name of a sheet or its number from 1")
	}
	if o.Kind == "" {
		return nil
	}
	return o.fit(o.Kind)
}

func oneOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func errOption(name, value, must string) error {
	return fault.Invalid("invalid_"+name, "the %s is %q; it must be %s, or empty to find out", name, shorten(value, 20), must).
		With(fault.Field{Location: "body." + name, Message: "must be " + must, Value: shorten(value, 20)})
}

// fit refuses options that mean nothing in a file of that kind.
func (o FormatOptions) fit(kind string) error {
	text := kind == KindCSV || kind == KindJSON || kind == KindJSONL
	for _, p := range []struct {
		name string
		told bool
		fits bool
		with string
	}{
		{"compression", o.Compression != "" && o.Compression != compressionNone, text, "csv, json and jsonl"},
		{"encoding", o.Encoding != "", text, "csv, json and jsonl"},
		{"delimiter", o.Delimiter != "", kind == KindCSV, "csv"},
		{"quote", o.Quote != "", kind == KindCSV, "csv"},
		{"header", o.Header != nil && !*o.Header, kind == KindCSV || kind == KindXLSX, "csv and xlsx"},
		{"sheet", o.Sheet != "", kind == KindXLSX, "xlsx"},
	} {
		if p.told && !p.fits {
			return fault.Invalid("option_not_for_kind", "the option %s goes with files of the kind %s, and this one is %s; leave the option out, or say another kind", p.name, p.with, kind).
				With(fault.Field{Location: "body." + p.name, Message: "not for files of the kind " + kind})
		}
	}
	return nil
}

// Told returns options that make a reader read as f says.
func (f Format) Told() FormatOptions {
	o := FormatOptions{Kind: f.Kind, Delimiter: f.Delimiter, Quote: f.Quote, Header: &f.Header, Sheet: f.Sheet}
	switch f.Kind {
	case KindCSV, KindJSON, KindJSONL:
		o.Compression, o.Encoding = f.Compression, f.Encoding
		if o.Compression == "" {
			o.Compression = compressionNone
		}
		if o.Encoding == "" { // a record of when there was no other
			o.Encoding = encodingUTF8
		}
	default:
	}
	return o
}

// Divisible reports whether the file can be read from the middle: it is CSV in
// UTF-8 as it is stored, or Parquet.
func (f Format) Divisible() bool {
	plain := f.Compression == "" && (f.Encoding == "" || f.Encoding == encodingUTF8)
	return f.Kind == KindParquet || f.Kind == KindCSV && plain
}
