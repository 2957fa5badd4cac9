package health_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/health"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

// away is a driver that fails the operation.
type away struct {
	store.Driver
	operation string
}

var errAway = errors.New("connection refused")

func (a *away) Insert(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	if a.operation == "insert" {
		return nil, errAway
	}
	return a.Driver.Insert(ctx, c, r...)
}

func (a *away) Find(ctx context.Context, c string, s store.Scan) ([]store.Record, error) {
	if a.operation == "find" {
		return nil, errAway
	}
	return a.Driver.Find(ctx, c, s)
}

func (a *away) Delete(ctx context.Context, c, id string, revision int64) error {
	if a.operation == "delete" {
		return errAway
	}
	return a.Driver.Delete(ctx, c, id, revision)
}

func records(t *testing.T) *away {
	t.Helper()
	d := &away{Driver: memstore.New()}
	if err := d.Ensure(t.Context(), health.Collections()...); err != nil {
		t.Fatal(err)
	}
	return d
}

func report(records, s3 health.Status, breaker string) health.Report {
	return health.Report{Checks: map[string]health.Result{
		"store": {Status: records, LatencyMS: 1, Breaker: breaker}, "s3": {Status: s3, Error: "why"}, "llm": {Status: health.NotConfigured},
	}}
}

// listed is everything of the check, newest first, by pages of two.
func listed(t *testing.T, h *health.History, check string) []string {
	t.Helper()
	var all []string
	cursor := ""
	for {
		page, err := h.List(t.Context(), check, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Items {
			all = append(all, fmt.Sprintf("%s %s %s %v", f.At.Format("15:04"), f.Check, f.Status, f.Changed))
		}
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

func TestHistoryKeepsWhatIsNew(t *testing.T) {
	t.Parallel()
	d := records(t)
	h := health.NewHistory(d, time.Hour)
	at := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	sweep := func(h *health.History, minute int, r health.Report) {
		t.Helper()
		if err := h.Record(t.Context(), at.Add(time.Duration(minute)*time.Minute), r); err != nil {
			t.Fatal(err)
		}
	}
	fine := report(health.OK, health.OK, "closed")
	sweep(h, 0, fine)
	sweep(h, 0, fine) // twice for one tick
	sweep(h, 1, fine)
	sweep(h, 2, report(health.OK, health.Unavailable, "closed"))
	h = health.NewHistory(d, time.Hour) // another scheduler leads
	sweep(h, 2, report(health.OK, health.Unavailable, "closed"))
	sweep(h, 3, report(health.OK, health.Unavailable, "open"))
	sweep(h, 4, report(health.OK, health.OK, "open"))
	sweep(h, 63, report(health.OK, health.OK, "open"))
	for check, want := range map[string]string{
		"":      "[13:03 store ok false 12:04 s3 ok true 12:03 store ok true 12:02 s3 unavailable true 12:00 store ok true 12:00 s3 ok true]",
		"s3":    "[12:04 s3 ok true 12:02 s3 unavailable true 12:00 s3 ok true]",
		"redis": "[]",
	} {
		if got := fmt.Sprint(listed(t, h, check)); got != want {
			t.Errorf("%q: %s, not %s", check, got, want)
		}
	}
	page, err := h.List(t.Context(), "s3", "", 0)
	if err != nil || page.Items[1].Error != "why" {
		t.Errorf("%+v, %v", page, err)
	}
	if n, err := h.Forget(t.Context(), at.Add(3*time.Minute)); n != 3 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if got := listed(t, h, ""); len(got) != 3 {
		t.Errorf("left: %q", got)
	}
}

func TestHistoryRefuses(t *testing.T) {
	t.Parallel()
	d := records(t)
	h := health.NewHistory(d, time.Hour)
	for want, ask := range map[string]func() error{
		"limit_out_of_range": func() error { _, err := h.List(t.Context(), "", "", 501); return err },
		"invalid_check":      func() error { _, err := h.List(t.Context(), fmt.Sprintf("%065d", 1), "", 1); return err },
		"invalid_cursor":     func() error { _, err := h.List(t.Context(), "", "x", 1); return err },
	} {
		if err := ask(); fault.CodeOf(err) != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
	r := report(health.OK, health.OK, "closed")
	for _, d.operation = range []string{"find", "insert"} {
		if err := h.Record(t.Context(), time.Now(), r); !errors.Is(err, errAway) {
			t.Errorf("%s: %v", d.operation, err)
		}
	}
	d.operation = ""
	if err := h.Record(t.Context(), time.Now(), r); err != nil {
		t.Error(err)
	}
	for _, d.operation = range []string{"find", "delete"} {
		if _, err := h.Forget(t.Context(), time.Now().Add(time.Hour)); !errors.Is(err, errAway) {
			t.Errorf("%s: %v", d.operation, err)
		}
	}
}

func TestABreakerIsTold(t *testing.T) {
	t.Parallel()
	state := "closed"
	check := health.Check{Name: "s3", Critical: true, Breaker: func() string { return state }, Func: func(context.Context) error { return nil }}
	for _, state = range []string{"closed", "half_open", "open"} {
		r := health.New(health.Config{Timeout: time.Minute}, check).Run(t.Context())
		want := health.OK
		if state == "open" {
			want = health.Unavailable
		}
		if got := r.Checks["s3"]; r.Status != want || got.Status != want || got.Breaker != state || (got.Error == "") != (want == health.OK) {
			t.Errorf("%s: %+v", state, r)
		}
	}
}
