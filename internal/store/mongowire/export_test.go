package mongowire

import (
	"context"
	"io"
)

// Doc writes documents for tests.
type Doc = builder

// NewDoc starts a document.
func NewDoc() *Doc { return newDoc() }

// Methods of Doc under names that tests can use.

func (b *builder) Text(name, value string) *Doc       { return b.text(name, value) }
func (b *builder) Int(name string, value int32) *Doc  { return b.int32(name, value) }
func (b *builder) Long(name string, value int64) *Doc { return b.int64(name, value) }
func (b *builder) Bool(name string, value bool) *Doc  { return b.boolean(name, value) }
func (b *builder) Float(name string, v float64) *Doc  { return b.double(name, v) }
func (b *builder) Open(name string) *Doc              { return b.doc(name) }
func (b *builder) List(name string) *Doc              { return b.array(name) }
func (b *builder) Close() *Doc                        { return b.end() }
func (b *builder) Raw() []byte                        { return b.bytes }

// Answer decodes one message and returns the reply to it.
func (s *Server) Answer(ctx context.Context, r io.Reader) ([]byte, error) {
	req, err := readRequest(r)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, req), nil
}

// ReplyCode returns the error code of a reply, 0 of a good one, and its text.
func ReplyCode(reply []byte) (code int64, text string, err error) {
	parts, err := elements(reply)
	if err != nil {
		return 0, "", err
	}
	for _, p := range parts {
		switch p.name {
		case "code":
			code, err = p.integer()
		case "errmsg":
			text, err = p.text()
		}
		if err != nil {
			return 0, "", err
		}
	}
	return code, text, nil
}

// Find returns the element at the path of a reply as text, "" when it is absent.
func Find(reply []byte, path ...string) string {
	parts, err := elements(reply)
	if err != nil {
		return err.Error()
	}
	for _, p := range parts {
		switch {
		case p.name != path[0]:
		case len(path) > 1:
			return Find(p.data, path[1:]...)
		case p.kind == kindString:
			text, err := p.text()
			if err != nil {
				return err.Error()
			}
			return text
		default:
			return string(p.data)
		}
	}
	return ""
}
