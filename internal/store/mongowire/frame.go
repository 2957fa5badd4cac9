package mongowire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The messages of the protocol that are read or written.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

const (
	headerLength = 16
	maxMessage   = 48_000_000
	maxDocument  = 16 << 20
	eagerRead    = 64 << 10 // bytes that are allocated because a header says so
)

// request is one message of a client.
type request struct {
	id        uint32
	query     bool // sent as OP_QUERY, as drivers do to say hello
	body      []element
	sequences map[string][][]byte
}

// readRequest reads and decodes one message. The error is io.EOF when there is
// no further one.
func readRequest(r io.Reader) (*request, error) {
	var header [headerLength]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(header[0:])
	if length < headerLength || length > maxMessage {
		return nil, fmt.Errorf("message of %d bytes; 16 to %d are possible", length, maxMessage)
	}
	payload, err := readPayload(r, int(length-headerLength))
	if err != nil {
		return nil, err
	}
	req := &request{id: binary.LittleEndian.Uint32(header[4:])}
	switch op := binary.LittleEndian.Uint32(header[12:]); op {
	case opMsg:
		err = req.decodeMsg(payload)
	case opQuery:
		err = req.decodeQuery(payload)
	default:
		err = fmt.Errorf("message of type %d; only OP_MSG and the OP_QUERY of a greeting are understood", op)
	}
	return req, err
}

func readPayload(r io.Reader, length int) ([]byte, error) {
	if length <= eagerRead {
		payload := make([]byte, length)
		_, err := io.ReadFull(r, payload)
		return payload, unexpected(err)
	}
	var buffer bytes.Buffer
	buffer.Grow(eagerRead)
	_, err := io.CopyN(&buffer, r, int64(length))
	return buffer.Bytes(), unexpected(err)
}

// unexpected says that a message may not end here.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// decodeMsg reads the sections of an OP_MSG: one body and any number of named
// sequences of documents.
func (req *request) decodeMsg(payload []byte) error {
	if len(payload) < 4 {
		return errTruncated
	}
	const exhaustAllowed = 1 << 16 // the client could take several replies; it gets one
	if flags := binary.LittleEndian.Uint32(payload); flags&^exhaustAllowed != 0 {
		return fmt.Errorf("message with flags %#x, which are not understood", flags)
	}
	payload = payload[4:]
	for len(payload) > 0 {
		kind := payload[0]
		var err error
		switch kind {
		case 0:
			if req.body != nil {
				return errors.New("message with two bodies")
			}
			var doc []byte
			if doc, payload, err = cutDoc(payload[1:]); err != nil {
				return err
			}
			if req.body, err = elements(doc); err != nil {
				return err
			}
		case 1:
			if payload, err = req.decodeSequence(payload[1:]); err != nil {
				return err
			}
		default:
			return fmt.Errorf("message with a section of type %d", kind)
		}
	}
	if len(req.body) == 0 {
		return errors.New("message without a command")
	}
	return nil
}

func (req *request) decodeSequence(payload []byte) (rest []byte, err error) {
	if len(payload) < 4 {
		return nil, errTruncated
	}
	n := binary.LittleEndian.Uint32(payload)
	if n < 4 || uint64(n) > uint64(len(payload)) {
		return nil, errTruncated
	}
	section, rest := payload[4:n], payload[n:]
	name, section, err := cutName(section)
	if err != nil {
		return nil, err
	}
	docs := [][]byte{}
	for len(section) > 0 {
		var doc []byte
		if doc, section, err = cutDoc(section); err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	if req.sequences == nil {
		req.sequences = map[string][][]byte{}
	}
	if _, ok := req.sequences[name]; ok {
		return nil, fmt.Errorf("message with two sequences %q", name)
	}
	req.sequences[name] = docs
	return rest, nil
}

// decodeQuery reads the command of an OP_QUERY.
func (req *request) decodeQuery(payload []byte) error {
	req.query = true
	if len(payload) < 4 {
		return errTruncated
	}
	collection, payload, err := cutName(payload[4:])
	if err != nil {
		return err
	}
	if collection != "admin.$cmd" || len(payload) < 8 {
		return fmt.Errorf("query of %q; only greetings are understood", collection)
	}
	doc, rest, err := cutDoc(payload[8:])
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return errors.New("query with a projection")
	}
	if req.body, err = elements(doc); err == nil && len(req.body) == 0 {
		err = errors.New("query without a command")
	}
	return err
}

// writeReply answers the request by the document.
func writeReply(w io.Writer, req *request, id uint32, doc []byte) error {
	op, more := uint32(opMsg), 5 // flags and the type of the section
	if req.query {
		op, more = opReply, 20 // flags, cursor, position, number of documents
	}
	message := make([]byte, 0, headerLength+more+len(doc))
	message = binary.LittleEndian.AppendUint32(message, uint32(headerLength+more+len(doc)))
	message = binary.LittleEndian.AppendUint32(message, id)
	message = binary.LittleEndian.AppendUint32(message, req.id)
	message = binary.LittleEndian.AppendUint32(message, op)
	message = append(message, make([]byte, more)...)
	if req.query {
		binary.LittleEndian.PutUint32(message[headerLength+16:], 1)
	}
	_, err := w.Write(append(message, doc...))
	return err
}
