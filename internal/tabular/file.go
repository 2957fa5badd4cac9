package tabular

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/narrativeml/narrative/internal/fault"
)

// File is a file that can be read from its beginning, more than once, and at any
// place.
type File interface {
	Open(ctx context.Context) (io.ReadCloser, error)
	OpenAt(ctx context.Context) (io.ReaderAt, int64, error)
}

// Options say how a file of any kind is read.
type Options struct {
	Format   FormatOptions
	Limits   Limits
	Tolerant bool     // bad rows are returned beside the good ones
	Schema   Schema   // the columns that are wanted, by name, and their types; nil: all
	IDColumn string   // a column that chunks also have as text; empty: none
	Names    []string // of all columns, where the file does not begin with them; nil: it is read once more to find them

	part bool // it is only the beginning of a file
}

// Inspect reads the whole file, checks every record and says what it holds: its
// format as far as the options do not tell, its columns and their types. Its
// errors are fault.Invalid and say where the first mistake is. rows, which may be
// nil, is told from time to time how many rows were read.
func Inspect(ctx context.Context, f File, o Options, rows func(int64)) (*Table, error) {
	o.Tolerant, o.Names = false, nil
	in, err := begin(ctx, f, o)
	if err != nil {
		return nil, err
	}
	t, err := in.inspect(ctx, o, rows)
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	return t, nil
}

// inspect reads the whole file.
func (in *opened) inspect(ctx context.Context, o Options, rows func(int64)) (t *Table, err error) {
	switch in.format.Kind {
	case KindParquet:
		t, err = InspectParquet(in.at, in.size, o.Limits)
	case KindXLSX:
		t, err = InferXLSX(ctx, in.at, in.size, o.xlsx(), rows)
	case KindCSV:
		t, err = InferCSV(ctx, in.text, o.csv(), rows)
	default:
		t, err = InferJSON(ctx, in.text, o.json(in.format.Kind), rows)
	}
	if err != nil {
		return nil, err
	}
	t.Format = in.describe(t.Format)
	return t, nil
}

// Open returns a reader of the file and what is to be closed after it. Without
// names of the columns, a file that does not begin with them is read twice.
func Open(ctx context.Context, f File, o Options) (Reader, io.Closer, error) {
	in, err := begin(ctx, f, o)
	if err != nil {
		return nil, nil, err
	}
	r, err := in.reader(ctx, f, o)
	if err != nil {
		return nil, nil, errors.Join(err, in.Close())
	}
	return r, closers{r, in}, nil
}

// FormatOf returns how a reader that Open made reads its file, as far as that
// has shown.
func FormatOf(r Reader) Format {
	switch r := r.(type) {
	case *CSVReader:
		return r.Format()
	case *JSONReader:
		return r.Format()
	case *XLSXReader:
		return r.Format()
	default:
		return Format{Kind: KindParquet, Header: true}
	}
}

// closers are closed one after the other.
type closers []io.Closer

// Close implements io.Closer.
func (c closers) Close() error {
	var err error
	for _, one := range c {
		err = errors.Join(err, one.Close())
	}
	return err
}

// opened is a file whose kind is known.
type opened struct {
	closers

	format Format      // without what only its reader finds out
	text   io.Reader   // of CSV and JSON, in UTF-8
	at     io.ReaderAt // of the others
	size   int64
}

// begin looks at the beginning of the file.
func begin(ctx context.Context, f File, o Options) (*opened, error) {
	if err := o.Format.Validate(); err != nil {
		return nil, err
	}
	src, err := f.Open(ctx)
	if err != nil {
		return nil, err
	}
	in := &opened{closers: closers{src}}
	if err = in.sniff(src, o); err == nil && in.text == nil {
		err = in.Close()
		in.closers = nil
		if err == nil {
			in.at, in.size, err = f.OpenAt(ctx)
		}
		if err == nil {
			in.at = Buffered(in.at, in.size)
		}
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// sniff finds out the kind of the file, and how its text is to be had.
func (in *opened) sniff(src io.Reader, o Options) error {
	head := bufio.NewReaderSize(src, sampleSize)
	magic, err := peek(head, encodingHead)
	if err != nil {
		return err
	}
	told := o.Format
	compression := told.Compression
	if compression == "" && told.Kind != KindParquet && told.Kind != KindXLSX {
		compression = sniffCompression(magic)
	}
	if compression == compressionGzip || compression == compressionZstd {
		u, err := unpack(head, compression, o.Limits.orDefault())
		if err != nil {
			return err
		}
		in.format.Compression = compression
		in.closers = append(closers{u}, in.closers...)
		head = bufio.NewReaderSize(partial{u, o.part}, sampleSize)
		if magic, err = peek(head, encodingHead); err != nil {
			return err
		}
	}
	in.format.Kind = told.Kind
	if in.format.Kind == "" {
		in.format.Kind = sniffBinary(magic)
	}
	if in.format.Kind == KindParquet || in.format.Kind == KindXLSX {
		if in.format.Compression != "" {
			return fault.Invalid("compressed_container", "the file is %s inside of %s; unpack it, it is compressed in itself", in.format.Kind, in.format.Compression)
		}
		return told.fit(in.format.Kind)
	}
	return in.decode(head, magic, told)
}

// decode makes text of the file and tells JSON from CSV.
func (in *opened) decode(head *bufio.Reader, magic []byte, told FormatOptions) error {
	if err := checkMagic(magic); err != nil {
		return err
	}
	d, err := newDecoder(head, magic, told.Encoding)
	if err != nil {
		return err
	}
	in.text = d
	if d.encoding == "" || d.table[0] != "" {
		if err := checkControls(magic); err != nil {
			return err
		}
	}
	in.format.BOM = d.bom
	if in.format.Kind == "" {
		text := &peeked{decoder: d}
		if err := text.fill(sampleSize); err != nil {
			return err
		}
		in.text = text
		if err := checkMarkup(text.head); err != nil {
			return err
		}
		in.format.Kind = SniffKind(text.head)
	}
	return told.fit(in.format.Kind)
}

// peek returns the next bytes, fewer when there are no more.
func peek(r *bufio.Reader, n int) ([]byte, error) {
	b, err := r.Peek(n)
	if err != nil && !errors.Is(err, io.EOF) {
		if _, ok := fault.As(err); ok {
			return nil, err
		}
		return nil, fmt.Errorf("read table: %w", err)
	}
	return b, nil
}

// peeked is a decoder that has been looked ahead of.
type peeked struct {
	*decoder

	head []byte
	err  error // behind the head
}

// fill reads so many bytes, if there are as many.
func (p *peeked) fill(n int) error {
	p.head = make([]byte, n)
	got, err := io.ReadFull(p.decoder, p.head)
	p.head = p.head[:got]
	if err != nil {
		p.err = io.EOF
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("read table: %w", err)
		}
	}
	return nil
}

// Read implements io.Reader.
func (p *peeked) Read(b []byte) (int, error) {
	switch {
	case len(p.head) > 0:
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	case p.err != nil:
		return 0, p.err
	default:
		return p.decoder.Read(b)
	}
}

// partial is a source that may break off.
type partial struct {
	io.Reader

	may bool
}

// Read implements io.Reader.
func (p partial) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if p.may && err != nil && fault.CodeOf(err) == "compression_damaged" {
		err = io.EOF
	}
	return n, err
}

// describe completes what a reader found out.
func (in *opened) describe(f Format) Format {
	f.Compression = in.format.Compression
	f.BOM = f.BOM || in.format.BOM
	return f
}

// reader returns the reader of the file.
func (in *opened) reader(ctx context.Context, f File, o Options) (Reader, error) {
	switch in.format.Kind {
	case KindParquet:
		return NewParquetReader(in.at, in.size, ParquetOptions{Limits: o.Limits, Tolerant: o.Tolerant, Schema: o.Schema, IDColumn: o.IDColumn})
	case KindXLSX:
		return in.xlsxReader(ctx, o)
	case KindCSV:
		r, err := NewCSVReader(in.text, o.csv())
		if err != nil {
			return nil, err
		}
		r.format = in.describe(r.format)
		return r, nil
	}
	if o.Names == nil {
		names, err := discoverJSON(ctx, f, o, in.format.Kind)
		if err != nil {
			return nil, err
		}
		o.Names = names
	}
	r, err := NewJSONReader(in.text, o.json(in.format.Kind))
	if err != nil {
		return nil, err
	}
	r.format = in.describe(r.format)
	return r, nil
}

// xlsxReader reads a sheet without a header once more than it would, if nobody
// knows how many columns it has.
func (in *opened) xlsxReader(ctx context.Context, o Options) (Reader, error) {
	x := o.xlsx()
	r, err := newXLSXReader(in.at, in.size, x)
	if err != nil {
		return nil, err
	}
	if !r.format.Header && x.Names == nil {
		err = r.discover(ctx)
		x.Names = r.records.columns()
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		if r, err = newXLSXReader(in.at, in.size, x); err != nil {
			return nil, err
		}
	}
	if err := r.want(o.Schema, o.IDColumn); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// discoverJSON reads the file for the names of its columns.
func discoverJSON(ctx context.Context, f File, o Options, kind string) ([]string, error) {
	in, err := begin(ctx, f, o)
	if err != nil {
		return nil, err
	}
	r := newJSONReader(in.text, o.json(kind))
	err = r.discover(ctx)
	names := r.records.columns()
	if o.part && len(names) > 0 {
		err = nil
	}
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, r.noRows()
	}
	return names, nil
}

// discover reads to the end, for the names of the columns.
func (r *textReader) discover(ctx context.Context) error {
	return r.ahead(ctx, func(*rawChunk) error { return nil })
}

func (o Options) csv() CSVOptions {
	return CSVOptions{Format: o.Format, Limits: o.Limits, Tolerant: o.Tolerant, Schema: o.Schema, IDColumn: o.IDColumn}
}

func (o Options) json(kind string) JSONOptions {
	return JSONOptions{Lines: kind == KindJSONL, Limits: o.Limits, Tolerant: o.Tolerant, Schema: o.Schema, IDColumn: o.IDColumn, Names: o.Names}
}

func (o Options) xlsx() XLSXOptions {
	return XLSXOptions{Format: o.Format, Limits: o.Limits, Tolerant: o.Tolerant, Schema: o.Schema, IDColumn: o.IDColumn, Names: o.Names}
}

// sniffBinary tells the kinds of files that are not text by their beginning;
// empty for others.
func sniffBinary(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return KindParquet
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return KindXLSX
	default:
		return ""
	}
}

// SniffKind returns the kind of a file by its beginning, which is binary or in
// UTF-8. Anything else is CSV.
func SniffKind(head []byte) string {
	if kind := sniffBinary(head); kind != "" {
		return kind
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte(bom)), " \t\r\n")
	if len(text) == 0 {
		return KindCSV
	}
	inside := bytes.TrimLeft(text[1:], " \t\r\n")
	switch {
	case text[0] == '[' && (len(inside) == 0 || inside[0] == '{' || inside[0] == '[' || inside[0] == ']'):
		return KindJSON
	case text[0] == '[' && holdsValues(text):
		return KindJSON // in which there are no rows
	case text[0] == '{' && (len(inside) == 0 || inside[0] == '"' || inside[0] == '}'):
		return sniffObject(text)
	default:
		return KindCSV
	}
}

// holdsValues reports whether the text begins with a line that is an array of JSON,
// as no header is.
func holdsValues(text []byte) bool {
	end := (&nesting{}).pass(text)
	if end < 0 || !json.Valid(text[:end]) {
		return false
	}
	rest := bytes.TrimLeft(text[end:], " \t")
	return len(rest) == 0 || rest[0] == '\n' || rest[0] == '\r'
}

// sniffObject tells one object a line from one object around an array of them,
// or an object that is written over several lines.
func sniffObject(text []byte) string {
	end := (&nesting{}).pass(text)
	object := text
	if end >= 0 {
		object = text[:end]
		if rest := bytes.TrimLeft(text[end:], " \t\r\n"); len(rest) > 0 && bytes.IndexByte(object, '\n') < 0 {
			return KindJSONL
		}
	}
	if bytes.IndexByte(object, '\n') >= 0 || holdsTable(object) {
		return KindJSON
	}
	return KindJSONL
}

// holdsTable reports whether a member of the object is an array of objects.
func holdsTable(object []byte) bool {
	n := &nesting{}
	for i := range object {
		n.pass(object[i : i+1])
		if n.depth == 2 && !n.quoted && object[i] == '[' {
			if inside := bytes.TrimLeft(object[i+1:], " \t\r\n"); len(inside) > 0 && inside[0] == '{' {
				return true
			}
		}
	}
	return false
}

// checkControls refuses a beginning that is full of control characters, as no
// text of one byte a character is.
func checkControls(head []byte) error {
	strange := 0
	for _, b := range head {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' && b != '\f' && b != '\v' {
			strange++
		}
	}
	const least, share = 8, 16
	if strange >= least && strange*share > len(head) {
		return fault.Invalid("csv_not_text", "the file is not text: %d of its first %d bytes are control characters; upload CSV, JSON, an Excel workbook or Parquet", strange, len(head))
	}
	return nil
}
