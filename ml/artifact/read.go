package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Read reads a model that Write wrote, front to back; r must end with it. The
// error wraps ErrFormat, ErrVersion, ErrTruncated or ErrDamaged and says where
// in the file, or is that of r.
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
	p, err := readParts(src)
	if err != nil {
		return nil, err
	}
	want := sum.Sum(nil)
	src.part = "its SHA-256"
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
	// A file can have valid checksums and still be made by hand.
	m, err := pipeline.New(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, nil
}

func readHead(src *source) error {
	src.part = "its head"
	head := make([]byte, len(magic))
	switch n, err := io.ReadFull(src, head); {
	case err != nil && src.err != nil:
		return src.err
	case err != nil:
		return fmt.Errorf("%w: it has %d bytes", ErrFormat, n)
	case string(head) != magic:
		return fmt.Errorf("%w: it starts with %q", ErrFormat, head)
	}
	head, err := src.take(4)
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

// readParts reads the sections, each decoded as it arrives or when it has.
func readParts(src *source) (p pipeline.Parts, err error) {
	err = src.section(tagModel, func(r io.Reader, size uint64) error {
		b, err := take(r, size)
		if err != nil {
			return err
		}
		p, err = decodeModel(b)
		return err
	})
	if err != nil {
		return p, err
	}
	err = src.section(tagSteps, func(r io.Reader, size uint64) error {
		b, err := take(r, size)
		if err != nil {
			return err
		}
		p.Steps, err = preprocess.Decode(b)
		return err
	})
	if err != nil {
		return p, err
	}
	err = src.section(tagEstimator, func(r io.Reader, size uint64) error {
		a, err := lookup(p.Algorithm)
		if err != nil {
			return err
		}
		p.Estimator, err = a.read(r, size)
		return err
	})
	return p, err
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
