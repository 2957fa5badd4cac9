package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
)

// ProtectKind declares the job that applies policies: it makes a version in which
// values of persons are masked, hashed or gone.
func ProtectKind() job.Kind {
	return job.Kind{Name: "protect", Pool: "data", Version: 1, Timeout: 6 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// ProtectRequest is the payload of a protect job.
type ProtectRequest struct {
	DatasetID string                 `json:"dataset_id"`
	Version   int                    `json:"version"` // that the policies are applied to
	Columns   map[string]Concealment `json:"columns"`
}

// Concealment is what is done, or was done, to the values of a column.
type Concealment struct {
	Policy Policy   `json:"policy"`
	Kind   pii.Kind `json:"type"`
}

// protectMemory is what a protect job takes: it streams.
const protectMemory = 384 << 20

// Codes of data sets whose policies keep something back.
const (
	CodeUnprotected = "pii_unprotected" // policies are to be applied before it can be used
	CodeSealed      = "version_sealed"  // it holds what a policy has taken away since
	CodeErased      = "version_erased"  // it held that, and its files are deleted
)

func errUnprotected(d *Dataset) error {
	what := "apply its policies"
	if d.ProtectJobID != "" {
		what = "wait for its job " + d.ProtectJobID + ", or apply its policies again if that has failed"
	}
	return fault.Conflict(CodeUnprotected, "data set %s holds personal data that its policies mask, hash or drop, and that is not done yet; %s", d.ID, what)
}

// ErrSealed says that a version cannot be read, since a policy has taken away since
// what it holds.
func ErrSealed(d *Dataset, number int) error {
	if number < d.ErasedBefore {
		return fault.Conflict(CodeErased, "version %d of data set %s held personal data, and its files are erased; neither it nor the file can be read or made again: use version %d or a later one", number, d.ID, d.SealedBefore)
	}
	return fault.Conflict(CodeSealed, "version %d of data set %s holds personal data that a policy has taken away since; use version %d or a later one", number, d.ID, d.SealedBefore)
}

// Sealed reports whether a version holds what a policy has taken away since: it is
// older than the version that the policy made, or was made of an older one when that
// was published.
func (d *Dataset) Sealed(r *Revision) bool {
	n := r.Version.number()
	return d.SealedBefore > 0 && n != d.SealedBefore && (n < d.SealedBefore || r.Parent < d.SealedBefore)
}

// Erased reports whether the files of a sealed version are deleted.
func (d *Dataset) Erased(r *Revision) bool {
	n := r.Version.number()
	return d.ErasedBefore > 0 && n != d.ErasedBefore && (n < d.ErasedBefore || r.Parent < d.ErasedBefore)
}

// policy returns what is done about a column that holds the kind.
func (d *Dataset) policy(rules *Rules, column string, kind pii.Kind) Policy {
	if p := d.Privacy[column]; p != "" {
		return p
	}
	return rules.Of(kind)
}

// unprotected returns the columns of the newest version whose values are to be taken
// away, and how.
func (d *Dataset) unprotected(rules *Rules) map[string]Concealment {
	if d.Version == nil {
		return nil
	}
	todo := make(map[string]Concealment)
	for name, kind := range d.Private() {
		if _, there := d.Version.Schema.Lookup(name); !there {
			continue
		}
		if p := d.policy(rules, name, kind); p.Protects() {
			todo[name] = Concealment{p, kind}
		}
	}
	// What is masked or hashed can still be dropped.
	for name, done := range d.Version.Concealed {
		if d.Privacy[name] == PolicyDrop {
			todo[name] = Concealment{PolicyDrop, done.Kind}
		}
	}
	return todo
}

// Submitter takes jobs.
type Submitter interface {
	Submit(ctx context.Context, s job.Submission) (*job.Job, bool, error)
}

// guardian sees to it that policies are applied.
type guardian struct {
	table *store.Table[Dataset, *Dataset]
	jobs  Submitter
}

// protect submits the job that applies the policies of a data set that waits for
// that. The same policies for the same version are one job; after, if it is not
// empty, is one that has failed, which is done again.
func (g guardian) protect(ctx context.Context, d *Dataset, rules *Rules, user, after string) (*job.Job, error) {
	req := ProtectRequest{DatasetID: d.ID, Version: d.Version.number(), Columns: d.unprotected(rules)}
	b, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encode policies of data set %s: %w", d.ID, err)
	}
	j, _, err := g.jobs.Submit(ctx, job.Submission{
		Kind: ProtectKind(), Tenant: d.Tenant, User: user, Subject: d.ID, Payload: req, Memory: protectMemory,
		IdempotencyKey: fmt.Sprintf("%s %d %.8x %s", d.ID, req.Version, sha256.Sum256(b), after),
	})
	if err != nil {
		return nil, fmt.Errorf("submit the policies of data set %s: %w", d.ID, err)
	}
	_, err = g.table.Update(ctx, d.ID, func(d *Dataset) error {
		if d.ProtectJobID == j.ID {
			return store.ErrUnchanged
		}
		d.ProtectJobID = j.ID
		return nil
	})
	d.ProtectJobID = j.ID
	return j, storeFault(err)
}

// published is called after a version was published: where policies are to be applied
// to it, that is submitted.
func (r *Runner) published(ctx context.Context, d *Dataset, rules *Rules) error {
	if d == nil || d.Deleted || d.State != NeedsPolicy || len(d.unprotected(rules)) == 0 {
		return nil
	}
	_, err := r.guardian.protect(ctx, d, rules, d.User, "")
	return err
}

// Apply applies the policies that hold for the columns of a data set and were not
// applied yet. When there are none it changes nothing, and the job is nil.
func (s *Service) Apply(ctx context.Context, caller account.Caller, id string) (*Privacy, *job.Job, error) {
	d, err := s.ingested(ctx, caller.Tenant, id)
	if err != nil {
		return nil, nil, err
	}
	rules, err := s.rules.of(ctx, caller.Tenant)
	if err != nil {
		return nil, nil, err
	}
	todo := d.unprotected(rules)
	if len(todo) == 0 {
		return s.privacy(d, rules), nil, nil
	}
	if err := s.protectable(caller.Tenant, d, todo); err != nil {
		return nil, nil, err
	}
	if running, err := s.underWay(ctx, d); err != nil || running != nil {
		return s.privacy(d, rules), running, err
	}
	if err := s.idle(ctx, d); err != nil {
		return nil, nil, err
	}
	if err := s.note(ctx, caller, d, ActionApply, concealments(todo)); err != nil {
		return nil, nil, err
	}
	d, err = s.table.Update(ctx, d.ID, func(d *Dataset) error {
		state := d.settled(rules)
		if d.Deleted || d.Version == nil || d.State == state {
			return store.ErrUnchanged
		}
		d.State = state
		return nil
	})
	if err != nil {
		return nil, nil, storeFault(err)
	}
	return s.apply(ctx, caller, d, rules)
}

// Protectable returns the data set for the job that applies policies to the version,
// which has to be the newest.
func (s *Service) Protectable(ctx context.Context, tenant, id string, number int) (*Dataset, error) {
	d, err := s.ingested(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if d.Version.number() != number {
		return nil, fault.Conflict("version_not_newest", "policies are applied to version %d of data set %s, and there is version %d by now", number, id, d.Version.number())
	}
	then, v := *d, *d.Version
	v.Number = number
	then.Version = &v
	return &then, nil
}

// apply submits the job of a data set that waits for its policies.
func (s *Service) apply(ctx context.Context, caller account.Caller, d *Dataset, rules *Rules) (*Privacy, *job.Job, error) {
	if d.State != NeedsPolicy || len(d.unprotected(rules)) == 0 {
		return s.privacy(d, rules), nil, nil
	}
	j, err := s.guardian.protect(ctx, d, rules, caller.User, d.ProtectJobID)
	if err != nil {
		return nil, nil, err
	}
	return s.privacy(d, rules), j, nil
}

// underWay returns the job that applies the policies of the data set, if it has not
// ended.
func (s *Service) underWay(ctx context.Context, d *Dataset) (*job.Job, error) {
	if d.State != NeedsPolicy || d.ProtectJobID == "" {
		return nil, nil
	}
	j, err := s.jobs.Get(ctx, d.Tenant, d.ProtectJobID)
	switch {
	case fault.ClassOf(err) == fault.ClassNotFound:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("policies of data set %s: %w", d.ID, err)
	case j.State.Terminal():
		return nil, nil
	}
	return j, nil
}

// idle refuses a change while a job is about the data set.
func (s *Service) idle(ctx context.Context, d *Dataset) error {
	active, err := s.jobs.Active(ctx, d.ID)
	if err != nil {
		return fmt.Errorf("look for jobs of data set %s: %w", d.ID, err)
	}
	if active {
		return fault.Conflict("dataset_in_use", "a job about data set %s has not ended; its policies can be applied after it", d.ID)
	}
	return nil
}

// protectable says what is wrong with applying the policies.
func (s *Service) protectable(tenant string, d *Dataset, todo map[string]Concealment) error {
	var wrong []fault.Field
	dropped := 0
	for _, name := range slices.Sorted(maps.Keys(todo)) {
		at := fmt.Sprintf("column %q", name)
		switch todo[name].Policy {
		case PolicyDrop:
			dropped++
		case PolicyHash:
			wrong = append(wrong, s.hashes(tenant, at)...)
		case PolicyWarn, PolicyConfirm, PolicyAllow, PolicyMask:
		}
		if dropped == len(d.Version.Schema) {
			wrong = append(wrong, fault.Field{Location: at, Message: "is the last column that is left; a table needs one", Value: string(PolicyDrop)})
		}
	}
	return wrongPolicies(wrong)
}

func concealments(todo map[string]Concealment) []string {
	var details []string
	for _, name := range slices.Sorted(maps.Keys(todo)) {
		details = append(details, name+"="+string(todo[name].Policy))
	}
	return details
}

// Erase gives up what is sealed of a data set, the file as it was uploaded and the
// versions: their records stay, with their hashes, and the next clean-up deletes
// their files, also of versions that are pinned or used. It takes the right to see
// personal data, and cannot be undone.
func (s *Service) Erase(ctx context.Context, caller account.Caller, id string) (*Privacy, error) {
	if !caller.Has(account.RoleSteward) {
		return nil, errSteward("to erase what is sealed of a data set")
	}
	d, err := s.ingested(ctx, caller.Tenant, id)
	if err != nil {
		return nil, err
	}
	rules, err := s.rules.of(ctx, caller.Tenant)
	if err != nil {
		return nil, err
	}
	if d.SealedBefore == 0 {
		return nil, fault.Conflict("nothing_sealed", "nothing of data set %s is sealed: no policy has masked, hashed or dropped any of its columns", id)
	}
	if d.ErasedBefore == d.SealedBefore {
		return s.privacy(d, rules), nil
	}
	if err := s.idle(ctx, d); err != nil {
		return nil, err
	}
	if err := s.note(ctx, caller, d, ActionErase, []string{fmt.Sprintf("versions before %d, and the file", d.SealedBefore)}); err != nil {
		return nil, err
	}
	d, err = s.table.Update(ctx, d.ID, func(d *Dataset) error {
		if d.Deleted || d.ErasedBefore == d.SealedBefore {
			return store.ErrUnchanged
		}
		d.ErasedBefore = d.SealedBefore
		return nil
	})
	if err != nil {
		return nil, storeFault(err)
	}
	return s.privacy(d, rules), nil
}
