package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/sample"
)

// What clients ask for. A slow job is a training that keeps checkpoints.
const (
	kindIngest     = "ingest"
	kindTraining   = "training"
	kindPrediction = "prediction"
	kindTuning     = "tuning"
	kindSlow       = "slow"
	kindSharded    = "sharded" // a prediction that is divided
	kindHeavy      = "heavy"   // a training that may use less memory than it needs
)

// users are the clients of a run.
type users struct {
	*cluster
	prefix  string                      // of idempotency keys
	clients map[string][]*client.Client // of each tenant, by API
	bases   map[string]*base            // of each tenant

	submitted atomic.Int64 // accepted orders
	mu        sync.Mutex
	last      map[string]string // of each tenant, the job that was accepted last
	changed   chan struct{}
}

// base is what a tenant has before the run: something to train on and to
// predict with.
type base struct {
	dataset string // a few hundred rows
	large   string // some thousands
	huge    string // more than fit into little memory; only where heavy jobs are asked for
	model   string // binary
}

func tenantName(i int) string { return "tenant-" + strconv.Itoa(i) }

// newUsers prepares clients of so many tenants, and what they have.
func newUsers(ctx context.Context, c *cluster, prefix string, count int) (*users, error) {
	u := &users{cluster: c, prefix: prefix, clients: map[string][]*client.Client{}, bases: map[string]*base{}, last: map[string]string{}, changed: make(chan struct{})}
	for i := range count {
		tenant := tenantName(i)
		for api := range c.apis {
			one, err := c.client(api, tenant)
			if err != nil {
				return nil, err
			}
			u.clients[tenant] = append(u.clients[tenant], one)
		}
	}
	errs := make([]error, count)
	var wg sync.WaitGroup
	for i := range count {
		u.bases[tenantName(i)] = &base{}
		wg.Go(func() { errs[i] = u.prepare(ctx, tenantName(i)) })
	}
	wg.Wait()
	return u, errors.Join(errs...)
}

// table returns the header and some rows of a bundled table.
func table(name string, rows int) ([]byte, error) {
	set, ok := sample.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("there is no table %q", name)
	}
	file, err := set.Open()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read the table %s: %w", name, err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	lines = lines[:min(len(lines), rows+1)]
	return bytes.Join(lines, nil), nil
}

const (
	smallRows = 400
	largeRows = 8000
	hugeRows  = 150_000
	target    = "insurance"
	positive  = "no"
)

// prepare makes what a tenant has.
func (u *users) prepare(ctx context.Context, tenant string) error {
	b := u.bases[tenant]
	for rows, into := range map[int]*string{smallRows: &b.dataset, largeRows: &b.large} {
		data, err := table(target, rows)
		if err != nil {
			return err
		}
		a, err := u.submit(ctx, tenant, fmt.Sprintf("%s-base-%d", u.prefix, rows), kindIngest, func(ctx context.Context, c *client.Client, key string) (string, string, error) {
			return upload(ctx, c, key, data)
		})
		if err != nil {
			return err
		}
		if err := u.succeed(ctx, tenant, a.job); err != nil {
			return err
		}
		*into = a.subject
	}
	a, err := u.submit(ctx, tenant, u.prefix+"-base-model", kindTraining, func(ctx context.Context, c *client.Client, key string) (string, string, error) {
		j, err := c.Train(ctx, client.TrainRequest{
			DatasetID: b.dataset, Target: target, PositiveClass: positive, Algorithms: []string{"linear"}, Folds: 2,
		}, key)
		return idOf(j), "", err
	})
	if err != nil {
		return err
	}
	if err := u.succeed(ctx, tenant, a.job); err != nil {
		return err
	}
	b.model, err = u.modelOf(ctx, tenant, a.job)
	return err
}

// weigh makes what heavy jobs are about.
func (u *users) weigh(ctx context.Context, tenant string) error {
	few, err := table(target, largeRows)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(many(few, hugeRows))
	if err != nil {
		return fmt.Errorf("repeat a table: %w", err)
	}
	a, err := u.submit(ctx, tenant, u.prefix+"-base-huge", kindIngest, func(ctx context.Context, c *client.Client, key string) (string, string, error) {
		return upload(ctx, c, key, data)
	})
	if err != nil {
		return err
	}
	u.bases[tenant].huge = a.subject
	return u.succeed(ctx, tenant, a.job)
}

func idOf(j *client.Job) string {
	if j == nil {
		return ""
	}
	return j.ID
}

func upload(ctx context.Context, c *client.Client, key string, data []byte) (jobID, dataset string, err error) {
	a, err := c.Upload(ctx, client.Upload{Name: "table", Filename: "table.csv", Key: key, Body: bytes.NewReader(data)})
	return a.JobID, a.DatasetID, err
}

// modelOf returns the model that a training made.
func (u *users) modelOf(ctx context.Context, tenant, id string) (string, error) {
	j, err := u.clients[tenant][0].Job(ctx, id)
	if err != nil {
		return "", err
	}
	var made struct {
		ModelID string `json:"model_id"`
	}
	if err := json.Unmarshal(j.Result, &made); err != nil || made.ModelID == "" {
		return "", fmt.Errorf("the training %s made no model (%w)", id, err)
	}
	return made.ModelID, nil
}

// answer is what a submission was answered.
type answer struct{ job, subject string }

const (
	callLimit     = 8 * time.Second // of one request, so that a lost reply is noticed
	userPatience  = 3 * time.Minute // of one submission, over all repetitions
	endPatience   = 6 * time.Minute // until a job ends
	betweenAsking = 200 * time.Millisecond
)

type call func(ctx context.Context, c *client.Client, key string) (job, subject string, err error)

// submit asks until the submission is accepted, under one key, one API after
// the other.
func (u *users) submit(ctx context.Context, tenant, key, kind string, do call) (answer, error) {
	u.history.Append(Event{What: Asked, Key: key, Kind: kind, Tenant: tenant})
	ctx, cancel := context.WithTimeout(ctx, userPatience)
	defer cancel()
	for try := len(key); ; try++ {
		c := u.clients[tenant][try%len(u.clients[tenant])]
		limited, cancel := context.WithTimeout(ctx, callLimit)
		id, subject, err := do(limited, c, key)
		cancel()
		if err == nil && id != "" {
			u.history.Append(Event{What: Accepted, Job: id, Key: key, Kind: kind, Tenant: tenant})
			return answer{job: id, subject: subject}, nil
		}
		if refused(err) || ctx.Err() != nil {
			return answer{}, fmt.Errorf("submit %s as %s: %w", kind, key, err)
		}
		wait(ctx, betweenAsking)
	}
}

// refused reports whether the API said no, for good.
func refused(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return e.Status < http.StatusInternalServerError && e.Code != "malformed_form" // a form that broke off on its way
	}
}

// succeed waits for the end of a job that must succeed.
func (u *users) succeed(ctx context.Context, tenant, id string) error {
	state, err := u.wait(ctx, tenant, id)
	if err == nil && state != client.Succeeded {
		err = fmt.Errorf("the job %s %s", id, state)
	}
	return err
}

// wait polls until the job has ended and writes down how.
func (u *users) wait(ctx context.Context, tenant, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	for try := len(id) + int(u.submitted.Load()); ; try++ {
		c := u.clients[tenant][try%len(u.clients[tenant])]
		limited, cancel := context.WithTimeout(ctx, 2*callLimit)
		j, err := c.Wait(limited, id, nil)
		cancel()
		if failed, ok := errors.AsType[*client.JobError](err); ok {
			j, err = failed.Job, nil
		}
		if err == nil && j != nil {
			u.history.Append(Event{What: Ended, Job: id, State: j.State})
			return j.State, nil
		}
		if refused(err) {
			return "", fmt.Errorf("look at job %s: %w", id, err)
		}
		if ctx.Err() != nil {
			return "", nil // the checker says that it is stuck
		}
		wait(ctx, betweenAsking)
	}
}

// serve submits the order, and waits for its end.
func (u *users) serve(ctx context.Context, o Order) error {
	tenant := tenantName(o.Tenant)
	kind, do, err := u.call(tenant, o)
	if err != nil {
		return err
	}
	key := fmt.Sprintf("%s-%d", u.prefix, o.Index)
	a, err := u.submit(ctx, tenant, key, kind, do)
	u.advance(tenant, a.job)
	if err != nil {
		return err
	}
	if o.Kind == kindHeavy {
		u.history.Append(Event{What: Expected, Job: a.job, Tenant: tenant, Reason: "memory_exceeded"})
	}
	if o.Rank >= 0 {
		if err := u.rank(ctx, tenant, a.job, o.Rank); err != nil {
			return err
		}
	}
	if o.Twice {
		if _, err := u.submit(ctx, tenant, key, kind, do); err != nil {
			return err
		}
	}
	if o.Cancel > 0 {
		if o.Kind == kindSlow { // it is cancelled when it runs, or when that takes long
			_ = u.runs(ctx, a.job, 1)
		}
		wait(ctx, o.Cancel)
		if err := u.cancel(ctx, tenant, a.job); err != nil {
			return err
		}
	}
	state, err := u.wait(ctx, tenant, a.job)
	if err != nil || o.Kind != kindSharded || state != client.Succeeded {
		return err
	}
	return u.count(ctx, tenant, a.job, largeRows)
}

// advance counts a submission, and remembers its job if there is one.
func (u *users) advance(tenant, id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.submitted.Add(1)
	if id != "" {
		u.last[tenant] = id
	}
	close(u.changed)
	u.changed = make(chan struct{})
}

// until waits until so many orders were submitted.
func (u *users) until(ctx context.Context, orders int) error {
	for {
		u.mu.Lock()
		changed := u.changed
		u.mu.Unlock()
		if u.submitted.Load() >= int64(orders) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cancel asks until the cancel is accepted or it is too late for one.
func (u *users) cancel(ctx context.Context, tenant, id string) error {
	ctx, cancel := context.WithTimeout(ctx, userPatience)
	defer cancel()
	for try := len(id); ; try++ {
		c := u.clients[tenant][try%len(u.clients[tenant])]
		limited, cancel := context.WithTimeout(ctx, callLimit)
		_, err := c.Cancel(limited, id)
		cancel()
		if err == nil {
			u.history.Append(Event{What: Cancelled, Job: id, Tenant: tenant})
			return nil
		}
		if e, ok := errors.AsType[*client.Error](err); ok && strings.HasPrefix(e.Code, "job_already_") {
			return nil
		}
		if refused(err) || ctx.Err() != nil {
			return fmt.Errorf("cancel job %s: %w", id, err)
		}
		wait(ctx, betweenAsking)
	}
}

// call makes the request of an order.
func (u *users) call(tenant string, o Order) (kind string, do call, err error) {
	b, order := u.bases[tenant], u.order(tenant, o)
	switch o.Kind {
	case kindIngest:
		data := generated(o.Seed)
		return kindIngest, func(ctx context.Context, c *client.Client, key string) (string, string, error) {
			return upload(ctx, c, key, data)
		}, nil
	case kindPrediction:
		return kindPrediction, func(ctx context.Context, c *client.Client, key string) (string, string, error) {
			j, err := c.Predict(ctx, client.PredictRequest{ModelID: b.model, DatasetID: b.dataset, Order: order}, key)
			return idOf(j), "", err
		}, nil
	case kindSharded:
		return kindPrediction, shards(client.PredictRequest{ModelID: b.model, DatasetID: b.large, Shards: 4, Order: order}), nil
	case kindTuning:
		return kindTuning, func(ctx context.Context, c *client.Client, key string) (string, string, error) {
			j, err := c.Tune(ctx, client.TuneRequest{ModelID: b.model, Method: "threshold", Objective: "f1", Order: order}, key)
			return idOf(j), "", err
		}, nil
	case kindTraining:
		return kindTraining, trains(client.TrainRequest{
			DatasetID: b.dataset, Target: target, PositiveClass: positive,
			Algorithms: []string{"baseline", "gbdt"}, Folds: 2, Trees: 60, Seed: o.Seed, Order: order,
		}), nil
	case kindSlow:
		r := slowTraining(b.large, o.Seed)
		r.Order = order
		return kindTraining, trains(r), nil
	case kindHeavy:
		r := slowTraining(b.huge, o.Seed)
		r.Memory = littleMemory
		return kindTraining, trains(r), nil
	default:
		return "", nil, fmt.Errorf("there is no kind %q of orders", o.Kind)
	}
}

// littleMemory is what a heavy order asks for: the least that may be asked for,
// and less than a training of so many rows takes.
const littleMemory = "32MiB"

// order says what the job comes after.
func (u *users) order(tenant string, o Order) client.Order {
	u.mu.Lock()
	defer u.mu.Unlock()
	if id := u.last[tenant]; o.After && id != "" {
		return client.Order{After: []string{id}}
	}
	return client.Order{}
}

// slowTraining takes seconds and keeps many checkpoints.
func slowTraining(dataset string, seed uint64) client.TrainRequest {
	return client.TrainRequest{
		DatasetID: dataset, Target: target, PositiveClass: positive,
		Algorithms: []string{"linear", "forest", "gbdt"}, Folds: 4, Trees: 200, Seed: seed,
	}
}

func shards(r client.PredictRequest) call {
	return func(ctx context.Context, c *client.Client, key string) (string, string, error) {
		j, err := c.Predict(ctx, r, key)
		return idOf(j), "", err
	}
}

func trains(r client.TrainRequest) call {
	return func(ctx context.Context, c *client.Client, key string) (string, string, error) {
		j, err := c.Train(ctx, r, key)
		return idOf(j), "", err
	}
}

// generated is a small table that no other order has.
func generated(seed uint64) []byte {
	dice := rand.New(rand.NewPCG(seed, 7))
	var b bytes.Buffer
	b.WriteString("id,amount,colour,day\n")
	colours := []string{"red", "green", "blue"}
	for i := range 60 + dice.IntN(200) {
		fmt.Fprintf(&b, "%d,%.2f,%s,2026-%02d-%02d\n", i, 1000*dice.Float64(), colours[dice.IntN(3)], 1+dice.IntN(12), 1+dice.IntN(28))
	}
	return b.Bytes()
}
