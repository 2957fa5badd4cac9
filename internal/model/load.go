package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// cachedModels is how many decoded models a process keeps.
const cachedModels = 8

// maxFile bounds the size of a model file.
const maxFile = 2 << 30

// Load returns the model's pipeline, decoded and checked against the
// checksum on its record.
func (s *Service) Load(ctx context.Context, m *Model) (*pipeline.Model, error) {
	// Two tenants may have the same file, and hash with other keys.
	key := m.Tenant + "/" + m.SHA256
	if p, ok := s.cache.get(key); ok {
		return p, nil
	}
	r, err := s.files.Open(ctx, m.FileKey)
	if err != nil {
		return nil, fmt.Errorf("open file of model %s: %w", m.ID, err)
	}
	defer r.Close() //nolint:errcheck // only read
	sum := sha256.New()
	left := &io.LimitedReader{R: r, N: maxFile + 1}
	file := io.TeeReader(left, sum)
	p, wrong := artifact.ReadWith(file, preprocess.Environment{Expressions: expression.Compiler{}, Concealer: s.keys.Of(m.Tenant)})
	if wrong != nil && !aboutContent(wrong) {
		return nil, fmt.Errorf("read file of model %s: %w", m.ID, wrong)
	}
	// The rest of a file that is no model says whether it is the one trained.
	if _, err := io.Copy(io.Discard, file); err != nil {
		return nil, fmt.Errorf("read file of model %s: %w", m.ID, err)
	}
	if left.N <= 0 {
		return nil, fault.TooLarge("model_too_large", "the file of model %s is larger than %d bytes", m.ID, maxFile)
	}
	if hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
		return nil, fault.New(fault.ClassInternal, "model_damaged", "the file of model %s is not the one that was trained", m.ID)
	}
	if wrong != nil {
		return nil, fmt.Errorf("decode model %s: %w", m.ID, recipe.Changed(wrong))
	}
	s.cache.put(key, p)
	return p, nil
}

// aboutContent reports whether an error of artifact.Read is about what is in the
// file, not about reading it.
func aboutContent(err error) bool {
	return errors.Is(err, artifact.ErrFormat) || errors.Is(err, artifact.ErrVersion) ||
		errors.Is(err, artifact.ErrTruncated) || errors.Is(err, artifact.ErrDamaged)
}
