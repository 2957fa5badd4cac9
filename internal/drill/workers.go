package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

// WorkerPlan says how two workers are measured beside one: processes of the
// program, with a core for each worker and a batch of trainings. Zero means the
// default.
type WorkerPlan struct {
	Program string // narrative
	Jobs    int    // of the batch; 10
	Rows    int    // that each learns from; 60,000
	Trees   int    // that each grows, twice; 300
	Rounds  int    // of which the median counts; 3
}

func (p WorkerPlan) withDefaults() WorkerPlan {
	for _, v := range []struct {
		at        *int
		byDefault int
	}{{&p.Jobs, 10}, {&p.Rows, 3 * trainRows}, {&p.Trees, 300}, {&p.Rounds, 3}} {
		if *v.at <= 0 {
			*v.at = v.byDefault
		}
	}
	return p
}

// Measure runs the batch with one worker and with two and returns the share of
// the time. Beside it stands what the same two processors make of two processes
// that train as much without a platform: less cannot be had.
func (p WorkerPlan) Measure(ctx context.Context, out io.Writer) (figures []Figure, err error) {
	p = p.withDefaults()
	f, err := startFleet(ctx, p.Program)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	pair, err := p.prepare(ctx, f.dir)
	if err != nil {
		return nil, err
	}
	if err := f.worker(ctx, "--pool", "training=1", "--pool", "data=1"); err != nil {
		return nil, err
	}
	a, err := f.client.Upload(ctx, client.Upload{Name: "bench", Filename: "bench.csv", Body: newTable(p.Rows, header, narrowLine)})
	if err == nil {
		_, err = f.client.Wait(ctx, a.JobID, nil)
	}
	if err != nil {
		return nil, err
	}
	var rounds []workerRound
	for range p.Rounds {
		r, err := p.round(ctx, f, a.DatasetID, pair)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, r)
		if _, err := fmt.Fprintf(out, "two workers: %.2f s, one: %.2f s, %.2f of it; without a platform %.2f; %s\n",
			r.two.Seconds(), r.one.Seconds(), r.share(), r.plain, r.busy); err != nil {
			return nil, fmt.Errorf("print progress: %w", err)
		}
	}
	return []Figure{p.figure(rounds, len(f.cores) > 1)}, nil
}

// workerRound is what one round found.
type workerRound struct {
	one, two time.Duration
	plain    float64 // the share of two processes without a platform
	busy     string  // what took the processors meanwhile
}

func (r workerRound) share() float64 { return r.two.Seconds() / r.one.Seconds() }

// round measures the batch with one worker, then with another one beside it.
func (p WorkerPlan) round(ctx context.Context, f *fleet, datasetID string, pair *pair) (r workerRound, err error) {
	if r.one, err = p.batch(ctx, f.client, datasetID); err != nil {
		return r, err
	}
	if err := f.worker(ctx, "--pool", "training=1"); err != nil {
		return r, err
	}
	before, err := f.busy()
	if err != nil {
		return r, err
	}
	if r.two, err = p.batch(ctx, f.client, datasetID); err != nil {
		return r, err
	}
	after, err := f.busy()
	if err != nil {
		return r, err
	}
	r.busy = after.since(before, r.two)
	if err := f.dismiss(); err != nil {
		return r, err
	}
	r.plain, err = pair.share(ctx)
	return r, err
}

func (p WorkerPlan) figure(rounds []workerRound, pinned bool) Figure {
	slices.SortFunc(rounds, func(a, b workerRound) int { return cmp.Compare(a.share(), b.share()) })
	middle := rounds[(len(rounds)-1)/2]
	var plain []float64
	for _, r := range rounds {
		plain = append(plain, r.plain)
	}
	cores := "GOMAXPROCS=1 and a processor of its own each"
	if !pinned {
		cores = "GOMAXPROCS=1 each, not bound to a processor"
	}
	note := fmt.Sprintf("%d trainings of %d rows and %d trees, from the first submission to the last end: %.2f s with two worker processes, %.2f s with one, the middle of %d rounds; %s; api, scheduler and embedded parts in processes of their own; with two, %s; the peer is two processes that train as much without a platform, beside one after the other",
		p.Jobs, p.Rows, p.Trees, middle.two.Seconds(), middle.one.Seconds(), len(rounds), cores, middle.busy)
	return Against(Alone("jobs-two-workers", middle.share(), "of one worker's time", note), "no platform", median(plain), true)
}

// batch submits the trainings and returns the time from the first one's
// submission to the last one's end.
func (p WorkerPlan) batch(ctx context.Context, c *client.Client, datasetID string) (time.Duration, error) {
	ids := make([]string, p.Jobs)
	for i := range ids {
		j, err := c.Train(ctx, client.TrainRequest{
			DatasetID: datasetID, Target: targetColumn, Algorithms: []string{"gbdt"}, Folds: 2, Trees: p.Trees, Seed: uint64(i + 1),
		}, "")
		if err != nil {
			return 0, err
		}
		ids[i] = j.ID
	}
	var first, last time.Time
	for _, id := range ids {
		j, err := c.Wait(ctx, id, nil)
		if err != nil {
			return 0, err
		}
		if first.IsZero() || j.CreatedAt.Before(first) {
			first = j.CreatedAt
		}
		if j.FinishedAt.After(last) {
			last = j.FinishedAt
		}
	}
	return last.Sub(first), nil
}
