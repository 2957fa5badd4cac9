package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/queue"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/terminal"
)

const (
	listTenants  = 20
	listSubjects = 5000
	listPage     = 50
	listCalls    = 300
	listStep     = 100  // of how many jobs one is kept to look at
	listBlock    = 5000 // jobs stored by one call
)

// archive is a store full of jobs, of which some are known.
type archive struct {
	service *job.Service
	keeper  *job.Keeper
	some    []known
	bytes   int64 // of the records of the jobs, without indexes
}

// known is a job and whose it is.
type known struct{ id, tenant string }

// lists fills a store of its own with jobs and measures what people look at.
func (d *jobDrill) lists(ctx context.Context) (figures []Figure, err error) {
	path := filepath.Join(d.dir, "list.db")
	r, err := openWith(ctx, path, loading())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close(ctx), os.Remove(path)) }()
	start := time.Now()
	a := &archive{}
	if err := a.fill(ctx, r.driver, d.plan.Listed); err != nil {
		return nil, err
	}
	loaded, err := os.Stat(path)
	if err == nil {
		err = r.driver.Ensure(ctx, job.Collections()...)
	}
	if err != nil {
		return nil, fmt.Errorf("fill a store: %w", err)
	}
	indexed, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("fill a store: %w", err)
	}
	if _, err := fmt.Fprintf(d.out, "%d jobs stored in %.0f s\n", d.plan.Listed, time.Since(start).Seconds()); err != nil {
		return nil, fmt.Errorf("print progress: %w", err)
	}
	c := queue.DefaultConfig()
	c.URL, c.Pools = d.redis.URL(), []string{jobPool}
	client, err := queue.New(c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	a.service = job.NewService(job.ServiceConfig{Driver: r.driver, Queue: jobQueue{client}, Files: noFiles{}})
	a.keeper = job.NewKeeper(job.KeeperConfig{Driver: r.driver, Queue: jobQueue{client}})
	for _, l := range a.looks() {
		took, err := l.measure(ctx)
		if err != nil {
			return nil, err
		}
		ms := func(share float64) float64 { return float64(percentile(took, share)) / float64(time.Millisecond) }
		figures = append(figures, Alone(l.name, ms(0.99), "ms", fmt.Sprintf("%s; 99th hundredth of %d calls, median %s ms; a store of %d jobs of %d tenants; records in SQLite, redis-server not asked",
			l.what, len(took), terminal.Number(ms(0.50)), d.plan.Listed, listTenants)))
	}
	n := float64(d.plan.Listed)
	return append(figures, Alone("jobs-record-bytes", float64(a.bytes)/n, "B",
		fmt.Sprintf("of a job's record, mean of %d; its indexes take %.0f bytes more; records in SQLite, redis-server not asked", d.plan.Listed, float64(indexed.Size()-loaded.Size())/n))), nil
}

// look is something that people look at.
type look struct {
	name, what string
	call       func(ctx context.Context, i int) error
}

func (l look) measure(ctx context.Context) ([]time.Duration, error) {
	took := make([]time.Duration, listCalls)
	for i := range took {
		start := time.Now()
		if err := l.call(ctx, i); err != nil {
			return nil, fmt.Errorf("look at %s: %w", l.what, err)
		}
		took[i] = time.Since(start)
	}
	return took, nil
}

func (a *archive) looks() []look {
	tenant := func(i int) string { return listTenant(i % listTenants) }
	pages := func(n int, filter func(i int) job.Filter) func(context.Context, int) error {
		return func(ctx context.Context, i int) error {
			cursor := ""
			for range n {
				page, err := a.service.List(ctx, tenant(i), filter(i), cursor, listPage)
				if err != nil {
					return err
				}
				cursor = page.Next
			}
			return nil
		}
	}
	list := func(f job.Filter) func(context.Context, int) error {
		return pages(1, func(int) job.Filter { return f })
	}
	one := func(i int) known { return a.some[i*7919%len(a.some)] }
	return []look{
		{"jobs-list-p99", "a tenant's 50 newest jobs", list(job.Filter{})},
		{"jobs-list-failed-p99", "50 that failed", list(job.Filter{State: string(job.Failed)})},
		{"jobs-list-kind-p99", "50 of a kind", list(job.Filter{Kind: "training"})},
		{"jobs-list-running-p99", "50 of a kind that run", list(job.Filter{Kind: "training", State: string(job.Running)})},
		{"jobs-list-subject-p99", "those about a data set", pages(1, func(i int) job.Filter { return job.Filter{Subject: listSubject(i * 7919)} })},
		{"jobs-list-deep-p99", "the first ten pages of 50", pages(10, func(int) job.Filter { return job.Filter{} })},
		{"jobs-list-dead-p99", "50 dead letters, each looked at", func(ctx context.Context, _ int) error {
			_, err := a.service.DeadLetters(ctx, job.DeadFilter{}, "", listPage)
			return err
		}},
		{"jobs-get-p99", "one job", func(ctx context.Context, i int) error {
			_, err := a.service.Lookup(ctx, one(i).id)
			return err
		}},
		{"jobs-poll-p99", "a job's revision, as a poll with an ETag that finds nothing new", func(ctx context.Context, i int) error {
			_, err := a.service.Peek(ctx, one(i).tenant, one(i).id)
			return err
		}},
		{"jobs-revive-p99", "a pass of the keeper over those that run", func(ctx context.Context, _ int) error {
			_, err := a.keeper.Revive(ctx)
			return err
		}},
	}
}

func listTenant(i int) string { return fmt.Sprint("tenant", i) }

func listSubject(i int) string { return fmt.Sprintf("ds_%032x", i%listSubjects) }

// loading returns the collections with all fields of those of jobs, but one
// index, which grows at its end: so records are stored fast, and their indexes
// made at once when all are there.
func loading() []store.Collection {
	all := job.Collections()
	for i, c := range all {
		fields := c.Fields()
		slices.SortStableFunc(fields, func(a, b store.IndexField) int { return int(b.Type) - int(a.Type) }) // times come first
		if all[i].Indexes = nil; len(fields) > 0 {
			all[i].Indexes = []store.Index{{Name: "loading", Fields: fields}}
		}
	}
	return all
}

// fill stores so many jobs: most have ended, some wait and run.
func (a *archive) fill(ctx context.Context, driver store.Driver, jobs int) error {
	begin := time.Now().Add(-30 * 24 * time.Hour)
	random := rand.New(rand.NewPCG(1, 2))
	var records, dead []store.Record
	for i := range jobs {
		j := someJob(i, jobs, begin.Add(time.Duration(i)*2*time.Second), random)
		if j.Dead != "" {
			letter := j.Letter()
			r, err := record(letter.ID, letter.Keys(), letter)
			if err != nil {
				return err
			}
			dead = append(dead, r)
		}
		if i%listStep == 0 {
			a.some = append(a.some, known{j.ID, j.Tenant})
		}
		r, err := record(j.ID, j.Keys(), j)
		if err != nil {
			return err
		}
		a.bytes += int64(len(r.Body))
		records = append(records, r)
		if len(records) == listBlock || i == jobs-1 {
			if err := insert(ctx, driver, "jobs", records); err != nil {
				return err
			}
			records = records[:0]
		}
	}
	return insert(ctx, driver, "dead_letters", dead)
}

func record(id string, keys map[string]any, body any) (store.Record, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return store.Record{}, fmt.Errorf("encode %s: %w", id, err)
	}
	return store.Record{ID: id, Keys: keys, Body: text}, nil
}

func insert(ctx context.Context, driver store.Driver, collection string, records []store.Record) error {
	if len(records) == 0 {
		return nil
	}
	errs, err := driver.Insert(ctx, collection, records...)
	return errors.Join(append(errs, err)...)
}

// someJob is the i-th of so many jobs.
func someJob(i, jobs int, at time.Time, random *rand.Rand) *job.Job {
	kinds := []string{"ingest", "training", "tuning", "prediction", "prediction"}
	j := &job.Job{
		Meta: store.Meta{ID: store.NewID("job")}, Tenant: listTenant(random.IntN(listTenants)), User: "ann", Kind: kinds[random.IntN(len(kinds))], Pool: "batch",
		Subject: listSubject(i), IdempotencyKey: strconv.Itoa(i), Payload: json.RawMessage(`{"dataset_id":"ds_1","target":"y"}`),
		State: job.Succeeded, Epoch: 1, Attempt: 1, CreatedAt: at, QueuedAt: at, StartedAt: at, HeartbeatAt: time.Now(), FinishedAt: at.Add(time.Second),
		Result:  json.RawMessage(fmt.Sprintf(`{"value":%d,"text":%q}`, i, strings.Repeat("x", 40))),
		History: []job.Transition{{At: at, State: job.Pending}, {At: at, State: job.Queued, Epoch: 1}, {At: at, State: job.Running, Epoch: 1}, {At: at, State: job.Succeeded, Epoch: 1}},
	}
	switch {
	case i > jobs-jobs/1000:
		j.State = job.Pending
	case i%1000 == 999:
		j.State = job.Running
	case i%500 == 499:
		j.State, j.Dead, j.Failure = job.Failed, job.DeadFailures, &job.Failure{Code: "internal"}
	case i%50 == 49:
		j.State = job.Failed
	}
	return j
}
