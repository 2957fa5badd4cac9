package job_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

const (
	manyJobs    = 1_000_000
	manyTenants = 20
)

// BenchmarkMillionJobs fills an embedded store with a million jobs, once, and
// measures the lists that people look at. Each reports the median and the 99th
// hundredth of its calls in milliseconds. It takes minutes:
//
//	go test ./internal/job -run '^$' -bench MillionJobs -benchtime 500x -timeout 30m
func BenchmarkMillionJobs(b *testing.B) {
	driver, err := sqlitestore.Open(b.Context(), sqlitestore.Config{Path: filepath.Join(b.TempDir(), "records.db"), Durability: sqlitestore.Normal})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = driver.Close(context.WithoutCancel(b.Context())) }()
	if err := driver.Ensure(b.Context(), job.Collections()...); err != nil {
		b.Fatal(err)
	}
	some := fillJobs(b, driver)
	s := job.NewService(job.ServiceConfig{Driver: driver, Queue: newLine(), Files: newShelf()})
	k := job.NewKeeper(job.KeeperConfig{Driver: driver, Queue: newLine()})
	who := func(i int) string { return fmt.Sprint("tenant", i%manyTenants) }
	list := func(f job.Filter) func(i int) error {
		return func(i int) error { _, err := s.List(b.Context(), who(i), f, "", 50); return err }
	}
	for _, c := range []struct {
		name string
		call func(i int) error
	}{
		{"List", list(job.Filter{})},
		{"ListByState", list(job.Filter{State: "failed"})},
		{"ListByKind", list(job.Filter{Kind: "training"})},
		{"ListByKindAndState", list(job.Filter{Kind: "training", State: "running"})},
		{"ListBySubject", func(i int) error {
			_, err := s.List(b.Context(), who(i), job.Filter{Subject: fmt.Sprintf("ds_%032x", i*7919%5000)}, "", 50)
			return err
		}},
		{"TenthPage", func(i int) error {
			cursor := ""
			for range 10 {
				page, err := s.List(b.Context(), who(i), job.Filter{}, cursor, 50)
				if err != nil {
					return err
				}
				cursor = page.Next
			}
			return nil
		}},
		{"Get", func(i int) error { _, err := s.Lookup(b.Context(), some[i*7919%len(some)].id); return err }},
		{"Peek", func(i int) error {
			n := some[i*7919%len(some)]
			_, err := s.Peek(b.Context(), n.tenant, n.id)
			return err
		}},
		{"DeadLetters", func(int) error { _, err := s.DeadLetters(b.Context(), job.DeadFilter{}, "", 50); return err }},
		{"Revive", func(int) error { _, err := k.Revive(b.Context()); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				if err := c.call(i); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			at := func(share float64) float64 {
				return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
			}
			b.ReportMetric(at(0.5), "p50-ms")
			b.ReportMetric(at(0.99), "p99-ms")
		})
	}
}

// fillStep is of how many jobs fillJobs returns one identifier.
const fillStep = 100

// fillJobs inserts the jobs: most have ended, some wait and run.
func fillJobs(b *testing.B, driver store.Driver) (some []named) {
	b.Helper()
	begin := time.Now().Add(-30 * 24 * time.Hour)
	kinds := []string{"ingest", "training", "tuning", "prediction", "prediction"}
	var records, dead []store.Record
	random := rand.New(rand.NewPCG(1, 2))
	for i := range manyJobs {
		at := begin.Add(time.Duration(i) * 2 * time.Second)
		j := &job.Job{
			Meta: store.Meta{ID: store.NewID("job")}, Tenant: fmt.Sprint("tenant", random.IntN(manyTenants)), User: "ann", Kind: kinds[random.IntN(len(kinds))], Pool: "batch",
			Subject: fmt.Sprintf("ds_%032x", i%5000), IdempotencyKey: fmt.Sprint(i), Payload: json.RawMessage(`{"dataset_id":"ds_1","target":"y"}`),
			State: job.Succeeded, Epoch: 1, Attempt: 1, CreatedAt: at, QueuedAt: at, StartedAt: at, HeartbeatAt: time.Now(), FinishedAt: at.Add(time.Second),
			Result:  json.RawMessage(fmt.Sprintf(`{"value":%d,"text":%q}`, i, strings.Repeat("x", 40))),
			History: []job.Transition{{At: at, State: job.Pending}, {At: at, State: job.Queued, Epoch: 1}, {At: at, State: job.Running, Epoch: 1}, {At: at, State: job.Succeeded, Epoch: 1}},
		}
		switch {
		case i > manyJobs-1000:
			j.State = job.Pending
		case i%1000 == 999:
			j.State = job.Running
		case i%500 == 499:
			j.State, j.Dead, j.Failure = job.Failed, job.DeadFailures, &job.Failure{Code: "internal"}
			letter := j.Letter()
			dead = append(dead, store.Record{ID: letter.ID, Keys: letter.Keys(), Body: encoded(b, letter)})
		case i%50 == 49:
			j.State = job.Failed
		}
		if i%fillStep == 0 {
			some = append(some, named{j.ID, j.Tenant})
		}
		records = append(records, store.Record{ID: j.ID, Keys: j.Keys(), Body: encoded(b, j)})
		if len(records) == 5000 || i == manyJobs-1 {
			if _, err := driver.Insert(b.Context(), "jobs", records...); err != nil {
				b.Fatal(err)
			}
			records = records[:0]
		}
	}
	if _, err := driver.Insert(b.Context(), "dead_letters", dead...); err != nil {
		b.Fatal(err)
	}
	return some
}

// named is a job and whose it is.
type named struct{ id, tenant string }

func encoded(b *testing.B, v any) []byte {
	b.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		b.Fatal(err)
	}
	return body
}
