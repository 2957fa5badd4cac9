package dataset

import (
	"context"
	"slices"
)

// Lineage says what made a version: the one that was read from the file, and
// those that recipes made of it, one of the other, the oldest first; the last one
// is the version itself. 0 means the newest. Their files may be gone.
func (s *Service) Lineage(ctx context.Context, tenant, id string, number int) (root *Revision, made []*Revision, err error) {
	for {
		r, err := s.Revision(ctx, tenant, id, number)
		if err != nil {
			return nil, nil, err
		}
		if r.Parent == 0 || len(r.Steps) == 0 {
			slices.Reverse(made)
			return r, made, nil
		}
		made = append(made, r)
		number = r.Parent
	}
}
