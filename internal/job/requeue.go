package job

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// Requeue asks for dead letters to be run again: those named, or those that a
// filter chooses.
type Requeue struct {
	Jobs   []string
	Filter DeadFilter
	All    bool // every dead letter there is; needed when there is no filter
	DryRun bool // only say which
	Limit  int  // how many at most; 0 means 100, the largest is 1000
	// Rate is how many are handed over in a second; 0 means 50. They are all
	// taken back at once, and wait for their turn.
	Rate float64
}

// Requeued is what became of them.
type Requeued struct {
	Jobs    []string // that will run again
	Skipped []Skipped
	More    bool // there are more that the filter chooses: ask again
}

// Skipped is one that was left alone.
type Skipped struct {
	Job     string
	Code    string
	Message string
}

const (
	defaultRequeue = 100
	maxRequeue     = 1000
	defaultRate    = 50
	minRate        = 0.1
	maxRate        = 1000
)

func (r Requeue) validate() error {
	refuse := func(code, location, format string, args ...any) error {
		e := fault.Invalid(code, format, args...)
		return e.With(fault.Field{Location: "body." + location, Message: e.Message})
	}
	filtered := r.Filter != DeadFilter{}
	switch {
	case len(r.Jobs) == 0 && !filtered && !r.All:
		return refuse("requeue_nothing_named", "ids", "Name the jobs in ids, or choose by kind, pool, tenant or code, or say all: true for every dead letter there is.")
	case len(r.Jobs) > 0 && (filtered || r.All), filtered && r.All:
		return refuse("requeue_ambiguous", "ids", "Name the jobs in ids, or choose them by a filter, or say all: true; only one of the three.")
	case len(r.Jobs) > maxRequeue:
		return refuse("too_many_ids", "ids", "%d jobs are named; at most %d are requeued at a time.", len(r.Jobs), maxRequeue)
	case math.IsNaN(r.Rate) || r.Rate != 0 && (r.Rate < minRate || r.Rate > maxRate):
		return refuse("rate_out_of_range", "rate", "The rate lies between %v and %d jobs a second.", minRate, maxRate)
	}
	return r.Filter.validate("body", r.Limit, maxRequeue)
}

// Requeue runs dead letters of any tenant again, as Retry does; it is for
// operators. Asking again does no harm: a job that is no dead letter any more
// is skipped.
func (s *Service) Requeue(ctx context.Context, r Requeue) (*Requeued, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	ids, more, err := s.chosen(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &Requeued{Jobs: []string{}, Skipped: []Skipped{}, More: more}
	rate := r.Rate
	if rate == 0 {
		rate = defaultRate
	}
	at := stamp(s.cfg.Now)
	for _, id := range ids {
		turn := at.Add(time.Duration(float64(len(out.Jobs)) / rate * float64(time.Second)))
		switch err := s.exhume(ctx, id, at, turn, r.DryRun); fault.ClassOf(err) {
		case fault.ClassNotFound, fault.ClassConflict:
			e, _ := fault.As(err)
			out.Skipped = append(out.Skipped, Skipped{Job: shorten(id, 64), Code: e.Code, Message: e.Message})
		default:
			if err != nil {
				return nil, err // those before it wait already, and are skipped when it is asked again
			}
			out.Jobs = append(out.Jobs, id)
		}
	}
	return out, nil
}

// chosen returns the jobs that are asked for, each once.
func (s *Service) chosen(ctx context.Context, r Requeue) (ids []string, more bool, err error) {
	if len(r.Jobs) > 0 {
		seen := map[string]bool{}
		for _, id := range r.Jobs {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		return ids, false, nil
	}
	limit := positive(r.Limit, defaultRequeue)
	cursor := ""
	for len(ids) < limit {
		page, err := s.deadPage(ctx, r.Filter, cursor, min(limit-len(ids), maxPage))
		if err != nil {
			return nil, false, storeFault(err)
		}
		for _, d := range page.Items {
			ids = append(ids, d.Job)
		}
		if cursor = page.Next; cursor == "" {
			return ids, false, nil
		}
	}
	return ids, true, nil
}

// exhume sends a dead letter back to the line until its turn.
func (s *Service) exhume(ctx context.Context, id string, at, turn time.Time, dryRun bool) error {
	j, err := s.DeadJob(ctx, id)
	if err != nil || dryRun {
		return err
	}
	buried := j.deadID()
	j, err = s.jobs.Update(ctx, id, func(j *Job) error {
		if j.deadID() != buried {
			return fault.Conflict("dead_letter_changed", "The job is %s now: somebody else has taken it up meanwhile.", j.State)
		}
		j.reset(at)
		if len(j.After) > 0 {
			j.await(at, "requeued_by_operator")
		} else {
			j.wait(at, turn, "requeued_by_operator")
		}
		j.sign(actorOf(ctx))
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fault.NotFound("dead_letter_not_found", "The job was removed meanwhile.").Because(err)
	case err != nil:
		return storeFault(err)
	}
	s.unearth(ctx, j, buried)
	if j.State == Awaiting {
		s.link(ctx, j)
	}
	return nil
}
