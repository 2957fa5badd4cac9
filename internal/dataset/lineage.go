package dataset

import (
	"context"
	"slices"

	"github.com/narrativeml/narrative/internal/job"
)

// Reread returns what makes a version again that was read from the file, also with
// types that were chosen.
func Reread(d *Dataset, r *Revision) job.Submission {
	return job.Submission{
		Kind: RetypeKind(), Tenant: d.Tenant, Subject: d.ID, Memory: ingestMemory,
		Payload: RetypeRequest{
			DatasetID: d.ID, Reading: max(d.Version.Reading, r.Version.Reading) + 1, Columns: r.Columns, Parent: r.Parent, Reproduces: r.Version.number(), Expect: r.Version.Hash,
		},
	}
}

// Lineage says what made a version: the one that was read from the file, and
// those that recipes made of it, one of the other, the oldest first; the last one
// is the version itself. 0 means the newest. Their files may be gone.
func (s *Service) Lineage(ctx context.Context, tenant, id string, number int) (root *Revision, made []*Revision, err error) {
	for {
		r, err := s.Revision(ctx, tenant, id, number)
		if err != nil {
			return nil, nil, err
		}
		if !r.ofSteps() {
			slices.Reverse(made)
			return r, made, nil
		}
		made = append(made, r)
		number = r.Parent
	}
}
