package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

const maxKey = 255 // bytes of an idempotency key

func (k Kind) withDefaults() Kind {
	k.Version = positive(k.Version, 1)
	k.Timeout = positive(k.Timeout, time.Hour)
	k.MaxFailures = positive(k.MaxFailures, 3)
	k.MaxCrashes = positive(k.MaxCrashes, 3)
	return k
}

// Submit stores the job and then hands it to the queue. When Submit returned
// without an error the job is in the store and will end in exactly one
// terminal state, whatever becomes of the queue.
//
// The idempotency key is unique per tenant and kind: the same key with the
// same payload returns the job that exists and created = false; with another
// payload it is the conflict idempotency_key_reused.
func (s *Service) Submit(ctx context.Context, sub Submission) (j *Job, created bool, err error) {
	j, err = s.prepare(sub)
	if fault.CodeOf(err) == codeDeadlinePassed && sub.IdempotencyKey != "" { // maybe since it was submitted
		if early, wrong := s.prepareAt(sub, sub.Limits.Deadline.Add(-time.Minute)); wrong == nil {
			return s.replayed(ctx, early, err)
		}
	}
	if err != nil {
		return nil, false, err
	}
	if err = s.remind(ctx, j); err != nil {
		return nil, false, err
	}
	if len(j.After) > 0 {
		return s.submitAfter(ctx, j)
	}
	at := j.CreatedAt
	j.move(at, Pending, "")
	fast := s.direct(ctx, j)
	if fast {
		j.queue(at, "")
	} else if err := s.admit(ctx, j); err != nil {
		return s.replayed(ctx, j, err)
	}
	for range 3 { // the job found under the key may be removed before it is read
		err = s.jobs.Insert(ctx, j)
		if err == nil {
			if fast {
				s.enqueue(ctx, j)
			}
			s.cfg.Observer.Submitted(j, true)
			return j, true, nil
		}
		if !errors.Is(err, store.ErrDuplicate) {
			return nil, false, storeFault(err)
		}
		found, err := s.existing(ctx, j)
		if err != nil {
			return nil, false, err
		}
		if found != nil {
			s.cfg.Observer.Submitted(found, false)
			return found, false, nil
		}
	}
	return nil, false, fmt.Errorf("submit %s job: %w", sub.Kind.Name, err)
}

// prepare makes a record of the submission.
func (s *Service) prepare(sub Submission) (*Job, error) { return s.prepareAt(sub, stamp(s.cfg.Now)) }

// prepareAt makes the record as at that time.
func (s *Service) prepareAt(sub Submission, at time.Time) (*Job, error) {
	if sub.Kind.Name == "" || sub.Kind.Pool == "" || sub.Tenant == "" {
		return nil, fmt.Errorf("submit %q job to pool %q for tenant %q: all three are needed", sub.Kind.Name, sub.Kind.Pool, sub.Tenant)
	}
	if err := checkSubjects(sub); err != nil {
		return nil, err
	}
	if err := checkKey(sub.IdempotencyKey); err != nil {
		return nil, err
	}
	priority := DefaultPriority
	if sub.Priority != nil {
		priority = *sub.Priority
	}
	if err := checkPriority(priority); err != nil {
		return nil, err
	}
	limits, err := sub.Limits.check(at)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(sub.Payload)
	if err != nil {
		return nil, fmt.Errorf("encode payload of %s job: %w", sub.Kind.Name, err)
	}
	if len(payload) > s.cfg.MaxPayload {
		return nil, fault.TooLarge("payload_too_large", "The request for a %s job takes %d bytes; at most %d are allowed.", sub.Kind.Name, len(payload), s.cfg.MaxPayload)
	}
	kind := sub.Kind.withDefaults()
	j := &Job{
		Meta:   store.Meta{ID: store.NewID("job")},
		Tenant: sub.Tenant, User: sub.User, Kind: kind.Name, Pool: kind.Pool, Subject: sub.Subject, Also: slices.Clone(sub.Also),
		IdempotencyKey: sub.IdempotencyKey, Fingerprint: fingerprint(kind.Name, payload, limits, sub.After...), After: slices.Clone(sub.After),
		Version: kind.Version, Payload: payload,
		MaxFailures: kind.MaxFailures, MaxCrashes: kind.MaxCrashes, Timeout: kind.Timeout,
		CreatedAt: at, Urgency: priority - DefaultPriority,
	}
	j.limit(limits, sub.Memory)
	if j.IdempotencyKey == "" {
		j.IdempotencyKey = j.ID
	}
	return j, nil
}

// checkSubjects refuses what the indexes cannot hold.
func checkSubjects(sub Submission) error {
	all := append([]string{sub.Subject}, sub.Also...)
	slices.Sort(all)
	if len(sub.Also) > 0 && (len(all) > MaxSubjects || all[0] == "" || len(slices.Compact(all)) <= len(sub.Also)) {
		return fmt.Errorf("submit %s job about %q and %q: it may be about %d things, each named once", sub.Kind.Name, sub.Subject, sub.Also, MaxSubjects)
	}
	return nil
}

func checkKey(key string) error {
	bad := len(key) > maxKey
	for _, c := range []byte(key) {
		bad = bad || c < ' ' || c > '~'
	}
	if bad {
		return fault.Invalid("invalid_idempotency_key", "An idempotency key has at most %d printable ASCII characters.", maxKey).
			With(fault.Field{Location: "header.Idempotency-Key", Message: "use a UUID or another short random string"})
	}
	return nil
}

// fingerprint identifies what is asked for, to refuse a reused key.
func fingerprint(kind string, payload []byte, limits bounds, after ...string) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q\n", kind)
	_, _ = h.Write(payload)
	_, _ = io.WriteString(h, limits.fingerprint())
	if len(after) > 0 {
		_, _ = fmt.Fprintf(h, "\n%q", after)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// existing returns the job under j's key, nil when it is gone, or the conflict
// that it is about something else.
func (s *Service) existing(ctx context.Context, j *Job) (*Job, error) {
	page, err := s.jobs.Find(ctx, store.Query{Index: indexKey, Equal: []any{j.Tenant, j.Kind, j.IdempotencyKey}, Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return nil, storeFault(err)
	}
	found := page.Items[0]
	if found.Fingerprint != j.Fingerprint {
		return nil, fault.Conflict("idempotency_key_reused", "The idempotency key was used for another %s request, job %s; a new request needs a new key.", j.Kind, found.ID).
			With(fault.Field{Location: "header.Idempotency-Key", Message: "use a key of its own for every request"})
	}
	return found, nil
}

// storeFault says that the store did not answer, so that a caller may come
// again. Faults pass through.
func storeFault(err error) error {
	if _, ok := fault.As(err); ok || err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, store.ErrTooLarge) {
		return fault.TooLarge("record_too_large", "The record of the job would take more than %s, which is the most that is kept of one; ask for less at a time.", Size(store.MaxBody)).Because(err)
	}
	return fault.Unavailable("store_unavailable", "The store of the jobs does not answer; please try again in a moment.").Because(err)
}
