package tabular

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
)

const (
	maxDirectory = 16 << 20  // bytes of an archive's directory, which is held in memory
	maxParts     = 100_000   // files in it
	maxSheets    = 1000      // in a workbook
	maxStyles    = 100_000   // of cells; Excel has at most 65,490
	maxToken     = 64 << 10  // bytes of an element with its attributes
	maxRelations = maxSheets // and a few more
)

// workbook is an Excel workbook: an archive of XML files, of which those that
// are needed are read, one after the other. It is not safe for concurrent use.
type workbook struct {
	source   *brokenSource
	size     int64
	limits   Limits
	parts    map[string]*zip.File // by name in small letters
	sheets   []sheetPart
	date1904 bool
	styles   []numberStyle // of cells, by number
	texts    *textStore    // that cells share
}

// sheetPart is one sheet.
type sheetPart struct {
	name   string
	part   string
	hidden bool
}

// openWorkbook opens the workbook in the file of that many bytes. Its errors are
// fault.Invalid: xlsx_damaged, xlsx_not_a_workbook, xlsx_encrypted,
// xlsx_document_type, xlsx_too_many_parts, xlsx_too_many_sheets and
// expands_too_far.
func openWorkbook(src io.ReaderAt, size int64, limits Limits) (*workbook, error) {
	w := &workbook{source: &brokenSource{src: src}, size: size, limits: limits, texts: newTextStore(memoryTexts)}
	err := w.readDirectory()
	if err == nil {
		err = w.readBook()
	}
	if w.source.err != nil {
		err = fmt.Errorf("read workbook: %w", w.source.err)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *workbook) close() error { return w.texts.close() }

// readDirectory finds the files of the archive.
func (w *workbook) readDirectory() error {
	if err := checkArchive(w.source, w.size); err != nil {
		return err
	}
	guard := &directoryGuard{src: w.source, left: maxDirectory}
	archive, err := zip.NewReader(guard, w.size)
	if guard.left < 0 {
		return errParts()
	}
	if err != nil {
		return errWorkbook(err)
	}
	guard.open = true
	w.parts = make(map[string]*zip.File, len(archive.File))
	for _, f := range archive.File {
		w.parts[partName(f.Name)] = f
	}
	return nil
}

func partName(name string) string {
	return strings.TrimPrefix(strings.ToLower(path.Clean("/"+strings.ReplaceAll(name, `\`, "/"))), "/")
}

func errParts() error {
	return fault.Invalid("xlsx_too_many_parts", "the workbook is an archive of too many files; save it with a spreadsheet program")
}

// directoryGuard bounds what is read of an archive's directory, all of which the
// library keeps.
type directoryGuard struct {
	src  io.ReaderAt
	left int64
	open bool
}

// ReadAt implements io.ReaderAt.
func (g *directoryGuard) ReadAt(p []byte, at int64) (int, error) {
	if !g.open {
		if g.left -= int64(len(p)); g.left < 0 {
			return 0, errors.New("the directory is too long")
		}
	}
	return g.src.ReadAt(p, at)
}

// checkArchive looks at how many files the archive claims to have: the library
// makes room for them before it finds out.
func checkArchive(src io.ReaderAt, size int64) error {
	const (
		endSize     = 22
		longest     = endSize + 1<<16 // with its comment
		locatorSize = 20
		end64Size   = 56
	)
	tail := make([]byte, min(size, longest))
	if _, err := src.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return errWorkbook(err)
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || at+endSize > len(tail) {
		return errWorkbook(errors.New("the archive has no end"))
	}
	if at < locatorSize || !bytes.HasPrefix(tail[at-locatorSize:], []byte("PK\x06\x07")) {
		return nil // an archive of the old kind has 65,535 at most
	}
	end := make([]byte, end64Size)
	if _, err := src.ReadAt(end, int64(binary.LittleEndian.Uint64(tail[at-locatorSize+8:]))); err != nil {
		return errWorkbook(err)
	}
	if binary.LittleEndian.Uint64(end[32:]) > maxParts {
		return errParts()
	}
	return nil
}

// open opens a part.
func (w *workbook) open(name string) (*part, error) {
	f := w.parts[partName(name)]
	if f == nil {
		return nil, errWorkbook(fmt.Errorf("there is no %s", shorten(name, 100)))
	}
	const encrypted = 1
	if f.Flags&encrypted != 0 {
		return nil, fault.Invalid("xlsx_encrypted", "the workbook is protected by a password; save it without")
	}
	from, err := f.Open()
	if err != nil {
		return nil, errWorkbook(err)
	}
	packed := int64(min(f.CompressedSize64, uint64(w.size))) // it may claim anything
	guard := &expansion{what: "the part " + shorten(name, 100) + " of the workbook", limits: w.limits, packed: func() int64 { return packed }}
	return newPart(shorten(name, 100), w.source, &guarded{from, guard}, w.limits.Field+maxToken), nil
}

// guarded is a part whose expansion is bounded.
type guarded struct {
	io.ReadCloser

	guard *expansion
}

// Read implements io.Reader.
func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	if far := g.guard.add(n); far != nil {
		return 0, far
	}
	return n, err
}

// read calls fn with the part, inside of its outermost element.
func (w *workbook) read(name, root string, fn func(*part) error) error {
	p, err := w.open(name)
	if err != nil {
		return err
	}
	err = p.root(root)
	if err == nil {
		err = fn(p)
	}
	if shut := p.close(); err == nil && shut != nil {
		err = p.explain(shut)
	}
	return err
}

// relation is what one part says of another.
type relation struct{ id, kind, target string }

// relations returns what the part refers to; the archive itself has no name.
func (w *workbook) relations(of string) ([]relation, error) {
	folder, name := path.Split(of)
	var all []relation
	err := w.read(path.Join(folder, "_rels", name+".rels"), "Relationships", func(p *part) error {
		return p.each("Relationship", func(e xml.StartElement) error {
			target := attribute(e, "Target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join(folder, target)
			}
			if len(all) > maxRelations+maxSheets {
				return errTooManySheets()
			}
			if attribute(e, "TargetMode") != "External" { // nothing is fetched from anywhere
				all = append(all, relation{id: attribute(e, "Id"), kind: path.Base(attribute(e, "Type")), target: target})
			}
			return p.skip()
		})
	})
	return all, err
}

func errTooManySheets() error {
	return fault.Invalid("xlsx_too_many_sheets", "the workbook has more than %d sheets; save the one that is the table by itself", maxSheets)
}

func (w *workbook) readBook() error {
	if w.parts["_rels/.rels"] == nil {
		return w.notABook()
	}
	above, err := w.relations("")
	if err != nil {
		return err
	}
	k := slices.IndexFunc(above, func(r relation) bool { return r.kind == "officeDocument" })
	if k < 0 || path.Ext(above[k].target) != ".xml" || strings.HasPrefix(partName(above[k].target), "word/") || strings.HasPrefix(partName(above[k].target), "ppt/") {
		return w.notABook()
	}
	book := above[k].target
	relations, err := w.relations(book)
	if err != nil {
		return err
	}
	if err := w.read(book, "workbook", func(p *part) error { return w.readSheets(p, relations) }); err != nil {
		return err
	}
	for _, r := range relations {
		switch r.kind {
		case "styles":
			err = w.read(r.target, "styleSheet", w.readStyles)
		case "sharedStrings":
			err = w.read(r.target, "sst", w.readTexts)
		}
		if err != nil {
			return err
		}
	}
	return w.texts.done()
}

// notABook says what the archive is instead.
func (w *workbook) notABook() error {
	what := "a ZIP archive without an Excel workbook; unpack it and upload the table itself"
	switch {
	case w.parts["xl/workbook.bin"] != nil:
		what = "a binary workbook (.xlsb); save it as .xlsx"
	case w.parts["mimetype"] != nil && w.parts["content.xml"] != nil:
		what = "an OpenDocument file (.ods); save it as .xlsx"
	case w.parts["word/document.xml"] != nil:
		what = "a Word document (.docx); upload a table"
	}
	return fault.Invalid("xlsx_not_a_workbook", "the file is %s", what)
}

// readSheets reads what the workbook says of itself.
func (w *workbook) readSheets(p *part, relations []relation) error {
	parts := make(map[string]relation, len(relations))
	for _, r := range relations {
		parts[r.id] = r
	}
	for {
		e, ok, err := p.start()
		if err != nil || !ok {
			return err
		}
		switch e.Name.Local {
		case "workbookPr":
			w.date1904 = isTrue(attribute(e, "date1904"))
			err = p.skip()
		case "sheets":
			err = p.each("sheet", func(e xml.StartElement) error {
				r := parts[attribute(e, "id")]
				if r.kind == "worksheet" { // others are charts and macros
					w.sheets = append(w.sheets, sheetPart{
						name: shorten(attribute(e, "name"), maxSheetName), part: r.target, hidden: strings.HasSuffix(strings.ToLower(attribute(e, "state")), "hidden"),
					})
				}
				if len(w.sheets) > maxSheets {
					return errTooManySheets()
				}
				return p.skip()
			})
		default:
			err = p.skip()
		}
		if err != nil {
			return err
		}
	}
}

func isTrue(s string) bool { return s == "1" || strings.EqualFold(s, "true") }

// readTexts reads the texts that cells share.
func (w *workbook) readTexts(p *part) error {
	var text []byte
	return p.each("si", func(xml.StartElement) error {
		var err error
		if text, err = p.text(text[:0], true); err != nil {
			return err
		}
		return w.texts.add(unescape(text))
	})
}

// unescape replaces _xHHHH_ by the character that it stands for, in place. Only
// so workbooks can hold characters that XML cannot.
func unescape(b []byte) []byte {
	const length = len("_x0000_")
	out := b[:0]
	for {
		k := bytes.Index(b, []byte("_x"))
		if k < 0 {
			return append(out, b...)
		}
		out = append(out, b[:k]...)
		b = b[k:]
		if len(b) >= length && b[length-1] == '_' {
			if r, err := strconv.ParseUint(string(b[2:length-1]), 16, 16); err == nil && r != 0 {
				out = append(out, string(rune(r))...)
				b = b[length:]
				continue
			}
		}
		out = append(out, b[0])
		b = b[1:]
	}
}

// names returns the names of the sheets, in order.
func (w *workbook) names() []string {
	names := make([]string, len(w.sheets))
	for i, s := range w.sheets {
		names[i] = s.name
	}
	return names
}

// choose returns the sheet that was told, by name or by number from 1, or the
// first that holds something, one that is shown if there is.
func (w *workbook) choose(told string) (sheetPart, error) {
	if told != "" {
		for _, same := range []func(string, string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
			for _, s := range w.sheets {
				if same(s.name, told) {
					return s, nil
				}
			}
		}
		if n, err := strconv.Atoi(told); err == nil && n >= 1 && n <= len(w.sheets) {
			return w.sheets[n-1], nil
		}
		return sheetPart{}, fault.Invalid("unknown_sheet", "the workbook has no sheet %q; it has %s", shorten(told, 60), quoteNames(w.names(), 20)).
			With(fault.Field{Location: "body.sheet", Message: "the workbook has no such sheet", Value: shorten(told, 60)})
	}
	for _, hidden := range []bool{false, true} {
		for _, s := range w.sheets {
			if s.hidden != hidden {
				continue
			}
			r, err := w.openSheet(s)
			if err != nil {
				return s, err
			}
			more, err := r.scan()
			r.close()
			if err != nil || more {
				return s, err
			}
		}
	}
	return sheetPart{}, fault.Invalid("xlsx_empty", "the workbook holds nothing: none of its %d sheets has a value in a cell", len(w.sheets))
}
