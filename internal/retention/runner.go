package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// Files is where the objects are.
type Files interface {
	Each(ctx context.Context, prefix string, fn func(key string, size int64, modified time.Time) error) error
	Delete(ctx context.Context, keys ...string) error
	// AbortUploads ends the multipart uploads below the prefix that began before
	// the time and are not to be kept, or only counts them.
	AbortUploads(ctx context.Context, prefix string, before time.Time, keep func(key string) (bool, error), dryRun bool) (int, error)
}

// Accesses are the records of who saw personal data.
type Accesses interface {
	// ForgetAccesses deletes those from before the time, and returns how many.
	ForgetAccesses(ctx context.Context, before time.Time) (int, error)
}

// Findings is what was found out about the health of the parts.
type Findings interface {
	// Forget deletes what was found before the time, and returns how much.
	Forget(ctx context.Context, before time.Time) (int, error)
}

// Runner runs clean-up jobs.
type Runner struct {
	config   Config
	files    Files
	health   Findings
	accesses Accesses
	keeper   *keeper
	marks    *store.Table[mark, *mark]
	now      func() time.Time
}

// RunnerConfig is what a Runner needs.
type RunnerConfig struct {
	Config   Config
	Driver   store.Driver
	Files    Files
	Jobs     Jobs
	Datasets Datasets
	Models   Models
	Accesses Accesses // nil: nothing is kept of who saw personal data
	Uploads  Uploads
	Health   Findings         // nil: nothing is kept of the health
	Now      func() time.Time // default time.Now
}

// NewRunner returns a Runner. The store has ensured Collections.
func NewRunner(c RunnerConfig) *Runner {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Runner{
		config: c.Config,
		files:  c.Files,
		health: c.Health, accesses: c.Accesses,
		keeper: &keeper{config: c.Config, jobs: c.Jobs, datasets: c.Datasets, models: c.Models, uploads: c.Uploads, now: c.Now},
		marks:  store.NewTable[mark](c.Driver, marks()),
		now:    c.Now,
	}
}

// areas are the prefixes that clean-up looks after. Objects elsewhere in the
// bucket are somebody else's.
func areas() []string { return []string{"jobs/", "tmp/", "uploads/"} }

// Run cleans up once.
func (r *Runner) Run(ctx context.Context, t *job.Task, req Request) (*Result, error) {
	result := &Result{DryRun: req.DryRun, Objects: []Item{}}
	var err error
	if result.FinishedUploads, result.ExpiredUploads, err = r.keeper.uploads.Sweep(ctx, req.DryRun); err != nil {
		return nil, fmt.Errorf("sweep uploads: %w", err)
	}
	all := areas()
	share := 1 / float64(len(all)+1)
	for i, prefix := range all {
		report := func() { t.Report.Progress("sweep "+prefix, float64(i)*share, result.Examined, 0) }
		report()
		if err := r.sweep(ctx, prefix, report, result); err != nil {
			return nil, fmt.Errorf("sweep %s: %w", prefix, err)
		}
	}
	t.Report.Progress("unmark", 1-share, result.Examined, 0)
	if !req.DryRun {
		if err := r.forget(ctx, result); err != nil {
			return nil, err
		}
	}
	if err := r.abortUploads(ctx, result); err != nil {
		return nil, err
	}
	if err := r.removeJobs(ctx, result); err != nil {
		return nil, err
	}
	if err := r.forgetHealth(ctx, result); err != nil {
		return nil, err
	}
	if err := r.forgetAccesses(ctx, result); err != nil {
		return nil, err
	}
	t.Report.Progress("done", 1, result.Examined, 0)
	t.Report.Logf("examined %d objects: kept %d, marked %d, waiting %d, deleted %d (%d bytes); ended %d unfinished uploads, %d expired, finished %d; removed %d job records",
		result.Examined, result.Kept, result.Marked, result.Waiting, result.Deleted, result.DeletedBytes, result.AbortedUploads, result.ExpiredUploads, result.FinishedUploads, result.RemovedJobs)
	return result, nil
}

// forgetHealth deletes what was found out about the parts long ago.
func (r *Runner) forgetHealth(ctx context.Context, result *Result) error {
	if r.config.Health <= 0 || r.health == nil || result.DryRun {
		return nil
	}
	n, err := r.health.Forget(ctx, r.now().Add(-r.config.Health))
	if err != nil {
		return fmt.Errorf("forget findings of health: %w", err)
	}
	result.RemovedFindings = n
	return nil
}

// forgetAccesses deletes the records of who saw personal data long ago.
func (r *Runner) forgetAccesses(ctx context.Context, result *Result) (err error) {
	if r.config.Audit <= 0 || r.accesses == nil || result.DryRun {
		return nil
	}
	if result.RemovedAccesses, err = r.accesses.ForgetAccesses(ctx, r.now().Add(-r.config.Audit)); err != nil {
		return fmt.Errorf("forget who saw personal data: %w", err)
	}
	return nil
}

// shortestUpload is how long an upload may take before it counts as
// unfinished, whatever the period of temporary objects is.
const shortestUpload = time.Hour

// abortUploads ends the multipart uploads that nobody will finish.
func (r *Runner) abortUploads(ctx context.Context, result *Result) error {
	if r.config.Temporary <= 0 {
		return nil
	}
	before := r.now().Add(-max(r.config.Temporary, shortestUpload))
	keep := func(key string) (bool, error) { return r.keeper.held(ctx, key) }
	for _, prefix := range areas() {
		n, err := r.files.AbortUploads(ctx, prefix, before, keep, result.DryRun)
		if err != nil {
			return fmt.Errorf("abort unfinished uploads below %s: %w", prefix, err)
		}
		result.AbortedUploads += n
	}
	return nil
}

// removeJobs removes the records of jobs that ended long ago and have no file
// left.
func (r *Runner) removeJobs(ctx context.Context, result *Result) error {
	if r.config.Jobs <= 0 {
		return nil
	}
	before := r.now().Add(-r.config.Jobs)
	if !result.DryRun { // first: one whose jobs are gone would be no answer to who sends it again
		if _, err := r.keeper.jobs.ForgetBatches(ctx, before); err != nil {
			return fmt.Errorf("forget batches: %w", err)
		}
	}
	for _, state := range []job.State{job.Succeeded, job.Failed, job.Cancelled} {
		cursor := ""
		for {
			page, err := r.keeper.jobs.Ended(ctx, state, before, cursor, pageSize)
			if err != nil {
				return fmt.Errorf("find %s jobs: %w", state, err)
			}
			for _, j := range page.Items {
				if err := r.removeJob(ctx, j.ID, result); err != nil {
					return err
				}
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
	}
	return nil
}

const pageSize = 500

func (r *Runner) removeJob(ctx context.Context, id string, result *Result) error {
	none, err := r.empty(ctx, job.Prefix(id))
	if err != nil || !none {
		return err
	}
	if !result.DryRun {
		err = r.keeper.jobs.Remove(ctx, id)
	}
	switch class := fault.ClassOf(err); {
	case err == nil:
		result.RemovedJobs++
	case class != fault.ClassNotFound && class != fault.ClassConflict: // else it was removed, or tried again
		return fmt.Errorf("remove job %s: %w", id, err)
	}
	return nil
}

// errSeen ends a listing after its first object.
var errSeen = errors.New("retention: one object is enough")

// empty reports whether there is no object below the prefix.
func (r *Runner) empty(ctx context.Context, prefix string) (bool, error) {
	err := r.files.Each(ctx, prefix, func(string, int64, time.Time) error { return errSeen })
	if errors.Is(err, errSeen) {
		return false, nil
	}
	return err == nil, err
}

// reportEvery is after how many objects progress is reported.
const reportEvery = 1000

// sweep looks at every object below the prefix.
func (r *Runner) sweep(ctx context.Context, prefix string, report func(), result *Result) error {
	return r.files.Each(ctx, prefix, func(key string, size int64, modified time.Time) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		result.Examined++
		if result.Examined%reportEvery == 0 {
			report()
		}
		reason, err := r.keeper.reason(ctx, key, modified)
		if err != nil {
			return fmt.Errorf("decide about %s: %w", key, err)
		}
		if reason == "" {
			result.Kept++
			return nil
		}
		return r.discard(ctx, Item{Key: key, Size: size, Reason: reason}, result)
	})
}

// discard marks the object, waits, or deletes it.
func (r *Runner) discard(ctx context.Context, item Item, result *Result) error {
	now := r.now()
	found, err := r.marks.Get(ctx, markID(item.Key))
	switch {
	case errors.Is(err, store.ErrNotFound):
		item.Action = "mark"
		result.Marked++
		if !result.DryRun {
			m := &mark{Meta: store.Meta{ID: markID(item.Key)}, Key: item.Key, Reason: item.Reason, MarkedAt: now}
			if err := r.marks.Insert(ctx, m); err != nil && !errors.Is(err, store.ErrDuplicate) {
				return fmt.Errorf("mark %s: %w", item.Key, err)
			}
			item.MarkedAt = now
		}
	case err != nil:
		return err
	case now.Sub(found.MarkedAt) < r.config.Grace:
		item.Action, item.MarkedAt = "wait", found.MarkedAt
		result.Waiting++
	default:
		item.Action, item.MarkedAt = "delete", found.MarkedAt
		result.Deleted++
		result.DeletedBytes += item.Size
		if !result.DryRun {
			if err := r.files.Delete(ctx, item.Key); err != nil {
				return fmt.Errorf("delete %s: %w", item.Key, err)
			}
			if err := r.marks.Delete(ctx, found.ID, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
	}
	if len(result.Objects) < MaxItems {
		result.Objects = append(result.Objects, item)
	} else {
		result.Truncated = true
	}
	return nil
}

// forget drops the marks of objects that something keeps again and of objects
// that are gone.
func (r *Runner) forget(ctx context.Context, result *Result) error {
	cursor := ""
	for {
		page, err := r.marks.Find(ctx, store.Query{Index: indexKey, Cursor: cursor, Limit: store.MaxLimit})
		if err != nil {
			return err
		}
		for _, m := range page.Items {
			kept, err := r.keptOrGone(ctx, m.Key)
			if err != nil {
				return fmt.Errorf("decide about %s: %w", m.Key, err)
			}
			if !kept {
				continue
			}
			if err := r.marks.Delete(ctx, m.ID, m.Revision); err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrStale) {
				return err
			}
			result.Unmarked++
		}
		if page.Next == "" {
			return nil
		}
		cursor = page.Next
	}
}

// keptOrGone reports whether something keeps the object, or there is none.
func (r *Runner) keptOrGone(ctx context.Context, key string) (bool, error) {
	gone, at := true, time.Time{}
	err := r.files.Each(ctx, key, func(k string, _ int64, modified time.Time) error {
		if k == key {
			gone, at = false, modified
		}
		return errSeen // the key itself comes first among those it is a prefix of
	})
	if err != nil && !errors.Is(err, errSeen) {
		return false, err
	}
	if gone {
		return true, nil
	}
	reason, err := r.keeper.reason(ctx, key, at)
	return reason == "", err
}

func markID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "mark_" + hex.EncodeToString(sum[:16])
}
