package artifact

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/narrativeml/narrative/ml/internal/wire"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Write writes m to w, section by section.
func Write(w io.Writer, m *pipeline.Model) error {
	p := m.Parts()
	estimator, err := p.Estimator.AppendBinary(nil)
	if err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	sections := []struct {
		tag  string
		body []byte
	}{
		{tagModel, appendModel(nil, p)},
		{tagSteps, preprocess.Append(nil, p.Steps)},
		{tagEstimator, estimator},
	}
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	head := binary.LittleEndian.AppendUint16([]byte(magic), version)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(sections)))
	if _, err := out.Write(head); err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	for _, s := range sections {
		head := binary.LittleEndian.AppendUint64([]byte(s.tag), uint64(len(s.body)))
		tail := binary.LittleEndian.AppendUint32(nil, checksum(head, s.body))
		for _, part := range [][]byte{head, s.body, tail} {
			if _, err := out.Write(part); err != nil {
				return fmt.Errorf("write model: %w", err)
			}
		}
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	return nil
}

func checksum(head, body []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(head, table), table, body)
}

func appendModel(b []byte, p pipeline.Parts) []byte {
	b = wire.AppendString(b, p.Algorithm)
	b = wire.AppendString(b, string(p.Task))
	b = wire.AppendString(b, p.Target)
	b = wire.AppendStrings(b, p.Classes)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Inputs)))
	for _, in := range p.Inputs {
		b = wire.AppendString(b, in.Name)
		b = append(b, byte(in.Type))
		b = wire.AppendStrings(b, in.Categories)
	}
	return b
}
