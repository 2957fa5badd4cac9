package artifact

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"github.com/narrativeml/narrative/ml/internal/wire"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Write writes m to w, front to back. An estimator that is a pipeline.Streamer
// is encoded twice, once to know its length, and never held as bytes; others are.
func Write(w io.Writer, m *pipeline.Model) error {
	if err := write(w, m.Parts()); err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	return nil
}

func write(w io.Writer, p pipeline.Parts) error {
	if _, err := lookup(p.Algorithm); err != nil {
		return err
	}
	estimator, err := pieces(p.Estimator)
	if err != nil {
		return err
	}
	type section struct {
		tag  string
		body iter.Seq[[]byte]
	}
	layout := version
	sections := []section{{tagModel, one(appendModel(nil, p))}}
	if len(p.Recipes) > 0 {
		layout = versionRCP
		sections = append(sections, section{tagRecipes, one(appendRecipes(nil, p.Recipes))})
	}
	sections = append(sections, section{tagSteps, one(preprocess.Append(nil, p.Steps))}, section{tagEstimator, estimator})
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	head := binary.LittleEndian.AppendUint16([]byte(magic), uint16(layout))
	head = binary.LittleEndian.AppendUint16(head, uint16(len(sections)))
	if _, err := out.Write(head); err != nil {
		return err
	}
	for _, s := range sections {
		if err := writeSection(out, s.tag, s.body); err != nil {
			return err
		}
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// pieces returns the bytes of an estimator.
func pieces(e pipeline.Estimator) (iter.Seq[[]byte], error) {
	if s, ok := e.(pipeline.Streamer); ok {
		return s.Pieces(), nil
	}
	b, err := e.AppendBinary(nil)
	return one(b), err
}

func one(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) { yield(b) }
}

func writeSection(w io.Writer, tag string, pieces iter.Seq[[]byte]) error {
	size := uint64(0)
	for piece := range pieces {
		size += uint64(len(piece))
	}
	if size > maxSection {
		return fmt.Errorf("section %s has %d bytes, there may be %d", tag, size, uint64(maxSection))
	}
	head := binary.LittleEndian.AppendUint64([]byte(tag), size)
	if _, err := w.Write(head); err != nil {
		return err
	}
	sum := checksum(0, head)
	for piece := range pieces {
		if uint64(len(piece)) > size {
			return fmt.Errorf("section %s has become longer", tag)
		}
		size -= uint64(len(piece))
		sum = checksum(sum, piece)
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	if size > 0 {
		return fmt.Errorf("section %s has become %d bytes shorter", tag, size)
	}
	_, err := w.Write(binary.LittleEndian.AppendUint32(nil, sum))
	return err
}

func appendModel(b []byte, p pipeline.Parts) []byte {
	b = wire.AppendString(b, p.Algorithm)
	b = wire.AppendString(b, string(p.Task))
	b = wire.AppendString(b, p.Target)
	b = wire.AppendStrings(b, p.Classes)
	return appendInputs(b, p.Inputs)
}

func appendRecipes(b []byte, recipes []pipeline.Carried) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(recipes)))
	for _, c := range recipes {
		b = appendInputs(b, c.Inputs)
		b = appendInputs(b, c.Others)
		b = wire.AppendString(b, string(preprocess.Append(nil, c.Steps)))
	}
	return b
}

func appendInputs(b []byte, inputs []pipeline.Input) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(inputs)))
	for _, in := range inputs {
		b = wire.AppendString(b, in.Name)
		b = append(b, byte(in.Type))
		b = wire.AppendStrings(b, in.Categories)
	}
	return b
}
