package dataset

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// PublishRevision makes the record that a job made a version of the data set, numbered
// behind those there are, and the one that is used from now on; one that policies made
// seals what was before. It may be called again with the same record.
func (r *Runner) PublishRevision(ctx context.Context, made *Revision) error {
	d, err := r.table.Get(ctx, made.DatasetID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // gone for good meanwhile
	}
	if err != nil {
		return storeFault(err)
	}
	if d.Deleted || d.Version == nil {
		return nil
	}
	rules, err := r.rules.of(ctx, d.Tenant)
	if err != nil {
		return err
	}
	number, err := r.history.insert(ctx, d, made)
	if err != nil {
		return err
	}
	for _, joined := range made.Tables { // which it takes to make this version again
		if err := r.history.use(ctx, joined.DatasetID, joined.Number, revisionID(d.ID, number)); err != nil {
			return err
		}
	}
	d, err = r.table.Update(ctx, d.ID, func(d *Dataset) error {
		if d.Deleted || d.Version == nil || d.Version.number() >= number {
			return store.ErrUnchanged
		}
		if !made.Protects && made.Parent < d.SealedBefore { // it was made of what is sealed by now
			return store.ErrUnchanged
		}
		v := made.Version
		v.Number = number
		d.FileFormat, d.Version = d.ReadAs(), &v
		d.recall()
		if made.Protects {
			d.SealedBefore = number
			if rules.Remains == RemainsErased {
				d.ErasedBefore = number
			}
		}
		if state := d.settled(rules); made.Protects || state == NeedsPolicy {
			d.State = state
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return storeFault(err)
	}
	if err := r.published(ctx, d, rules); err != nil {
		return err
	}
	return r.history.trim(ctx, d)
}

// recall takes back that columns are shown as they are of which the newest version is
// known to have the values of others, of personal data: it was said of what had their
// names before.
func (d *Dataset) recall() {
	kept := maps.Clone(d.Privacy)
	for _, f := range d.Version.PII {
		if f.Made && kept[f.Column] == PolicyAllow {
			delete(kept, f.Column)
		}
	}
	d.Privacy = kept
}

// insert stores the record with the next number, once for its job.
func (h *History) insert(ctx context.Context, d *Dataset, made *Revision) (int, error) {
	const tries = 100
	for range tries {
		all, err := h.list(ctx, d)
		if err != nil {
			return 0, err
		}
		for _, r := range all {
			if r.Version.JobID == made.Version.JobID {
				return r.Version.number(), nil
			}
		}
		if len(all) == 1 && all[0].Revision == 0 && all[0].Version.number() == 1 {
			if err := h.table.Insert(ctx, all[0]); err != nil && !errors.Is(err, store.ErrDuplicate) {
				return 0, storeFault(err)
			}
		}
		next := *made
		next.Version.Number = all[0].Version.number() + 1
		next.ID = revisionID(d.ID, next.Version.Number)
		err = h.table.Insert(ctx, &next)
		if err == nil {
			return next.Version.Number, nil
		}
		if !errors.Is(err, store.ErrDuplicate) {
			return 0, storeFault(err)
		}
	}
	return 0, fault.Unavailable("store_unavailable", "too many versions of data set %s are made at once; please try again in a moment", d.ID)
}

// use notes that something was made of a version, so that its files stay. What was
// read from a file has them anyway, and perhaps no record.
func (h *History) use(ctx context.Context, datasetID string, number int, by string) error {
	_, err := h.table.Update(ctx, revisionID(datasetID, number), func(r *Revision) error {
		if slices.Contains(r.Used, by) || len(r.Used) >= maxUses {
			return store.ErrUnchanged
		}
		r.Used = append(r.Used, by)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return storeFault(err)
}

// maxUses is how many uses of a version are noted.
const maxUses = 1000

// trim marks the versions whose files may go.
func (h *History) trim(ctx context.Context, d *Dataset) error {
	all, err := h.list(ctx, d)
	if err != nil {
		return err
	}
	for i, r := range all {
		if i < h.keep || r.Gone || r.Pinned || len(r.Used) > 0 || r.MadeBy() != MadeByRecipe {
			continue
		}
		_, err := h.table.Update(ctx, r.ID, func(r *Revision) error {
			if r.Pinned || len(r.Used) > 0 {
				return store.ErrUnchanged
			}
			r.Gone = true
			return nil
		})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return storeFault(err)
		}
	}
	return nil
}
