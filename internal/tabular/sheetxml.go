package tabular

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
)

// part is one XML file of a workbook, read from its beginning, token by token.
type part struct {
	name   string // for messages
	source *brokenSource
	from   io.ReadCloser
	bytes  *tokenBytes
	dec    *xml.Decoder
}

// tokenBytes hands out the bytes of a part, only so many for one token: the
// decoder holds a token as a whole.
type tokenBytes struct {
	*bufio.Reader

	left, limit int
}

// ReadByte implements io.ByteReader.
func (t *tokenBytes) ReadByte() (byte, error) {
	if t.left == 0 {
		return 0, fault.Invalid("xlsx_value_too_long", "the workbook has a value of more than %d bytes; shorten it, or leave it out", t.limit)
	}
	t.left--
	return t.Reader.ReadByte()
}

func newPart(name string, source *brokenSource, from io.ReadCloser, limit int) *part {
	p := &part{name: name, source: source, from: from, bytes: &tokenBytes{Reader: bufio.NewReaderSize(from, 32<<10), limit: limit}}
	p.dec = xml.NewDecoder(p.bytes)
	return p
}

// next returns the next token. It is valid until the one after it is asked for.
func (p *part) next() (xml.Token, error) {
	p.bytes.left = p.bytes.limit
	t, err := p.dec.RawToken()
	if err != nil {
		return nil, p.explain(err)
	}
	if _, ok := t.(xml.Directive); ok {
		// Entities are declared there, which expand to anything; the decoder
		// knows none, and no workbook has them.
		return nil, fault.Invalid("xlsx_document_type", "the part %s of the workbook declares a document type, which no spreadsheet program writes; save it with one", p.name)
	}
	return t, nil
}

// explain says what an error means.
func (p *part) explain(err error) error {
	if _, ok := fault.As(err); ok {
		return err
	}
	if p.source.err != nil {
		return fmt.Errorf("read workbook: %w", p.source.err)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return errWorkbook(fmt.Errorf("%s: %w", p.name, err))
}

// root enters the outermost element, which must have that name.
func (p *part) root(name string) error {
	e, ok, err := p.start()
	if err == nil && (!ok || e.Name.Local != name) {
		err = errWorkbook(fmt.Errorf("%s: no %s", p.name, name))
	}
	return err
}

// start enters the next element and returns it, or false at the end of the
// element that the reader is in.
func (p *part) start() (xml.StartElement, bool, error) {
	for {
		t, err := p.next()
		if err != nil {
			return xml.StartElement{}, false, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t, true, nil
		case xml.EndElement:
			return xml.StartElement{}, false, nil
		}
	}
}

// skip passes over the rest of the element that the reader is in.
func (p *part) skip() error {
	for depth := 1; depth > 0; {
		t, err := p.next()
		if err != nil {
			return err
		}
		switch t.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

// each calls fn with every element of that name in the element that the reader
// is in, which fn must leave, and passes over the others.
func (p *part) each(name string, fn func(xml.StartElement) error) error {
	for {
		e, ok, err := p.start()
		if err != nil || !ok {
			return err
		}
		if e.Name.Local == name {
			err = fn(e)
		} else {
			err = p.skip()
		}
		if err != nil {
			return err
		}
	}
}

// text appends the text of the element that the reader is in, and goes behind
// it. deep takes in the texts of elements named t inside of it alone, but not
// those that say how it is pronounced.
func (p *part) text(to []byte, deep bool) ([]byte, error) {
	depth, mute := 1, 0 // mute is the depth of what is left out
	take := !deep
	for {
		t, err := p.next()
		if err != nil {
			return to, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			if mute == 0 && t.Name.Local == "rPh" {
				mute = depth
			}
			take = deep && mute == 0 && t.Name.Local == "t"
		case xml.EndElement:
			if depth == mute {
				mute = 0
			}
			depth--
			take = !deep && depth == 1
			if depth == 0 {
				return to, nil
			}
		case xml.CharData:
			if take {
				to = append(to, t...)
			}
			if len(to) > p.bytes.limit {
				return to, fault.Invalid("xlsx_value_too_long", "the workbook has a value of more than %d bytes; shorten it, or leave it out", p.bytes.limit)
			}
		}
	}
}

// close gives the part back.
func (p *part) close() error { return p.from.Close() }

// attribute returns the value of the attribute of that name, whatever prefix it
// has.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func errWorkbook(err error) *fault.Error {
	const longest = 200
	return fault.Invalid("xlsx_damaged", "the workbook is damaged or incomplete; save it again").Because(err).
		With(fault.Field{Location: "file", Message: shorten(strings.ToValidUTF8(err.Error(), "?"), longest)})
}

// columnLetters returns the name that a spreadsheet has for the column.
func columnLetters(n int) string {
	var letters []byte
	for n++; n > 0; n = (n - 1) / 26 {
		letters = append([]byte{byte('A' + (n-1)%26)}, letters...)
	}
	return string(letters)
}
