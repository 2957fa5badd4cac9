package dataset

import (
	"context"
	"errors"
	"maps"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// Look returns the tenant's data set as it was with a version, to be shown; 0 means
// the newest. Preview, ProfileOf and Chart show what it is made of then, whatever
// becomes of it. What is hidden of the newest is hidden of an older one, too. It
// returns fault.Conflict "dataset_not_ready" before the data set has been ingested, and
// refuses versions as [Service.At] does.
func (s *Service) Look(ctx context.Context, tenant, id string, number int) (*Dataset, error) {
	d, err := s.ready(ctx, tenant, id)
	if err != nil || number == 0 || number == d.Version.number() {
		return d, err
	}
	if number < 0 || number > d.Version.number() { // one that is being published is not there yet
		return nil, errNoVersion(d, number)
	}
	then, _, err := s.at(ctx, d, number)
	if err != nil {
		return nil, err
	}
	p, err := s.descent(ctx, d, number)
	if err != nil {
		return nil, err
	}
	then.since = d.hides(then.Version, p)
	return then, nil
}

// hides returns the columns of an older version that are hidden because of the newest,
// whatever is known of the older one itself. Where the newest hides a column that is not
// known to be made of a hidden one, and that may not be the one of that name there, all
// are hidden that it may have been made of.
func (d *Dataset) hides(older *Version, p *descent) map[string]pii.Kind {
	hidden, known := d.Private(), make(map[string]bool)
	for name, done := range d.Version.Concealed {
		if d.Privacy[name] != PolicyAllow {
			hidden[name] = done.Kind
		}
	}
	for _, f := range d.Version.PII {
		known[f.Column] = f.Made
	}
	since, anything := make(map[string]pii.Kind), false
	for name, kind := range hidden {
		_, there := older.Schema.Lookup(name)
		if there {
			since[name] = kind
		}
		if !known[name] && (!there || p.carries(name)) {
			anything = true
		}
	}
	for _, f := range older.Schema {
		if anything && since[f.Name] == "" && p.carries(f.Name) {
			since[f.Name] = pii.Other
		}
	}
	return since
}

// shown returns the columns whose values a profile that was made before has to mask.
func (d *Dataset) shown() map[string]pii.Kind {
	if d.since != nil { // what was found then may have been allowed then
		return d.Private()
	}
	told := d.told()
	maps.DeleteFunc(told, func(_ string, k pii.Kind) bool { return k == "" })
	return told
}

// ReadAs says how the file was read, whatever was made of it since; nil before.
func (d *Dataset) ReadAs() *tabular.Format {
	if d.FileFormat == nil && d.Version != nil && d.Version.number() == 1 {
		return &d.Version.Format
	}
	return d.FileFormat
}

// recallFormat finds out how the file was read of which records of old programs do
// not say it.
func (s *Service) recallFormat(ctx context.Context, d *Dataset) error {
	if d.Version == nil || d.ReadAs() != nil {
		return nil
	}
	r, err := s.history.table.Get(ctx, revisionID(d.ID, 1))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return storeFault(err)
	}
	d.FileFormat = &r.Version.Format
	return nil
}
