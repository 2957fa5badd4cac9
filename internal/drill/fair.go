package drill

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

const (
	kindNap  = "nap"
	napTime  = 50 * time.Millisecond
	fairLot  = 3    // weight of the tenant that is to get more
	fairSome = 0.75 // its share beside one of weight 1
)

// started keeps whose jobs were started, in order.
type started struct {
	mu      sync.Mutex
	tenants []string
}

// run is the handler of kindNap.
func (s *started) run(ctx context.Context, t *job.Task) (any, error) {
	s.mu.Lock()
	s.tenants = append(s.tenants, t.Job.Tenant)
	s.mu.Unlock()
	return nil, pause(ctx, napTime)
}

// since counts the tenant's jobs and all jobs that were started after the n-th.
func (s *started) since(n int, tenant string) (its, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tenants[min(n, len(s.tenants)):] {
		if t == tenant {
			its++
		}
	}
	return its, len(s.tenants) - n
}

// until waits until so many jobs of the tenant were started after the n-th, of
// all tenants if none is named.
func (s *started) until(ctx context.Context, n, jobs int, tenant string) error {
	for {
		its, all := s.since(n, tenant)
		if tenant != "" && its >= jobs || tenant == "" && all >= jobs {
			return nil
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return fmt.Errorf("wait for %d jobs to be started: %w", jobs, err)
		}
	}
}

// fair measures how jobs of several tenants are dispatched, on records and a
// queue of their own: what waits at the end is left behind.
func (d *jobDrill) fair(ctx context.Context) (figures []Figure, err error) {
	ctx, cancel := context.WithTimeout(ctx, jobPatience)
	defer cancel()
	r, err := openDirect(ctx, filepath.Join(d.dir, "fair.db"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close(ctx)) }()
	err = d.with(ctx, &recordsWay{records: r}, idleSlots, func(p *jobPlatform) error {
		p.watch.left.Store(math.MaxInt64) // nobody waits for the end
		delay, err := d.delay(ctx, p)
		if err != nil {
			return err
		}
		share, err := d.share(ctx, p)
		if err != nil {
			return err
		}
		note := fmt.Sprintf("jobs of %s, %d slots; redis-server; records in SQLite", napTime, idleSlots)
		figures = []Figure{
			Alone("jobs-flood-delay", delay, "slots", fmt.Sprintf("jobs that are started between the submission of another tenant's job and its start, for each slot, while %d jobs of one tenant wait, mean of %d; %s", d.plan.Flood, floodSamples, note)),
			Alone("jobs-fair-share-error", 100*math.Abs(share-fairSome), "%", fmt.Sprintf("of %d jobs that are started while tenants of weight 1 and %d wait, from the share of the latter; %s", d.plan.Shares, fairLot, note)),
		}
		return nil
	})
	return figures, err
}

// floodSamples is how many jobs are submitted beside a flood.
const floodSamples = 10

// delay returns how many jobs are started for each slot, on average, between the
// submission of a job beside a flood and its start.
func (d *jobDrill) delay(ctx context.Context, p *jobPlatform) (float64, error) {
	if err := p.submitMany(ctx, "flood", d.plan.Flood, d.plan.Callers); err != nil {
		return 0, err
	}
	total := 0
	for range floodSamples {
		if err := pause(ctx, idleAtLeast+time.Duration(d.random.Int64N(int64(idleSpread)))); err != nil {
			return 0, err
		}
		_, before := p.naps.since(0, "")
		if err := p.submitFor(ctx, "small"); err != nil {
			return 0, err
		}
		if err := p.naps.until(ctx, before, 1, "small"); err != nil {
			return 0, err
		}
		_, all := p.naps.since(before, "")
		total += all - 1
	}
	return float64(total) / floodSamples / idleSlots, nil
}

// share returns the share of a tenant of three times the weight of another.
func (d *jobDrill) share(ctx context.Context, p *jobPlatform) (float64, error) {
	heavy, flood := job.TenantPolicy{Meta: store.Meta{ID: "heavy"}, Weight: fairLot}, job.TenantPolicy{Meta: store.Meta{ID: "flood"}, Paused: true}
	for _, policy := range []job.TenantPolicy{heavy, flood} {
		if _, err := p.service.SetTenantPolicy(ctx, policy, nil); err != nil {
			return 0, err
		}
	}
	for _, tenant := range []string{"light", "heavy"} {
		if err := p.submitMany(ctx, tenant, d.plan.Shares, d.plan.Callers); err != nil {
			return 0, err
		}
	}
	_, before := p.naps.since(0, "")
	if err := p.naps.until(ctx, before, d.plan.Shares, ""); err != nil {
		return 0, err
	}
	its, all := p.naps.since(before, "heavy")
	return float64(its) / float64(all), nil
}

func (p *jobPlatform) submitFor(ctx context.Context, tenant string) error {
	_, _, err := p.service.Submit(ctx, job.Submission{
		Kind: job.Kind{Name: kindNap, Pool: jobPool}, Tenant: tenant, User: "bench", Payload: struct{}{},
	})
	return err
}

// submitMany submits so many jobs, some at a time.
func (p *jobPlatform) submitMany(ctx context.Context, tenant string, jobs, callers int) error {
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for i := range errs {
		wg.Go(func() {
			for range (jobs + callers - 1 - i) / callers {
				if errs[i] = p.submitFor(ctx, tenant); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
