package health

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// Finding is what was found out about one part at a time.
type Finding struct {
	store.Meta
	Check     string    `json:"check"`
	Status    Status    `json:"status"`
	LatencyMS float64   `json:"latency_ms"`
	Breaker   string    `json:"breaker,omitempty"`
	Error     string    `json:"error,omitempty"`
	Changed   bool      `json:"changed,omitempty"` // it was otherwise before, or is the first
	At        time.Time `json:"at"`
}

// Keys implements store.Entity.
func (f *Finding) Keys() map[string]any {
	return map[string]any{"check": f.Check, "at": f.At.UnixNano()}
}

// The indexes of the collection health_history.
const (
	indexAt    = "at"
	indexCheck = "check_at"
)

// Collections declares what the package keeps in the store.
func Collections() []store.Collection { return []store.Collection{findings()} }

func findings() store.Collection {
	at := store.IndexField{Name: "at", Type: store.Int}
	return store.Collection{Name: "health_history", Indexes: []store.Index{
		{Name: indexAt, Fields: []store.IndexField{at}},
		{Name: indexCheck, Fields: []store.IndexField{{Name: "check"}, at}},
	}}
}

// History keeps what sweeps have found. It is safe for concurrent use.
type History struct {
	table *store.Table[Finding, *Finding]
	every time.Duration

	mu   sync.Mutex
	last map[string]*Finding // by check; those of earlier processes are read when they are needed
}

// NewHistory returns a history over a collection that the caller has ensured.
// A part that does not change has a row once in the period.
func NewHistory(driver store.Driver, every time.Duration) *History {
	return &History{table: store.NewTable[Finding](driver, findings()), every: every, last: map[string]*Finding{}}
}

// Record keeps what the sweep of that time has found, as far as it is news. A
// sweep that is recorded twice has its rows once.
func (h *History) Record(ctx context.Context, at time.Time, r Report) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(r.Checks)) {
		found := r.Checks[name]
		if found.Status == NotConfigured {
			continue
		}
		last, err := h.latest(ctx, name)
		if err != nil {
			return err
		}
		changed := last == nil || last.Status != found.Status || last.Breaker != found.Breaker
		if !changed && at.Sub(last.At) < h.every {
			continue
		}
		row := &Finding{
			Meta: store.Meta{ID: name + "@" + at.UTC().Format(time.RFC3339)}, Check: name, Status: found.Status,
			LatencyMS: found.LatencyMS, Breaker: found.Breaker, Error: found.Error, Changed: changed, At: at.UTC(),
		}
		if err := h.table.Insert(ctx, row); err != nil && !errors.Is(err, store.ErrDuplicate) {
			return fmt.Errorf("record the health of %s: %w", name, err)
		}
		h.last[name] = row
	}
	return nil
}

// latest returns the newest row of the check, nil when there is none.
func (h *History) latest(ctx context.Context, check string) (*Finding, error) {
	if known := h.last[check]; known != nil {
		return known, nil
	}
	page, err := h.table.Find(ctx, store.Query{Index: indexCheck, Equal: []any{check}, Descending: true, Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	return page.Items[0], nil
}

const (
	defaultPage = 50
	maxPage     = 500
	maxCheck    = 64
)

// List returns a page of the findings, newest first; of one check, unless it is
// empty. The cursor is Next of the page before; a limit of 0 means 50, the
// largest is 500.
func (h *History) List(ctx context.Context, check, cursor string, limit int) (store.Page[*Finding], error) {
	switch {
	case limit < 0 || limit > maxPage:
		return store.Page[*Finding]{}, fault.Invalid("limit_out_of_range", "A page has between 1 and %d findings.", maxPage).
			With(fault.Field{Location: "query.limit", Message: "out of range", Value: limit})
	case len(check) > maxCheck:
		return store.Page[*Finding]{}, fault.Invalid("invalid_check", "The name of a check has at most %d bytes, such as store.", maxCheck).
			With(fault.Field{Location: "query.check", Message: "too long"})
	case limit == 0:
		limit = defaultPage
	}
	q := store.Query{Index: indexAt, Descending: true, Cursor: cursor, Limit: limit}
	if check != "" {
		q.Index, q.Equal = indexCheck, []any{check}
	}
	return h.table.Find(ctx, q)
}

// Forget deletes what was found before the time, and returns how much that was.
func (h *History) Forget(ctx context.Context, before time.Time) (int, error) {
	n := 0
	for {
		page, err := h.table.Find(ctx, store.Query{Index: indexAt, To: before.UnixNano(), Limit: store.MaxLimit})
		if err != nil {
			return n, err
		}
		for _, row := range page.Items {
			if err := h.table.Delete(ctx, row.ID, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
				return n, err
			}
			n++
		}
		if page.Next == "" {
			return n, nil
		}
	}
}
