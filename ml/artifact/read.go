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
// in the file, or is that of r. A model that carries expressions is read by
// ReadWith.
func Read(r io.Reader) (*pipeline.Model, error) { return ReadWith(r, preprocess.Environment{}) }

// ReadWith is Read with a compiler for the expressions of the recipes that the
// model carries.
func ReadWith(r io.Reader, env preprocess.Environment) (*pipeline.Model, error) {
	m, err := read(r, env)
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	return m, nil
}

func read(r io.Reader, env preprocess.Environment) (*pipeline.Model, error) {
	sum := sha256.New()
	src := &source{r: io.TeeReader(r, sum)}
	layout, err := readHead(src)
	if err != nil {
		return nil, err
	}
	p, err := readParts(src, layout, env)
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

// readHead returns the version of the file.
func readHead(src *source) (uint16, error) {
	src.part = "its head"
	head := make([]byte, len(magic))
	switch n, err := io.ReadFull(src, head); {
	case err != nil && src.err != nil:
		return 0, src.err
	case err != nil:
		return 0, fmt.Errorf("%w: it has %d bytes", ErrFormat, n)
	case string(head) != magic:
		return 0, fmt.Errorf("%w: it starts with %q", ErrFormat, head)
	}
	head, err := src.take(4)
	if err != nil {
		return 0, err
	}
	layout := binary.LittleEndian.Uint16(head)
	if layout != version && layout != versionRCP {
		return 0, fmt.Errorf("%w: %d, this program reads %d and %d", ErrVersion, layout, version, versionRCP)
	}
	if n, want := binary.LittleEndian.Uint16(head[2:]), layout+2; n != want {
		return 0, fmt.Errorf("%w: it announces %d sections, there should be %d", ErrDamaged, n, want)
	}
	return layout, nil
}

// readParts reads the sections, each decoded as it arrives or when it has.
func readParts(src *source, layout uint16, env preprocess.Environment) (p pipeline.Parts, err error) {
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
	if layout == versionRCP {
		err = src.section(tagRecipes, func(r io.Reader, size uint64) error {
			b, err := take(r, size)
			if err != nil {
				return err
			}
			p.Recipes, err = decodeRecipes(b, env)
			return err
		})
		if err != nil {
			return p, err
		}
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
	p.Inputs = decodeInputs(r)
	return p, r.Close()
}

func decodeInputs(r *wire.Reader) []pipeline.Input {
	var inputs []pipeline.Input
	for range r.Count(9) {
		in := pipeline.Input{Name: r.String(), Type: frame.Type(r.Uint8()), Categories: r.Strings()}
		if r.Err() != nil {
			break
		}
		inputs = append(inputs, in)
	}
	return inputs
}

func decodeRecipes(b []byte, env preprocess.Environment) ([]pipeline.Carried, error) {
	r := wire.NewReader(b)
	var recipes []pipeline.Carried
	n := r.Count(12)
	if n == 0 {
		r.Fail("there is no recipe")
	}
	for range n {
		c := pipeline.Carried{Inputs: decodeInputs(r), Others: decodeInputs(r)}
		written := r.String()
		if r.Err() != nil {
			break
		}
		var err error
		if c.Steps, err = preprocess.DecodeWith([]byte(written), env); err != nil {
			return nil, err
		}
		recipes = append(recipes, c)
	}
	return recipes, r.Close()
}
