package model

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/pipeline"
)

// cachedModels is how many decoded models a process keeps.
const cachedModels = 8

// maxFile bounds the size of a model file that is read into memory.
const maxFile = 2 << 30

// Load returns the model's pipeline, decoded and checked against the
// checksum on its record.
func (s *Service) Load(ctx context.Context, m *Model) (*pipeline.Model, error) {
	if p, ok := s.cache.get(m.SHA256); ok {
		return p, nil
	}
	r, err := s.files.Open(ctx, m.FileKey)
	if err != nil {
		return nil, fmt.Errorf("open file of model %s: %w", m.ID, err)
	}
	defer r.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read file of model %s: %w", m.ID, err)
	}
	if len(data) > maxFile {
		return nil, fault.TooLarge("model_too_large", "the file of model %s is larger than %d bytes", m.ID, maxFile)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != m.SHA256 {
		return nil, fault.New(fault.ClassInternal, "model_damaged", "the file of model %s is not the one that was trained", m.ID)
	}
	p, err := artifact.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decode model %s: %w", m.ID, err)
	}
	s.cache.put(m.SHA256, p)
	return p, nil
}
