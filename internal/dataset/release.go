package dataset

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
)

// Release names a file of a job that is about a data set.
type Release struct {
	DatasetID string
	JobID     string
	File      string
	Columns   []string // those of the data set that are in it; nil: all
	Version   int      // that it was made of; 0: that which the job made, if it made one
	// Profile is the key of a profile: what was found by then is masked in it, unless it
	// was allowed then, and what people said later is not. Empty: the file is none.
	Profile string
}

// Release is asked before a link to a file with the rows of a data set is given out:
// where they hold personal data, or did before a policy took it away, that takes the
// right to see it, and is written down.
func (s *Service) Release(ctx context.Context, caller account.Caller, r Release) error {
	d, err := s.table.Get(ctx, r.DatasetID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // gone for good, and so nothing is known of it
	}
	if err != nil {
		return storeFault(err)
	}
	if d.Version == nil && r.Version > 0 && d.Tenant == caller.Tenant { // a prediction has read the file
		if !caller.Has(account.RoleSteward) {
			return errSteward("a file with rows of data set " + d.ID + ", which nobody has looked through for personal data,")
		}
		return s.noteOf(ctx, caller, d.ID, 0, ActionDownload, append(slices.Clone(r.Columns), "file "+r.File+" of "+r.JobID))
	}
	private, err := s.privateIn(ctx, d, r)
	if err != nil {
		return err
	}
	if r.Columns != nil {
		maps.DeleteFunc(private, func(name string, _ pii.Kind) bool { return !slices.Contains(r.Columns, name) })
	}
	if r.Profile != "" {
		told, err := s.told(ctx, r.Profile, private)
		if err != nil {
			return err
		}
		maps.DeleteFunc(private, func(name string, _ pii.Kind) bool { return d.Privacy[name] == "" && !told[name] })
	}
	switch {
	case d.Tenant != caller.Tenant || len(private) == 0:
		return nil
	case d.State == NeedsConfirmation:
		return errUnconfirmed(d.ID)
	case !caller.Has(account.RoleSteward):
		return errSteward("a file with personal data of data set " + d.ID)
	}
	return s.note(ctx, caller, d, ActionDownload, append(slices.Sorted(maps.Keys(private)), "file "+r.File+" of "+r.JobID))
}

// told returns which of the columns a stored profile tells values of.
func (s *Service) told(ctx context.Context, key string, private map[string]pii.Kind) (map[string]bool, error) {
	b, err := s.readProfile(ctx, key)
	if err != nil {
		return nil, err
	}
	p, err := profile.Decode(b)
	if err != nil {
		return nil, err
	}
	return p.Tells(private)
}

// privateIn returns the columns of personal data that the file may have: those of all
// versions, since files of one have what a later one left out. Of what was made of
// a version that policies have made, or of a later one, it is those of such versions.
func (s *Service) privateIn(ctx context.Context, d *Dataset, r Release) (map[string]pii.Kind, error) {
	private := make(map[string]pii.Kind)
	all, err := s.history.list(ctx, d)
	if err != nil || d.Version == nil {
		return private, err
	}
	open := false
	for _, v := range all {
		if v.Version.JobID == r.JobID || r.Version > 0 && v.Version.number() == r.Version {
			open = !d.Sealed(v)
			if d.Erased(v) {
				return nil, ErrSealed(d, v.Version.number())
			}
		}
	}
	for _, v := range all {
		if open && d.Sealed(v) {
			continue
		}
		then := *d
		then.Version = &v.Version
		maps.Copy(private, then.Private())
	}
	if d.SealedBefore == 0 || open {
		maps.Copy(private, d.Private())
	}
	return private, nil
}
