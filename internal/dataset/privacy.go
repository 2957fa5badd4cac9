package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
)

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
		there := true
		if d.Version != nil {
			_, there = d.Version.Schema.Lookup(name)
		}
		if policy == PolicyAllow {
			delete(private, name)
		} else if private[name] == "" && there {
			private[name] = pii.Other
		}
	}
	for name, kind := range d.since {
		if private[name] == "" {
			private[name] = kind
		}
	}
	if d.Version != nil {
		for name := range d.Version.Concealed { // there is nothing left to hide
			delete(private, name)
		}
	}
	return private
}

// told returns what people have said about columns, and what is known of those that
// steps have made, for a profile.
func (d *Dataset) told() map[string]pii.Kind {
	told := make(map[string]pii.Kind)
	private := d.Private()
	for name, policy := range d.Privacy {
		told[name] = private[name]
		if told[name] == "" && policy != PolicyAllow { // of a version that is to be
			told[name] = pii.Other
		}
	}
	if d.Version != nil {
		for _, f := range d.Version.PII {
			if f.Made && private[f.Column] != "" {
				told[f.Column] = private[f.Column]
			}
		}
		for name := range d.Version.Concealed {
			told[name] = ""
		}
	}
	return told
}

// settled returns the state of a data set of this version: ready, unless policies
// are to be applied, or its findings to be confirmed first.
func (d *Dataset) settled(rules *Rules) State {
	if len(d.unprotected(rules)) > 0 {
		return NeedsPolicy
	}
	if !d.ConfirmedAt.IsZero() {
		return Ready
	}
	for name, kind := range d.Private() {
		if d.policy(rules, name, kind) == PolicyConfirm {
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
	Revision    int64  // of the data set
	JobID       string // that applies policies, or did so last
	// SealedBefore is the first version that can be used, if a policy has made it;
	// of those before, and of the file, ErasedBefore says that they are erased.
	SealedBefore int
	ErasedBefore int
}

// PrivateColumn is a column of personal data, or one that was said to be none.
type PrivateColumn struct {
	pii.Finding
	Policy  Policy
	Found   bool // and not only said by people
	Applied bool // the policy has taken the values away
}

// Privacy returns what is known about personal data of the tenant's data set, also
// of one that waits for a confirmation.
func (s *Service) Privacy(ctx context.Context, tenant, id string) (*Privacy, error) {
	d, err := s.ingested(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	rules, err := s.rules.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return s.privacy(d, rules), nil
}

// ingested returns a data set that has a version, also one that waits for a
// confirmation or for its policies.
func (s *Service) ingested(ctx context.Context, tenant, id string) (*Dataset, error) {
	d, err := s.get(ctx, tenant, id)
	if err == nil && (d.State == NeedsConfirmation || d.State == NeedsPolicy) {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	return s.ready(ctx, tenant, id)
}

func (s *Service) privacy(d *Dataset, rules *Rules) *Privacy {
	p := &Privacy{
		DatasetID: d.ID, Version: d.Version.number(), Scanned: d.Version.Scanned, Risk: pii.NoRisk, Columns: []PrivateColumn{},
		State: d.State, ConfirmedBy: d.ConfirmedBy, ConfirmedAt: d.ConfirmedAt,
		Revision: d.Revision, JobID: d.ProtectJobID, SealedBefore: d.SealedBefore, ErasedBefore: d.ErasedBefore,
	}
	found := make(map[string]bool)
	for _, f := range d.Version.PII {
		found[f.Column] = true
		p.Columns = append(p.Columns, PrivateColumn{Finding: f, Policy: d.policy(rules, f.Column, f.Kind), Found: true})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Version.Concealed)) {
		found[name] = true
		done := d.Version.Concealed[name]
		p.Columns = append(p.Columns, PrivateColumn{Finding: pii.Finding{Column: name, Kind: done.Kind, Confidence: 1, Risk: pii.Low}, Policy: done.Policy, Applied: true})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Privacy)) {
		if _, there := d.Version.Schema.Lookup(name); there && !found[name] && d.Privacy[name] != PolicyAllow {
			p.Columns = append(p.Columns, PrivateColumn{Finding: pii.Finding{Column: name, Kind: pii.Other, Confidence: 1, Risk: pii.Medium}, Policy: d.Privacy[name]})
		}
	}
	for _, c := range p.Columns {
		if c.Policy != PolicyAllow && !c.Applied {
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

// SetPolicies sets what is done about columns, found or not, of the data set of that
// revision, nil for any. To allow a column of personal data shows its values to
// everybody of the tenant, and takes the right to see them; so does what is less than
// the tenant's rules say. Policies that take values away are applied by a job, which
// is nil when there is nothing to apply.
func (s *Service) SetPolicies(ctx context.Context, caller account.Caller, id string, changes []PolicyChange, revision *int64) (*Privacy, *job.Job, error) {
	d, err := s.ingested(ctx, caller.Tenant, id)
	if err != nil {
		return nil, nil, err
	}
	rules, err := s.rules.of(ctx, caller.Tenant)
	if err != nil {
		return nil, nil, err
	}
	if revision != nil && d.Revision != *revision {
		return nil, nil, errPrivacyChanged(id)
	}
	if err := s.checkPolicies(d, caller, rules, changes); err != nil {
		return nil, nil, err
	}
	if err := s.checkShown(ctx, d, caller, changes); err != nil {
		return nil, nil, err
	}
	then := *d
	then.set(changes)
	if maps.Equal(then.Privacy, d.Privacy) {
		running, err := s.underWay(ctx, d)
		return s.privacy(d, rules), running, err
	}
	if todo := then.unprotected(rules); len(todo) > 0 || d.State == NeedsPolicy {
		if err := s.protectable(caller.Tenant, d, todo); err != nil {
			return nil, nil, err
		}
		if err := s.idle(ctx, d); err != nil {
			return nil, nil, err
		}
	}
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Column + "=" + string(c.Policy)
	}
	if err := s.note(ctx, caller, d, ActionPolicy, names); err != nil {
		return nil, nil, err
	}
	shown := false
	d, err = s.table.Update(ctx, d.ID, func(d *Dataset) error {
		if d.Deleted || d.Version == nil {
			return store.ErrUnchanged
		}
		if revision != nil && d.Revision != *revision {
			return errPrivacyChanged(id)
		}
		before := d.Private()
		d.set(changes)
		maps.DeleteFunc(before, func(name string, _ pii.Kind) bool { return d.Privacy[name] != PolicyAllow })
		shown = len(before) > 0
		d.State = d.settled(rules)
		return nil
	})
	if err != nil {
		return nil, nil, storeFault(err)
	}
	if shown && d.State == Ready { // what was found in them is masked in the profile that there is
		j, _, err := s.Reprofile(ctx, caller.Tenant, caller.User, id, "")
		return s.privacy(d, rules), j, err
	}
	return s.apply(ctx, caller, d, rules)
}

// set notes policies of columns. A confirmation holds for what was known then.
func (d *Dataset) set(changes []PolicyChange) {
	wanted := maps.Clone(d.Privacy)
	if wanted == nil {
		wanted = make(map[string]Policy)
	}
	for _, c := range changes {
		if c.Policy == PolicyConfirm && wanted[c.Column] != PolicyConfirm {
			d.ConfirmedBy, d.ConfirmedAt = "", time.Time{}
		}
		wanted[c.Column] = c.Policy
	}
	d.Privacy = wanted
}

func errPrivacyChanged(id string) error {
	return fault.Conflict(CodePrivacyChanged, "data set %s was changed meanwhile; read its policies again and decide on what they are now", id)
}

func (s *Service) checkPolicies(d *Dataset, caller account.Caller, rules *Rules, changes []PolicyChange) error {
	if len(changes) == 0 || len(changes) > maxChanges {
		return fault.Invalid("pii_invalid", "the change names %d columns; name 1 to %d", len(changes), maxChanges).
			With(fault.Field{Location: "body.columns", Message: "must name columns"})
	}
	var wrong []fault.Field
	seen := make(map[string]bool)
	for i, c := range changes {
		at := "body.columns[" + strconv.Itoa(i) + "]"
		if _, ok := d.Version.Schema.Lookup(c.Column); !ok {
			message := "no such column"
			if d.Privacy[c.Column] == PolicyDrop {
				message = "there is no such column any more: its policy has dropped it"
			}
			wrong = append(wrong, fault.Field{Location: at + ".column", Message: message, Value: c.Column})
		}
		if seen[c.Column] {
			wrong = append(wrong, fault.Field{Location: at + ".column", Message: "was named before", Value: c.Column})
		}
		seen[c.Column] = true
		done, concealed := d.Version.Concealed[c.Column]
		switch {
		case !slices.Contains(Policies(), c.Policy):
			wrong = append(wrong, fault.Field{Location: at + ".policy", Message: "must be one of " + list(Policies()), Value: string(c.Policy)})
		case concealed && c.Policy != done.Policy && c.Policy != PolicyDrop:
			wrong = append(wrong, fault.Field{Location: at + ".policy", Message: fmt.Sprintf("version %d does not have the values any more, since the policy %s was applied; it can be dropped", d.Version.number(), done.Policy), Value: string(c.Policy)})
		case c.Policy == PolicyHash:
			wrong = append(wrong, s.hashes(caller.Tenant, at+".policy")...)
		}
	}
	if err := wrongPolicies(wrong); err != nil {
		return err
	}
	private := d.Private()
	for _, c := range changes {
		kind, hidden := private[c.Column]
		if !hidden || caller.Has(account.RoleSteward) {
			continue
		}
		if rules.Of(kind).Protects() && !c.Policy.Protects() {
			return errSteward(fmt.Sprintf("to do less about column %q than the tenant's policy for it, %s,", c.Column, rules.Of(kind)))
		}
	}
	return nil
}

// checkShown refuses to those who may not see values what would show some: of a column
// that is hidden, also where that is in another version, since the policy of a name
// holds for all of them.
func (s *Service) checkShown(ctx context.Context, d *Dataset, caller account.Caller, changes []PolicyChange) error {
	allows := func(c PolicyChange) bool { return c.Policy == PolicyAllow }
	if caller.Has(account.RoleSteward) || !slices.ContainsFunc(changes, allows) {
		return nil
	}
	all, err := s.history.list(ctx, d)
	if err != nil {
		return err
	}
	hidden := d.Private()
	for _, v := range all {
		then := *d
		then.Version = &v.Version
		maps.Copy(hidden, then.Private())
	}
	for _, c := range changes {
		if _, ok := hidden[c.Column]; ok && allows(c) {
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
	rules, err := s.rules.of(ctx, caller.Tenant)
	if err != nil {
		return nil, err
	}
	if d.State != NeedsConfirmation {
		return s.privacy(d, rules), nil
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
	return s.privacy(d, rules), nil
}

// Unmasked is Preview of a version, 0 for the newest, with the values as they are, for a
// caller who may see them. It is written down first who sees what; if that cannot be,
// nothing is shown.
func (s *Service) Unmasked(ctx context.Context, caller account.Caller, id string, number, limit int) (*Preview, error) {
	if !caller.Has(account.RoleSteward) {
		return nil, errSteward("to see personal data unmasked")
	}
	d, err := s.Look(ctx, caller.Tenant, id, number)
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

// masked masks what a profile shows of columns that people have said to be personal
// since it was made, and of older versions of all that are hidden by now. What was found
// then is masked in it.
func masked(d *Dataset, b []byte) ([]byte, error) {
	private := d.shown()
	if len(private) == 0 {
		return b, nil
	}
	p, err := profile.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", d.ID, err)
	}
	if !p.Mask(private) {
		return b, nil
	}
	if b, err = json.Marshal(p); err != nil {
		return nil, fmt.Errorf("encode profile of data set %s: %w", d.ID, err)
	}
	return b, nil
}
