package retention

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/store"
)

// Jobs finds jobs of any tenant.
type Jobs interface {
	// Lookup returns the job, or fault.NotFound.
	Lookup(ctx context.Context, id string) (*job.Job, error)
	// Active reports whether a job that has not ended is about the subject,
	// among others.
	Active(ctx context.Context, subject string) (bool, error)
	// Ended returns jobs that ended in the state before the time, oldest first.
	Ended(ctx context.Context, state job.State, before time.Time, cursor string, limit int) (store.Page[*job.Job], error)
	// Remove deletes the record of a job that ended.
	Remove(ctx context.Context, id string) error
	// ForgetBatches deletes what is kept of batches of jobs from before the time.
	ForgetBatches(ctx context.Context, before time.Time) (int, error)
}

// Datasets tells which files data sets point to: none when the record is gone,
// deleted or past its expiry.
type Datasets interface {
	References(ctx context.Context, id string, now time.Time) ([]string, error)
}

// Models tells which files models point to, likewise.
type Models interface {
	References(ctx context.Context, id string, now time.Time) ([]string, error)
}

// Uploads are files on their way in by several requests.
type Uploads interface {
	// Holds reports whether an unfinished upload that is to become the data set
	// keeps its files.
	Holds(ctx context.Context, datasetID string) (bool, error)
	// Sweep finishes uploads that are whole and gives up those whose time is over,
	// or only counts them.
	Sweep(ctx context.Context, dryRun bool) (finished, removed int, err error)
}

// keeper decides whether anything keeps an object.
type keeper struct {
	config   Config
	jobs     Jobs
	datasets Datasets
	models   Models
	uploads  Uploads
	now      func() time.Time
}

// reason says why nothing keeps the object, "" when something does.
func (k *keeper) reason(ctx context.Context, key string, modified time.Time) (string, error) {
	area, rest, _ := strings.Cut(key, "/")
	switch area {
	case "tmp":
		if k.expired(k.config.Temporary, modified) {
			return "temporary object is past its period", nil
		}
		return "", nil
	case "uploads":
		return k.uploadReason(ctx, key, rest)
	default:
		return k.jobReason(ctx, key, rest)
	}
}

func (k *keeper) expired(period time.Duration, since time.Time) bool {
	return period > 0 && k.now().Sub(since) >= period
}

// uploadReason decides about uploads/<tenant>/<data set>/….
func (k *keeper) uploadReason(ctx context.Context, key, rest string) (string, error) {
	parts := strings.Split(rest, "/")
	if len(parts) < 3 {
		return "no data set has this key", nil
	}
	keys, err := k.datasets.References(ctx, parts[1], k.now())
	if err != nil || slices.Contains(keys, key) {
		return "", err
	}
	if held, err := k.held(ctx, key); err != nil || held {
		return "", err
	}
	if busy, err := k.jobs.Active(ctx, parts[1]); err != nil || busy {
		return "", err // a job that started before the expiry may still read it
	}
	return "no data set points to it", nil
}

// held reports whether an unfinished upload keeps the object.
func (k *keeper) held(ctx context.Context, key string) (bool, error) {
	parts := strings.Split(key, "/")
	if parts[0] != "uploads" || len(parts) < 4 {
		return false, nil
	}
	return k.uploads.Holds(ctx, parts[2])
}

// jobReason decides about jobs/<job>/….
func (k *keeper) jobReason(ctx context.Context, key, rest string) (string, error) {
	id, _, ok := strings.Cut(rest, "/")
	if !ok {
		return "no job has this key", nil
	}
	j, err := k.jobs.Lookup(ctx, id)
	if fault.ClassOf(err) == fault.ClassNotFound {
		return "its job is gone", nil
	}
	if err != nil {
		return "", err
	}
	if !j.State.Terminal() {
		return "", nil // never below a live job's prefix
	}
	if j.Parent != "" {
		if reason, decided, err := k.partReason(ctx, j); err != nil || decided {
			return reason, err
		}
	}
	pointed, err := k.pointed(ctx, j)
	if err != nil {
		return "", err
	}
	if slices.Contains(pointed, key) {
		return "", nil
	}
	if j.Owns(key) { // else it lives as long as the records made of it
		if k.expired(k.config.Results, j.FinishedAt) {
			return "result is past its period", nil
		}
		return "", nil
	}
	busy, err := k.busy(ctx, j)
	if err != nil || busy {
		return "", err
	}
	return "no record points to it and its job has ended", nil
}

// partReason decides about the files of a job that is a part of another: that
// one reads them until it has succeeded, or is given up.
func (k *keeper) partReason(ctx context.Context, j *job.Job) (reason string, decided bool, err error) {
	parent, err := k.jobs.Lookup(ctx, j.Parent)
	switch {
	case fault.ClassOf(err) == fault.ClassNotFound:
		return "the job it is a part of is gone", true, nil
	case err != nil:
		return "", false, err
	case !parent.State.Terminal():
		return "", true, nil
	case parent.State == job.Succeeded:
		return "the job it is a part of has joined it", true, nil
	default: // it may be retried
		return "", false, nil
	}
}

// busy reports whether a job that has not ended is about what the job
// published: one that started before its expiry may still read it.
func (k *keeper) busy(ctx context.Context, j *job.Job) (bool, error) {
	if !j.Committed {
		return false, nil
	}
	busy, err := k.jobs.Active(ctx, model.IDOf(j.ID))
	if err != nil || busy || j.Subject == "" {
		return busy, err
	}
	return k.jobs.Active(ctx, j.Subject)
}

// pointed returns the keys that records made by the job point to.
func (k *keeper) pointed(ctx context.Context, j *job.Job) ([]string, error) {
	keys, err := k.models.References(ctx, model.IDOf(j.ID), k.now())
	if err != nil || j.Subject == "" {
		return keys, err
	}
	more, err := k.datasets.References(ctx, j.Subject, k.now())
	return append(keys, more...), err
}
