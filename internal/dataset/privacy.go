package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
)

// Policy says what is done about a column of personal data.
type Policy string

// The policies. Whatever it is but PolicyAllow, values are shown masked.
const (
	PolicyWarn    Policy = "warn"    // it is said
	PolicyConfirm Policy = "confirm" // nothing is done with the data set before somebody has confirmed it
	PolicyAllow   Policy = "allow"   // it is no personal data, and shown as it is
)

// Policies returns all policies.
func Policies() []Policy { return []Policy{PolicyWarn, PolicyConfirm, PolicyAllow} }

// CodeUnconfirmed says that a data set waits for a confirmation.
const CodeUnconfirmed = "pii_unconfirmed"

func errUnconfirmed(id string) error {
	return fault.Conflict(CodeUnconfirmed, "data set %s holds personal data and waits for a confirmation; look at its findings, and confirm them", id)
}

// Private returns the columns whose values are shown masked, and what they hold.
func (d *Dataset) Private() map[string]pii.Kind {
	private := make(map[string]pii.Kind)
	if d.Version != nil {
		for _, f := range d.Version.PII {
			private[f.Column] = f.Kind
		}
	}
	for name, policy := range d.Privacy {
		if policy == PolicyAllow {
			delete(private, name)
		} else if private[name] == "" {
			private[name] = pii.Other
		}
	}
	return private
}

// told returns what people have said about columns, for a profile.
func (d *Dataset) told() map[string]pii.Kind {
	told := make(map[string]pii.Kind)
	private := d.Private()
	for name := range d.Privacy {
		told[name] = private[name]
	}
	return told
}

// settled returns the state of a data set of this version: ready, unless its
// findings are to be confirmed first.
func (d *Dataset) settled(standard Policy) State {
	if !d.ConfirmedAt.IsZero() {
		return Ready
	}
	for name := range d.Private() {
		policy := d.Privacy[name]
		if policy == PolicyConfirm || policy == "" && standard == PolicyConfirm {
			return NeedsConfirmation
		}
	}
	return Ready
}

// Privacy is what is known about the personal data of a data set.
type Privacy struct {
	DatasetID   string
	Version     int
	Scanned     bool // somebody has looked; tables of old programs were not looked at
	Risk        pii.Risk
	Columns     []PrivateColumn
	State       State
	ConfirmedBy string
	ConfirmedAt time.Time
}

// PrivateColumn is a column of personal data, or one that was said to be none.
type PrivateColumn struct {
	pii.Finding
	Policy Policy
	Found  bool // and not only said by people
}

// Privacy returns what is known about personal data of the tenant's data set, also
// of one that waits for a confirmation.
func (s *Service) Privacy(ctx context.Context, tenant, id string) (*Privacy, error) {
	d, err := s.ingested(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return s.privacy(d), nil
}

// ingested returns a data set that has a version, confirmed or not.
func (s *Service) ingested(ctx context.Context, tenant, id string) (*Dataset, error) {
	d, err := s.Get(ctx, tenant, id)
	if err == nil && d.State == NeedsConfirmation {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	return s.ready(ctx, tenant, id)
}

func (s *Service) privacy(d *Dataset) *Privacy {
	p := &Privacy{
		DatasetID: d.ID, Version: d.Version.number(), Scanned: d.Version.Scanned, Risk: pii.NoRisk, Columns: []PrivateColumn{},
		State: d.State, ConfirmedBy: d.ConfirmedBy, ConfirmedAt: d.ConfirmedAt,
	}
	found := make(map[string]bool)
	for _, f := range d.Version.PII {
		found[f.Column] = true
		c := PrivateColumn{Finding: f, Policy: d.Privacy[f.Column], Found: true}
		if c.Policy == "" {
			c.Policy = s.policy
		}
		p.Columns = append(p.Columns, c)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Privacy)) {
		if _, there := d.Version.Schema.Lookup(name); there && !found[name] && d.Privacy[name] != PolicyAllow {
			p.Columns = append(p.Columns, PrivateColumn{Finding: pii.Finding{Column: name, Kind: pii.Other, Confidence: 1, Risk: pii.Medium}, Policy: d.Privacy[name]})
		}
	}
	for _, c := range p.Columns {
		if c.Policy != PolicyAllow {
			p.Risk = pii.Worst(p.Risk, c.Risk)
		}
	}
	return p
}

// PolicyChange sets the policy of a column.
type PolicyChange struct {
	Column string
	Policy Policy
}

// SetPolicies sets what is done about columns, found or not. To allow a column of
// personal data shows its values to everybody of the tenant, and takes the right to
// see them.
func (s *Service) SetPolicies(ctx context.Context, caller account.Caller, id string, changes []PolicyChange) (*Privacy, error) {
	d, err := s.ingested(ctx, caller.Tenant, id)
	if err != nil {
		return nil, err
	}
	if err := checkPolicies(d, caller, changes); err != nil {
		return nil, err
	}
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Column + "=" + string(c.Policy)
	}
	if err := s.note(ctx, caller, d, ActionPolicy, names); err != nil {
		return nil, err
	}
	d, err = s.table.Update(ctx, d.ID, func(d *Dataset) error {
		if d.Deleted || d.Version == nil {
			return store.ErrUnchanged
		}
		wanted := maps.Clone(d.Privacy)
		if wanted == nil {
			wanted = make(map[string]Policy)
		}
		asked := false
		for _, c := range changes {
			asked = asked || c.Policy == PolicyConfirm && wanted[c.Column] != PolicyConfirm
			wanted[c.Column] = c.Policy
		}
		if maps.Equal(wanted, d.Privacy) {
			return store.ErrUnchanged
		}
		d.Privacy = wanted
		if asked {
			d.ConfirmedBy, d.ConfirmedAt = "", time.Time{}
		}
		d.State = d.settled(s.policy)
		return nil
	})
	if err != nil {
		return nil, storeFault(err)
	}
	return s.privacy(d), nil
}

func checkPolicies(d *Dataset, caller account.Caller, changes []PolicyChange) error {
	if len(changes) == 0 || len(changes) > maxChanges {
		return fault.Invalid("pii_invalid", "the change names %d columns; name 1 to %d", len(changes), maxChanges).
			With(fault.Field{Location: "body.columns", Message: "must name columns"})
	}
	var wrong []fault.Field
	seen := make(map[string]bool)
	for i, c := range changes {
		at := "body.columns[" + strconv.Itoa(i) + "]"
		if _, ok := d.Version.Schema.Lookup(c.Column); !ok {
			wrong = append(wrong, fault.Field{Location: at + ".column", Message: "no such column", Value: c.Column})
		}
		if seen[c.Column] {
			wrong = append(wrong, fault.Field{Location: at + ".column", Message: "was named before", Value: c.Column})
		}
		seen[c.Column] = true
		if !slices.Contains(Policies(), c.Policy) {
			wrong = append(wrong, fault.Field{Location: at + ".policy", Message: "must be one of " + list(Policies()), Value: string(c.Policy)})
		}
	}
	if len(wrong) > 0 {
		const show = 50
		return fault.Invalid("pii_invalid", "%d policies of columns cannot be: %s %s", len(wrong), wrong[0].Location, wrong[0].Message).With(wrong[:min(len(wrong), show)]...)
	}
	private := d.Private()
	for _, c := range changes {
		if _, hidden := private[c.Column]; hidden && c.Policy == PolicyAllow && !caller.Has(account.RoleSteward) {
			return errSteward("to show the values of column " + strconv.Quote(c.Column))
		}
	}
	return nil
}

// errSteward says that the caller may not see values.
func errSteward(what string) error {
	return fault.New(fault.ClassForbidden, "role_required", "%s needs the role %s", what, account.RoleSteward)
}

// Confirm notes that somebody knows of the personal data, after which the data set
// can be used.
func (s *Service) Confirm(ctx context.Context, caller account.Caller, id string) (*Privacy, error) {
	d, err := s.ingested(ctx, caller.Tenant, id)
	if err != nil {
		return nil, err
	}
	if d.State != NeedsConfirmation {
		return s.privacy(d), nil
	}
	if err := s.note(ctx, caller, d, ActionConfirm, slices.Sorted(maps.Keys(d.Private()))); err != nil {
		return nil, err
	}
	d, err = s.table.Update(ctx, d.ID, func(d *Dataset) error {
		if d.Deleted || d.State != NeedsConfirmation {
			return store.ErrUnchanged
		}
		d.ConfirmedBy, d.ConfirmedAt, d.State = caller.User, s.now().UTC(), Ready
		return nil
	})
	if err != nil {
		return nil, storeFault(err)
	}
	return s.privacy(d), nil
}

// Unmasked is Preview with the values as they are, for a caller who may see them.
// It is written down first who sees what; if that cannot be, nothing is shown.
func (s *Service) Unmasked(ctx context.Context, caller account.Caller, id string, limit int) (*Preview, error) {
	if !caller.Has(account.RoleSteward) {
		return nil, errSteward("to see personal data unmasked")
	}
	d, err := s.ready(ctx, caller.Tenant, id)
	if err != nil {
		return nil, err
	}
	p, err := s.preview(ctx, d, limit)
	if err != nil {
		return nil, err
	}
	private := d.Private()
	if len(private) == 0 {
		return p, nil
	}
	if err := s.note(ctx, caller, d, ActionRead, slices.Sorted(maps.Keys(private))); err != nil {
		return nil, err
	}
	return p, nil
}

// mask masks the rows of a preview.
func (p *Preview) mask(private map[string]pii.Kind) {
	for k, f := range p.Schema {
		kind, ok := private[f.Name]
		if !ok {
			continue
		}
		p.Masked = append(p.Masked, f.Name)
		for _, row := range p.Rows {
			row[k] = pii.MaskAny(kind, row[k])
		}
	}
}

// Release names a file of a job that is about a data set.
type Release struct {
	DatasetID string
	JobID     string
	File      string
	Column    string // the only one of the data set's in it; empty: all are
}

// Release is asked before a link to a file with the rows of a data set is given out:
// where they hold personal data that takes the right to see it, and is written down.
func (s *Service) Release(ctx context.Context, caller account.Caller, r Release) error {
	d, err := s.table.Get(ctx, r.DatasetID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // gone for good, and so nothing is known of it
	}
	if err != nil {
		return storeFault(err)
	}
	private, err := s.everPrivate(ctx, d)
	if err != nil {
		return err
	}
	if r.Column != "" {
		maps.DeleteFunc(private, func(name string, _ pii.Kind) bool { return name != r.Column })
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

// everPrivate returns the columns of personal data of all versions: files of one
// have what a later one left out.
func (s *Service) everPrivate(ctx context.Context, d *Dataset) (map[string]pii.Kind, error) {
	private := d.Private()
	all, err := s.history.list(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		then := *d
		then.Version = &r.Version
		maps.Copy(private, then.Private())
	}
	return private, nil
}

// masked masks what a profile shows of columns that people have said to be personal
// since it was made. What was found then is masked in it.
func masked(d *Dataset, b []byte) ([]byte, error) {
	told := d.told()
	maps.DeleteFunc(told, func(_ string, k pii.Kind) bool { return k == "" })
	if len(told) == 0 {
		return b, nil
	}
	p, err := profile.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", d.ID, err)
	}
	if !p.Mask(told) {
		return b, nil
	}
	if b, err = json.Marshal(p); err != nil {
		return nil, fmt.Errorf("encode profile of data set %s: %w", d.ID, err)
	}
	return b, nil
}
