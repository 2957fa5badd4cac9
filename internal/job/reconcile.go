package job

import (
	"context"
	"fmt"

	"github.com/narrativeml/narrative/internal/store"
)

// Reconcile hands queued jobs over again that the queue has forgotten, and
// returns how many. One pass looks at Limit jobs at most; the next goes on
// from there. A job is looked at when it was handed over ReconcileAfter ago. The
// time is that of whoever did: if that clock is late the queue is asked sooner,
// and no harm is done; if it is ahead, so that the time lies in the future, the
// job is looked at when it has stood there for as long before this keeper's own
// eyes.
func (k *Keeper) Reconcile(ctx context.Context) (int, error) {
	k.reconciling.Lock()
	defer k.reconciling.Unlock()
	ahead, err := k.reconcileAhead(ctx)
	if err != nil {
		return ahead, fmt.Errorf("reconcile: %w", err)
	}
	if k.position == "" {
		k.until = stamp(k.cfg.Now).Add(-k.cfg.ReconcileAfter)
	}
	q := store.Query{
		Index: indexDue, Equal: []any{string(Queued)}, To: nanos(k.until), Cursor: k.position, Limit: k.cfg.Page,
	}
	handed, seen := ahead, 0
	for seen < k.cfg.Limit {
		page, err := k.jobs.Find(ctx, q)
		if err != nil {
			return handed, fmt.Errorf("reconcile: %w", err)
		}
		seen += len(page.Items)
		done, err := k.remind(ctx, page.Items)
		handed += done
		if err != nil {
			return handed, fmt.Errorf("reconcile: %w", err)
		}
		k.position, q.Cursor = page.Next, page.Next
		if page.Next == "" {
			break
		}
	}
	return handed, nil
}

// reconcileAhead is Reconcile of the jobs whose time lies in the future.
func (k *Keeper) reconcileAhead(ctx context.Context) (int, error) {
	at := k.cfg.Now()
	k.ahead.begin(at, 2*k.cfg.ReconcileAfter)
	q := store.Query{Index: indexDue, Equal: []any{string(Queued)}, From: nanos(at) + 1, Limit: k.cfg.Page}
	handed := 0
	for seen := 0; seen < k.cfg.Limit; {
		page, err := k.jobs.Find(ctx, q)
		if err != nil {
			return handed, err
		}
		seen += len(page.Items)
		var due []*Job
		for _, j := range page.Items {
			if k.ahead.still(j.ID, int64(j.Epoch)) >= k.cfg.ReconcileAfter {
				due = append(due, j)
			}
		}
		done, err := k.remind(ctx, due)
		handed += done
		if err != nil {
			return handed, err
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	k.ahead.end()
	return handed, nil
}

// remind hands those of the jobs over again that the queue does not have.
func (k *Keeper) remind(ctx context.Context, jobs []*Job) (int, error) {
	var forgotten []*Job
	var failed error
	for _, j := range jobs {
		alive, err := k.asks(ctx, j)
		if err != nil {
			failed = err
			break
		}
		if !alive {
			forgotten = append(forgotten, j)
		}
	}
	if len(forgotten) == 0 || failed != nil {
		return 0, failed
	}
	done, err := k.dispatch.handOver(ctx, "queue_forgot", forgotten...)
	for _, j := range done {
		k.cfg.Observer.Revived(j, "queue_forgot")
	}
	return len(done), err
}
