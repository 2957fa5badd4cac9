package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

const (
	// MaxBatch is how many jobs a batch may have.
	MaxBatch = 100
	// maxBatchPayload is how many bytes their payloads may have together.
	maxBatchPayload = 4 << 20
	// batchPatience is after what time the keeper takes a batch to be left behind
	// by whoever stored it.
	batchPatience = 30 * time.Second
)

// Member is one job of a batch. What it comes after are names of other members
// or identifiers of jobs.
type Member struct {
	Name string // of its own in the batch, made of letters, digits and "._-"
	Submission
}

// batch is a record from which jobs are made: it is written at once, so that
// all of them come to be or none.
type batch struct {
	store.Meta
	Tenant         string        `json:"tenant"`
	IdempotencyKey string        `json:"idempotency_key"`
	Fingerprint    string        `json:"fingerprint"`
	IDs            []string      `json:"ids"`            // of the jobs, in the order of the request
	Jobs           []storedBatch `json:"jobs,omitempty"` // until they are made, those first that others come after
	StoredAt       time.Time     `json:"stored_at"`
}

// storedBatch is a job with its identifier, which is no part of its record.
type storedBatch struct {
	ID  string `json:"id"`
	Job *Job   `json:"job"`
}

type batchTable = store.Table[batch, *batch]

func newBatchTable(driver store.Driver) *batchTable {
	return store.NewTable[batch](driver, batchCollection())
}

func batchCollection() store.Collection {
	return store.Collection{Name: "job_batches", Indexes: []store.Index{
		{Name: "key", Fields: []store.IndexField{{Name: "tenant"}, {Name: "idempotency_key"}}, Unique: true},
		{Name: "open", Fields: []store.IndexField{{Name: "open", Type: store.Int}, {Name: "stored_at", Type: store.Int}}},
	}}
}

// Keys implements store.Entity.
func (b *batch) Keys() map[string]any {
	open := int64(0)
	if len(b.Jobs) > 0 {
		open = 1
	}
	return map[string]any{"tenant": b.Tenant, "idempotency_key": b.IdempotencyKey, "open": open, "stored_at": nanos(b.StoredAt)}
}

// SubmitBatch stores several jobs of one tenant, some of which come after
// others: all of them or none. Cycles, names that are used twice and names of
// nothing are refused before anything is stored. The key is that of the whole
// batch. The jobs come back in the order of the members.
func (s *Service) SubmitBatch(ctx context.Context, tenant, key string, members []Member) (jobs []*Job, created bool, err error) {
	b, err := s.gather(ctx, tenant, key, members)
	if err != nil {
		return nil, false, err
	}
	for _, one := range b.Jobs {
		if err == nil {
			err = s.admit(ctx, one.Job)
		}
	}
	if err == nil {
		err = s.tender.batches.Insert(ctx, b)
	}
	created = err == nil
	if !created {
		if b, err = s.sameBatch(ctx, b, err); err != nil {
			return nil, false, err
		}
	}
	if err := s.tender.make(ctx, b); err != nil {
		s.cfg.Observer.Trouble(ctx, "make_batch", nil, err) // the keeper makes what is missing
		return nil, false, storeFault(err)
	}
	for _, id := range b.IDs {
		j, err := s.Get(ctx, tenant, id)
		if err != nil {
			return nil, false, err
		}
		jobs = append(jobs, j)
	}
	return jobs, created, nil
}

// sameBatch returns the batch that stands under the key of one that was not
// stored, or why it was not.
func (s *Service) sameBatch(ctx context.Context, b *batch, refused error) (*batch, error) {
	page, err := s.tender.batches.Find(ctx, store.Query{Index: "key", Equal: []any{b.Tenant, b.IdempotencyKey}, Limit: 1})
	switch {
	case err != nil:
		return nil, storeFault(err)
	case len(page.Items) == 0:
		return nil, storeFault(refused)
	case page.Items[0].Fingerprint != b.Fingerprint:
		return nil, fault.Conflict("idempotency_key_reused", "The idempotency key was used for another batch; a new request needs a new key.").
			With(fault.Field{Location: "header.Idempotency-Key", Message: "use a key of its own for every request"})
	}
	return page.Items[0], nil
}

// gather checks the members and makes a batch of them.
func (s *Service) gather(ctx context.Context, tenant, key string, members []Member) (*batch, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	order, err := orderOf(members)
	if err != nil {
		return nil, err
	}
	b := &batch{Meta: store.Meta{ID: store.NewID("batch")}, Tenant: tenant, IdempotencyKey: key, StoredAt: stamp(s.cfg.Now)}
	if key == "" {
		b.IdempotencyKey = b.ID
	}
	made, sum, size := map[string]*Job{}, sha256.New(), 0
	for i, m := range members {
		m.Tenant, m.IdempotencyKey = tenant, ""
		j, err := s.prepare(m.Submission)
		if err != nil {
			return nil, Within(err, i, m.Kind.Name)
		}
		if size += len(j.Payload); size > maxBatchPayload {
			return nil, fault.TooLarge("payload_too_large", "The requests of the batch take more than %d bytes together.", maxBatchPayload)
		}
		_, _ = fmt.Fprintf(sum, "%q %s\n", m.Name, j.Fingerprint) // a hash never fails
		made[m.Name] = j
		b.IDs = append(b.IDs, j.ID)
	}
	b.Fingerprint = hex.EncodeToString(sum.Sum(nil))
	for i, m := range members {
		j := made[m.Name]
		j.After = nil
		var others []string
		for _, name := range m.After {
			if other := made[name]; other != nil {
				j.After = append(j.After, other.ID)
			} else {
				j.After, others = append(j.After, name), append(others, name)
			}
		}
		if err := s.CheckAfter(ctx, tenant, others); err != nil {
			return nil, Within(err, i, m.Kind.Name)
		}
		if err := s.remind(ctx, j); err != nil {
			return nil, err
		}
	}
	for _, i := range order {
		j := made[members[i].Name]
		b.Jobs = append(b.Jobs, storedBatch{ID: j.ID, Job: j})
	}
	return b, nil
}

// Within says of which member of a batch a mistake is, whose request stands
// under the name of its kind.
func Within(err error, i int, kind string) error {
	e, ok := fault.As(err)
	if !ok {
		return err
	}
	moved := *e
	moved.Fields = slices.Clone(e.Fields)
	for k := range moved.Fields {
		moved.Fields[k].Location = strings.Replace(moved.Fields[k].Location, "body.", fmt.Sprintf("body.jobs[%d].%s.", i, kind), 1)
	}
	return &moved
}

// orderOf returns the members so that each comes behind those it is after, or
// says what cannot be.
func orderOf(members []Member) ([]int, error) {
	if n := len(members); n == 0 || n > MaxBatch {
		return nil, fault.Invalid("batch_size_out_of_range", "A batch has between 1 and %d jobs, and this one has %d.", MaxBatch, n).
			With(fault.Field{Location: "body.jobs", Message: fmt.Sprintf("between 1 and %d jobs", MaxBatch), Value: n})
	}
	at := map[string]int{}
	for i, m := range members {
		where := fmt.Sprintf("body.jobs[%d].name", i)
		if !checkpointName.MatchString(m.Name) || idForm.MatchString(m.Name) {
			return nil, fault.Invalid("invalid_job_name", "The name of a job in a batch has 1 to 100 letters, digits, dots, dashes and underscores, and is no job's identifier.").
				With(fault.Field{Location: where, Message: "not a name", Value: shorten(m.Name, 64)})
		}
		if _, ok := at[m.Name]; ok {
			return nil, fault.Invalid("duplicate_job_name", "Two jobs of the batch are named %s; give each a name of its own.", m.Name).
				With(fault.Field{Location: where, Message: "used before", Value: m.Name})
		}
		at[m.Name] = i
	}
	for i, m := range members {
		for k, name := range m.After {
			if _, ok := at[name]; !ok && !idForm.MatchString(name) {
				return nil, fault.Invalid("unknown_job_name", "Job %s comes after %q, which is neither a job of the batch nor a job's identifier.", m.Name, shorten(name, 64)).
					With(fault.Field{Location: fmt.Sprintf("body.jobs[%d].%s.after[%d]", i, m.Kind.Name, k), Message: "no such name in the batch", Value: shorten(name, 64)})
			}
		}
	}
	w := &walk{members: members, at: at, state: make([]int, len(members))}
	for i := range members {
		if cycle := w.visit(i); cycle != nil {
			names := strings.Join(cycle, " → ")
			return nil, fault.Invalid("dependency_cycle", "The jobs wait for each other in a circle: %s.", names).
				With(fault.Field{Location: fmt.Sprintf("body.jobs[%d].%s.after", at[cycle[0]], members[at[cycle[0]]].Kind.Name), Message: "part of a circle", Value: names})
		}
	}
	return w.order, nil
}

// walk visits members depth first.
type walk struct {
	members []Member
	at      map[string]int
	state   []int // 0: not seen, 1: being visited, 2: done
	path    []int
	order   []int
}

// visit returns the cycle that it finds, first and last name the same.
func (w *walk) visit(i int) []string {
	switch w.state[i] {
	case 2:
		return nil
	case 1:
		var names []string
		for _, k := range w.path[slices.Index(w.path, i):] {
			names = append(names, w.members[k].Name)
		}
		return append(names, w.members[i].Name)
	}
	w.state[i], w.path = 1, append(w.path, i)
	for _, name := range w.members[i].After {
		if k, ok := w.at[name]; ok {
			if cycle := w.visit(k); cycle != nil {
				return cycle
			}
		}
	}
	w.state[i], w.path = 2, w.path[:len(w.path)-1]
	w.order = append(w.order, i)
	return nil
}

// make stores the jobs of a batch that are not there yet, and notes that all
// are. Doing it twice, or in two processes, makes them once.
func (t *tender) make(ctx context.Context, b *batch) error {
	if len(b.Jobs) == 0 {
		return nil
	}
	at := stamp(t.now)
	for _, one := range b.Jobs {
		j := one.Job
		j.ID = one.ID
		if len(j.After) > 0 {
			j.await(at, "")
		} else {
			j.move(at, Pending, "")
			j.NotBefore = at
		}
		err := t.jobs.Insert(ctx, j)
		switch {
		case err == nil:
			t.observer.Submitted(j, true)
		case !errors.Is(err, store.ErrDuplicate):
			return err
		}
		if len(j.After) > 0 {
			if err := t.link(ctx, j); err != nil {
				return err
			}
		}
	}
	for _, one := range b.Jobs {
		if len(one.Job.After) > 0 {
			if err := t.tend(ctx, one.ID); err != nil {
				return err
			}
		}
	}
	b.Jobs = nil
	return unlessRaced(t.batches.Replace(ctx, b))
}

// Complete makes the jobs of batches that whoever stored them left behind, and
// returns how many batches it completed.
func (k *Keeper) Complete(ctx context.Context) (int, error) {
	q := store.Query{Index: "open", Equal: []any{int64(1)}, To: nanos(stamp(k.cfg.Now).Add(-batchPatience))}
	page, err := k.tender.batches.Find(ctx, q)
	if err != nil {
		return 0, fmt.Errorf("complete: %w", err)
	}
	for n, b := range page.Items {
		if err := k.tender.make(ctx, b); err != nil {
			return n, fmt.Errorf("complete batch %s: %w", b.ID, err)
		}
	}
	return len(page.Items), nil
}

// ForgetBatches deletes the records of batches that were stored before the time,
// for the clean-up, and returns how many. Their jobs stay; their keys may be used
// anew.
func (s *Service) ForgetBatches(ctx context.Context, before time.Time) (int, error) {
	n, q := 0, store.Query{Index: "open", Equal: []any{int64(0)}, To: nanos(before), Limit: store.MaxLimit}
	for {
		page, err := s.tender.batches.Find(ctx, q)
		if err != nil {
			return n, err
		}
		for _, b := range page.Items {
			if err := s.tender.batches.Delete(ctx, b.ID, b.Revision); unlessRaced(err) != nil {
				return n, err
			}
			n++
		}
		if page.Next == "" {
			return n, nil
		}
		q.Cursor = page.Next
	}
}
