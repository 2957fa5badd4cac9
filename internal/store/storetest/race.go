package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/narrativeml/narrative/internal/store"
)

const racers = 50

// race runs the function by all racers at once and returns how many won.
func race(t *testing.T, run func(racer int) (won bool, err error)) int64 {
	t.Helper()
	var winners atomic.Int64
	var group errgroup.Group
	start := make(chan struct{})
	for racer := range racers {
		group.Go(func() error {
			<-start
			won, err := run(racer)
			if won {
				winners.Add(1)
			}
			return err
		})
	}
	close(start)
	must(t, group.Wait())
	return winners.Load()
}

// outcome reports whether a write of one record was done, when it may as well
// be refused by the expected error.
func outcome(errs []error, err, expected error) (bool, error) {
	if err != nil {
		return false, err
	}
	if errs[0] != nil && !errors.Is(errs[0], expected) {
		return false, errs[0]
	}
	return errs[0] == nil, nil
}

func testRaceToReplace(t *testing.T, b *bundle) {
	t.Helper()
	ctx := t.Context()
	b.insert(t, paper("p1", "a", 0, "x"))
	for round := range int64(20) {
		var winner atomic.Int64
		winners := race(t, func(racer int) (bool, error) {
			r := paper("p1", "a", int64(racer), "x")
			r.Revision = round + 1
			errs, err := b.Replace(ctx, papers, r)
			won, err := outcome(errs, err, store.ErrStale)
			if won {
				winner.Store(int64(racer))
			}
			return won, err
		})
		if winners != 1 {
			t.Errorf("round %d has %d winners", round, winners)
		}
		wantRecord(t, b.get(t, "p1"), paper("p1", "a", winner.Load(), "x"), round+2)
	}
}

func testRaceToInsert(t *testing.T, b *bundle) {
	t.Helper()
	ctx := t.Context()
	for round := range 20 {
		key := fmt.Sprintf("k%d", round)
		var winner atomic.Value
		winners := race(t, func(racer int) (bool, error) {
			r := paper(fmt.Sprintf("p%d-%d", round, racer), "a", 0, "x")
			r.Keys["key"] = key
			errs, err := b.Insert(ctx, papers, r)
			won, err := outcome(errs, err, store.ErrDuplicate)
			if won {
				winner.Store(r.ID)
			}
			return won, err
		})
		if winners != 1 {
			t.Fatalf("round %d has %d winners", round, winners)
		}
		got := b.find(t, store.Scan{Index: byKey(), Equal: []any{"a", key}})
		wantIDs(t, got, winner.Load().(string)) //nolint:forcetypeassert // a panic fails the test
	}
	n, err := b.Count(ctx, papers, store.Scan{Index: byShelf()}, 0)
	must(t, err)
	if n != 20 {
		t.Errorf("%d records are there, want 20", n)
	}
}

// testRaceToDelete lets deletions and replacements of one revision race.
func testRaceToDelete(t *testing.T, b *bundle) {
	t.Helper()
	ctx := t.Context()
	for round := range 10 {
		id := fmt.Sprintf("p%d", round)
		b.insert(t, paper(id, "a", 0, "x"))
		winners := race(t, func(racer int) (bool, error) {
			if racer%2 == 0 {
				err := b.Delete(ctx, papers, id, 1)
				if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
					return false, nil
				}
				return err == nil, err
			}
			r := paper(id, "b", 0, "x")
			r.Revision = 1
			errs, err := b.Replace(ctx, papers, r)
			if err == nil && errors.Is(errs[0], store.ErrNotFound) {
				return false, nil
			}
			return outcome(errs, err, store.ErrStale)
		})
		if winners != 1 {
			t.Errorf("round %d has %d winners", round, winners)
		}
	}
}
