package tabular

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/fault"
)

const (
	delimiters = ",\t;|"
	quotes     = "\"'"
	bom        = "\xef\xbb\xbf"
)

// SniffCSV finds out how a CSV file is to be read from its beginning; whole
// says that sample is all of it. It refuses files that are not text.
func SniffCSV(sample []byte, whole bool, o FormatOptions) (Format, error) {
	f := Format{Kind: KindCSV}
	if len(sample) == 0 {
		return f, errEmpty()
	}
	if err := checkText(sample); err != nil {
		return f, err
	}
	if rest, ok := bytes.CutPrefix(sample, []byte(bom)); ok {
		f.BOM = true
		sample = rest
	}
	if d, n := separatorLine(sample); n > 0 {
		sample = sample[n:]
		if o.Delimiter == "" {
			o.Delimiter = d
		}
	}
	if len(bytes.TrimSpace(sample)) == 0 && whole {
		return f, errEmpty()
	}
	best := candidate{}
	for _, d := range choices(o.Delimiter, delimiters) {
		for _, q := range choices(o.Quote, quotes) {
			c := tryFormat(sample, whole, d, q)
			if best.delimiter == "" || c.better(best) {
				best = c
			}
		}
	}
	f.Delimiter, f.Quote = best.delimiter, best.quote
	if o.Header != nil {
		f.Header = *o.Header
	} else {
		f.Header = hasHeader(best.records)
	}
	return f, nil
}

// separatorLine returns the delimiter that a first line such as sep=; tells, as
// spreadsheet programs write it, and how long the line is.
func separatorLine(text []byte) (delimiter string, length int) {
	const mark = "sep="
	if len(text) < len(mark)+2 || !bytes.EqualFold(text[:len(mark)], []byte(mark)) {
		return "", 0
	}
	delimiter, rest := string(text[len(mark):len(mark)+1]), text[len(mark)+1:]
	if !strings.Contains(delimiters, delimiter) {
		return "", 0
	}
	for _, end := range []string{"\r\n", "\n", "\r"} {
		if bytes.HasPrefix(rest, []byte(end)) {
			return delimiter, len(mark) + 1 + len(end)
		}
	}
	return "", 0
}

func choices(told, all string) []string {
	if told != "" {
		return []string{told}
	}
	var out []string
	for _, c := range all {
		out = append(out, string(c))
	}
	return out
}

// sampleRecords is how many records are looked at.
const sampleRecords = 200

// candidate is how well a delimiter and a quote fit a sample.
type candidate struct {
	delimiter, quote string
	width            int     // the most frequent number of fields
	regular          float64 // share of the records that have it
	quoted           int     // fields enclosed in the quote
	records          [][]string
}

// better reports whether c fits better than the one before it, which is to be
// preferred otherwise.
func (c candidate) better(than candidate) bool {
	if (c.width > 1) != (than.width > 1) {
		// One column with every delimiter is the rule in text; a few records
		// with a comma in them are not a table of two columns.
		if c.width > 1 {
			return c.regular >= 0.5
		}
		return than.regular < 0.5
	}
	if c.delimiter == than.delimiter {
		// The second quote needs proof: enclosed fields, more than of the
		// first, and no loss of order.
		return c.quoted > than.quoted && c.regular >= than.regular
	}
	if c.regular != than.regular {
		return c.regular > than.regular
	}
	return c.width > than.width
}

// tryFormat cuts the sample.
func tryFormat(sample []byte, whole bool, delimiter, quote string) candidate {
	c := candidate{delimiter: delimiter, quote: quote}
	limits := DefaultLimits()
	s := newScanner(bytes.NewReader(nil), Format{Delimiter: delimiter, Quote: quote}, limits)
	s.buf, s.eof = slices.Clone(sample), true
	widths := make(map[int]int)
	for len(c.records) < sampleRecords {
		if s.skipping {
			if _, err := s.skipLine(false); err != nil {
				break
			}
		}
		start := s.pos
		more, err := s.record()
		if err != nil || !more || !whole && s.pos == len(s.buf) && len(c.records) > 0 {
			break // the last record of a part may be cut off
		}
		if s.fault != nil && s.fault.code == codeUnclosed && !whole && len(c.records) > 0 {
			break // its quote may be closed behind the part
		}
		if s.fault != nil {
			c.records = append(c.records, nil)
			continue
		}
		widths[s.count]++
		record := make([]string, len(s.spans))
		for k, f := range s.spans {
			record[k] = string(s.buf[f.start:f.end])
			if int(f.start) > start && s.buf[f.start-1] == s.quote {
				c.quoted++
			}
		}
		c.records = append(c.records, record)
	}
	for width, n := range widths {
		if share := float64(n) / float64(len(c.records)); share > c.regular || share == c.regular && width > c.width {
			c.width, c.regular = width, share
		}
	}
	return c
}

// countedNames returns the columns whose names count, as years or months do in a table
// that has a column for each: the first record has whole numbers there of which each is
// one more, or one less, than the one before, and hardly any other record has.
func countedNames(records [][]string) (from, to int) {
	const years, others = 2, 3 // so many make a row of them
	from, to = countedRun(records[0])
	if n := to - from; n < years || n < others && len(records[0][from]) != len("2024") || len(records) == 1 {
		return 0, 0
	}
	alike := 0
	for _, r := range records[1:] {
		if a, b := countedRun(r); len(r) == len(records[0]) && a <= from && b >= to {
			alike++
		}
	}
	if 2*alike >= len(records) {
		return 0, 0
	}
	return from, to
}

// countedRun returns the longest run of whole numbers that count up or down by one.
func countedRun(record []string) (from, to int) {
	start, step := 0, int64(0)
	var before number
	for j, text := range record {
		n := scanNumber([]byte(text))
		switch by := n.whole - before.whole; {
		case n.kind != wholeNumber:
			start, step = j+1, 0
		case j > start && step == 0 && (by == 1 || by == -1):
			step = by
		case j > start && (step == 0 || by != step):
			start, step = j, 0
			if prior := j - 1; before.kind == wholeNumber && (by == 1 || by == -1) {
				start, step = prior, by
			}
		}
		if before = n; n.kind == wholeNumber && j+1-start > to-from {
			from, to = start, j+1
		}
	}
	return from, to
}

// hasHeader decides whether the first record names the columns: every column
// whose other values are numbers, booleans or times votes by whether its first
// value is one too, and so does one whose first value comes again. A tie is
// a header.
func hasHeader(records [][]string) bool {
	if len(records) == 0 || records[0] == nil {
		return true
	}
	votes := 0
	from, to := countedNames(records)
	for j, name := range records[0] {
		var rest, first guess
		again := 0
		for _, r := range records[1:] {
			if len(r) == len(records[0]) {
				rest.observe([]byte(r[j]))
				if r[j] == name {
					again++
				}
			}
		}
		first.observe([]byte(name))
		typed := rest.seen != 0 && rest.seen&sawText == 0
		switch {
		case j >= from && j < to:
			votes += 2
		case first.seen&sawText == 0 && first.seen != 0 && (typed || rest.seen == 0):
			votes -= 2 // a number where numbers are
		case typed && first.seen&sawText != 0:
			votes += 2
		case first.seen&sawText != 0 && again > 0:
			votes--
		case first.seen == 0 && (typed || rest.seen != 0) && name != "":
			votes-- // a missing marker is not a name
		}
	}
	return votes >= 0
}

// magic numbers of files that people upload by mistake.
var magic = []struct { //nolint:gochecknoglobals // a constant table
	prefix, what string
}{
	{"PK\x03\x04", "a ZIP archive or an Excel workbook (.xlsx); leave out the kind, or unpack it"},
	{"PK\x05\x06", "an empty ZIP archive; upload the table itself"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls) or one with a password; save it as .xlsx without a password, or as CSV"},
	{"\x1f\x8b", "compressed by gzip, once more maybe; unpack it"},
	{"BZh", "compressed by bzip2; unpack it"},
	{"\xfd7zXZ\x00", "compressed by xz; unpack it"},
	{"\x28\xb5\x2f\xfd", "compressed by zstd, once more maybe; unpack it"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive; upload the table itself"},
	{"Rar!\x1a\x07", "a RAR archive; upload the table itself"},
	{"%PDF-", "a PDF document; export the table as CSV"},
	{"\x89PNG\r\n\x1a\n", "a PNG picture; upload a table"},
	{"\xff\xd8\xff", "a JPEG picture; upload a table"},
	{"GIF8", "a GIF picture; upload a table"},
	{"\x7fELF", "a program; upload a table"},
	{"SQLite format 3\x00", "an SQLite database; export the table as CSV"},
	{"Obj\x01", "an Avro file; save it as CSV or Parquet"},
	{"ORC", "an ORC file; save it as CSV or Parquet"},
	{"ARROW1", "an Arrow file; save it as CSV or Parquet"},
	{"\x89HDF\r\n", "an HDF5 file; save it as CSV or Parquet"},
}

// checkMagic refuses the beginning of a file of another kind.
func checkMagic(sample []byte) error {
	for _, m := range magic {
		if !bytes.HasPrefix(sample, []byte(m.prefix)) {
			continue
		}
		if isPlain(m.prefix) && utf8.Valid(sample[:min(len(sample), 512)]) && bytes.IndexByte(sample, 0) < 0 {
			continue // a table whose first column begins like that
		}
		return fault.Invalid("csv_not_text", "the file is not a table in text but %s", m.what)
	}
	return nil
}

// checkMarkup refuses pages and other documents in markup, which spreadsheet programs
// open as tables, and servers send instead of them.
func checkMarkup(text []byte) error {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte(bom)), " \t\r\n")
	for _, m := range []struct{ prefix, what string }{
		{"<!doctype html", "an HTML page"}, {"<html", "an HTML page"}, {"<table", "an HTML table"}, {"<?xml", "an XML document"},
	} {
		if len(text) >= len(m.prefix) && strings.EqualFold(string(text[:len(m.prefix)]), m.prefix) {
			return fault.Invalid("csv_not_text", "the file is not a table in text but %s; save it as CSV or .xlsx, or look whether it is a page to sign in", m.what)
		}
	}
	return nil
}

// checkText refuses a sample that no text file begins with.
func checkText(sample []byte) error {
	if err := checkMagic(sample); err != nil {
		return err
	}
	if _, encoding := byteOrderMark(sample); encoding != "" && encoding != encodingUTF8 {
		return fault.Invalid("csv_not_text", "the file is not UTF-8 text but %s; say that, or save it as UTF-8", strings.ToUpper(encoding))
	}
	strange := 0
	for i := 0; i < len(sample); {
		r, n := utf8.DecodeRune(sample[i:])
		if r == utf8.RuneError && n <= 1 && i+utf8.UTFMax <= len(sample) || r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != '\v' {
			strange++
		}
		i += n
	}
	// Text in an old encoding has a strange byte here and there, and is refused
	// at the first of them with its line; a file of another kind is full of them.
	if strange*10 > len(sample) {
		return fault.Invalid("csv_not_text", "the file is not text: %d of its first %d bytes do not occur in UTF-8 text; upload CSV, JSON, an Excel workbook or Parquet",
			strange, len(sample))
	}
	return nil
}

func isPlain(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
