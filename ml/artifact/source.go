package artifact

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// source is the file, and how far it was read.
type source struct {
	r      io.Reader
	offset int64
	part   string // that is being read
	err    error  // of r, other than its end
}

// Read implements io.Reader.
func (s *source) Read(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(b)
	s.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// take returns the next n bytes of r. Memory grows with what arrives, not with
// what was announced.
func take(r io.Reader, n uint64) ([]byte, error) {
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// take is take of the source.
func (s *source) take(n uint64) ([]byte, error) {
	b, err := take(s, n)
	if errors.Is(err, io.EOF) {
		return nil, s.truncated()
	}
	return b, err
}

func (s *source) truncated() error {
	return fmt.Errorf("%w after %d bytes, in %s", ErrTruncated, s.offset, s.part)
}

// end fails unless the source is used up.
func (s *source) end() error {
	n, err := io.CopyN(io.Discard, s, 1)
	switch {
	case n > 0:
		return fmt.Errorf("%w: it goes on after its end at byte %d", ErrDamaged, s.offset-1)
	case !errors.Is(err, io.EOF):
		return err
	default:
		return nil
	}
}

// section lets decode read the body of the next section, which must have that
// tag. That the section is cut off or its checksum does not fit is told rather
// than what decode makes of it.
func (s *source) section(tag string, decode func(r io.Reader, size uint64) error) error {
	s.part = "section " + tag
	head, err := s.take(12)
	if err != nil {
		return err
	}
	if string(head[:4]) != tag {
		return fmt.Errorf("%w: section %q stands where %q should", ErrDamaged, head[:4], tag)
	}
	size := binary.LittleEndian.Uint64(head[4:])
	if size > maxSection {
		return fmt.Errorf("%w: section %s announces %d bytes, there may be %d", ErrDamaged, tag, size, uint64(maxSection))
	}
	b := &body{source: s, left: size, sum: checksum(0, head)}
	wrong := decode(b, size)
	if _, err := io.Copy(io.Discard, b); err != nil {
		return err
	}
	tail, err := s.take(4)
	if err != nil {
		return err
	}
	if want := binary.LittleEndian.Uint32(tail); b.sum != want {
		return fmt.Errorf("%w: the CRC-32C of section %s is %08x, it should be %08x", ErrDamaged, tag, b.sum, want)
	}
	if wrong != nil {
		return fmt.Errorf("%w: section %s: %w", ErrDamaged, tag, wrong)
	}
	return nil
}

// body is the body of a section.
type body struct {
	source *source
	left   uint64
	sum    uint32 // of what was read
}

// Read implements io.Reader.
func (b *body) Read(to []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.source.Read(to[:min(uint64(len(to)), b.left)])
	b.left -= uint64(n)
	b.sum = checksum(b.sum, to[:n])
	if errors.Is(err, io.EOF) {
		err = nil
		if b.left > 0 {
			err = b.source.truncated()
		}
	}
	return n, err
}

// checksum continues a CRC-32C.
func checksum(sum uint32, b []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), b)
}
