package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Read reads a model that Write wrote; r must end with it. The error wraps
// ErrFormat, ErrVersion, ErrTruncated or ErrDamaged, or is that of r.
func Read(r io.Reader) (*pipeline.Model, error) {
	m, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	return m, nil
}

func read(r io.Reader) (*pipeline.Model, error) {
	sum := sha256.New()
	src := &source{r: io.TeeReader(r, sum)}
	if err := readHead(src); err != nil {
		return nil, err
	}
	bodies := map[string][]byte{}
	for _, tag := range []string{tagModel, tagSteps, tagEstimator} {
		body, err := readSection(src, tag)
		if err != nil {
			return nil, err
		}
		bodies[tag] = body
	}
	want := sum.Sum(nil)
	got, err := src.take(sha256.Size)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(got, want) {
		return nil, fmt.Errorf("%w: its SHA-256 is %x, it should be %x", ErrDamaged, want, got)
	}
	if err := src.end(); err != nil {
		return nil, err
	}
	return assemble(bodies)
}

func readHead(src *source) error {
	head, err := src.take(len(magic))
	if errors.Is(err, ErrTruncated) {
		return fmt.Errorf("%w: it has fewer than %d bytes", ErrFormat, len(magic))
	}
	if err != nil {
		return err
	}
	if string(head) != magic {
		return fmt.Errorf("%w: it starts with %q", ErrFormat, head)
	}
	head, err = src.take(4)
	if err != nil {
		return err
	}
	if v := binary.LittleEndian.Uint16(head); v != version {
		return fmt.Errorf("%w: %d, this program reads %d", ErrVersion, v, version)
	}
	if n := binary.LittleEndian.Uint16(head[2:]); n != 3 {
		return fmt.Errorf("%w: it announces %d sections, there should be 3", ErrDamaged, n)
	}
	return nil
}

func readSection(src *source, tag string) ([]byte, error) {
	head, err := src.take(12)
	if err != nil {
		return nil, err
	}
	if string(head[:4]) != tag {
		return nil, fmt.Errorf("%w: section %q stands where %q should", ErrDamaged, head[:4], tag)
	}
	length := binary.LittleEndian.Uint64(head[4:])
	if length > maxSection {
		return nil, fmt.Errorf("%w: section %s announces %d bytes", ErrDamaged, tag, length)
	}
	body, err := src.take(int(length))
	if err != nil {
		return nil, err
	}
	tail, err := src.take(4)
	if err != nil {
		return nil, err
	}
	if got, want := checksum(head, body), binary.LittleEndian.Uint32(tail); got != want {
		return nil, fmt.Errorf("%w: the CRC-32C of section %s is %08x, it should be %08x", ErrDamaged, tag, got, want)
	}
	return body, nil
}

// source reads whole pieces and knows how far it is.
type source struct {
	r      io.Reader
	offset int64
}

// take returns the next n bytes. Memory grows with what arrives, not with what
// was announced.
func (s *source) take(n int) ([]byte, error) {
	var b bytes.Buffer
	got, err := io.CopyN(&b, s.r, int64(n))
	s.offset += got
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w after %d bytes", ErrTruncated, s.offset)
	}
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// end fails unless the source is used up.
func (s *source) end() error {
	n, err := io.CopyN(io.Discard, s.r, 1)
	switch {
	case n > 0:
		return fmt.Errorf("%w: it goes on after its end at byte %d", ErrDamaged, s.offset)
	case !errors.Is(err, io.EOF):
		return err
	default:
		return nil
	}
}

// assemble makes a model of the sections, none of which is trusted: a file can
// have valid checksums and still be made by hand.
func assemble(bodies map[string][]byte) (*pipeline.Model, error) {
	p, err := decodeModel(bodies[tagModel])
	if err != nil {
		return nil, fmt.Errorf("%w: section %s: %w", ErrDamaged, tagModel, err)
	}
	if p.Steps, err = preprocess.Decode(bodies[tagSteps]); err != nil {
		return nil, fmt.Errorf("%w: section %s: %w", ErrDamaged, tagSteps, err)
	}
	if p.Estimator, err = decodeEstimator(p.Algorithm, bodies[tagEstimator]); err != nil {
		return nil, fmt.Errorf("%w: section %s: %w", ErrDamaged, tagEstimator, err)
	}
	m, err := pipeline.New(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, nil
}

func decodeModel(b []byte) (pipeline.Parts, error) {
	r := wire.NewReader(b)
	p := pipeline.Parts{Algorithm: r.String(), Task: ml.Task(r.String()), Target: r.String(), Classes: r.Strings()}
	for range r.Count(9) {
		in := pipeline.Input{Name: r.String(), Type: frame.Type(r.Uint8()), Categories: r.Strings()}
		if r.Err() != nil {
			break
		}
		p.Inputs = append(p.Inputs, in)
	}
	return p, r.Close()
}
