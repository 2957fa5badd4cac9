package upload_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/internal/upload"
)

// lockers returns lockers of as many processes, on one store.
func lockers(t *testing.T, n int) ([]*upload.Locker, store.Driver) {
	t.Helper()
	driver := memstore.New()
	if err := driver.Ensure(t.Context(), upload.Collections()...); err != nil {
		t.Fatal(err)
	}
	all := make([]*upload.Locker, n)
	for i := range all {
		all[i] = upload.NewLocker(upload.LockerConfig{Driver: driver})
	}
	return all, driver
}

func take(t *testing.T, l *upload.Locker, within time.Duration, ask func()) (*upload.Lock, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	lock := l.NewLock("upl_1")
	return lock, lock.Lock(ctx, ask)
}

// TestLock is what the protocol asks of a locker, in one process and over two.
func TestLock(t *testing.T) {
	t.Parallel()
	for name, processes := range map[string]int{"one process": 1, "two processes": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				all, _ := lockers(t, processes)
				here, there := all[0], all[processes-1]
				asked := make(chan struct{})
				first, err := take(t, here, time.Second, func() { close(asked) }) // a second call would panic
				if err != nil {
					t.Fatal(err)
				}
				if _, err := take(t, there, 5*time.Second, func() {}); err == nil {
					t.Error("two have the lock")
				} else {
					wantCode(t, "held", err, "upload_locked")
				}
				select {
				case <-asked:
				default:
					t.Error("the holder was not asked")
				}
				synctest.Wait()
				<-time.After(time.Minute) // however long it takes, it stays the holder's
				if _, err := take(t, there, time.Second, func() {}); err == nil {
					t.Error("a lock that is renewed was taken")
				}
				if err := first.Unlock(); err != nil {
					t.Fatal(err)
				}
				second, err := take(t, there, time.Second, func() {})
				if err != nil {
					t.Fatalf("a free lock: %v", err)
				}
				if err := second.Unlock(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestLockIsHandedOver checks that whoever waits gets the lock when the holder
// lets go because it was asked.
func TestLockIsHandedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, _ := lockers(t, 3)
		var held atomic.Int32
		var turns atomic.Int32
		var wg sync.WaitGroup
		for i := range 9 {
			wg.Go(func() {
				asked := make(chan struct{})
				lock, err := take(t, all[i%len(all)], time.Minute, func() { close(asked) })
				if err != nil {
					t.Error(err)
					return
				}
				if held.Add(1) != 1 {
					t.Error("two have the lock")
				}
				turns.Add(1)
				select {
				case <-asked:
				case <-time.After(10 * time.Second): // the last is not asked
				}
				held.Add(-1)
				if err := lock.Unlock(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if turns.Load() != 9 {
			t.Errorf("%d of 9 had the lock", turns.Load())
		}
	})
}

// silent is a store that a process cannot reach any more.
type silent struct {
	store.Driver
	away atomic.Bool
}

var errAway = errors.New("away")

func (s *silent) Replace(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	if s.away.Load() {
		return nil, errAway
	}
	return s.Driver.Replace(ctx, collection, records...)
}

func (s *silent) Peek(ctx context.Context, collection, id string) (store.Record, error) {
	if s.away.Load() {
		return store.Record{}, errAway
	}
	return s.Driver.Peek(ctx, collection, id)
}

// TestLockOfTheDead checks that the lock of a process that has died, or cannot
// reach the store, is free after a time, and that a holder that lives lets go
// before.
func TestLockOfTheDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, driver := lockers(t, 1)
		cut := &silent{Driver: driver}
		dying := upload.NewLocker(upload.LockerConfig{Driver: cut})
		let := make(chan time.Time, 1)
		lost, err := take(t, dying, time.Second, func() { let <- time.Now() })
		if err != nil {
			t.Fatal(err)
		}
		cut.away.Store(true)
		heir, err := take(t, all[0], 15*time.Second, func() {})
		if err != nil {
			t.Fatalf("the lock of the dead: %v", err)
		}
		select {
		case at := <-let:
			if !at.Before(time.Now()) {
				t.Error("it let go too late")
			}
		default:
			t.Error("the holder did not let go")
		}
		cut.away.Store(false)
		if err := lost.Unlock(); err != nil {
			t.Fatal(err)
		}
		if _, err := take(t, dying, time.Second, func() {}); err == nil {
			t.Error("the dead has freed the lock of its heir")
		}
		if err := heir.Unlock(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLockOfAClockAhead checks that a lock whose holder's clock was far ahead,
// and which died, is free after a time.
func TestLockOfAClockAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, driver := lockers(t, 1)
		cut := &silent{Driver: driver}
		ahead := upload.NewLocker(upload.LockerConfig{Driver: cut, Now: func() time.Time { return time.Now().Add(1000 * time.Hour) }})
		lost, err := take(t, ahead, time.Second, func() {})
		if err != nil {
			t.Fatal(err)
		}
		cut.away.Store(true)
		heir, err := take(t, all[0], 15*time.Second, func() {})
		if err != nil {
			t.Fatalf("the lock of the dead: %v", err)
		}
		if err := errors.Join(heir.Unlock(), lost.Unlock()); err != nil {
			t.Fatal(err)
		}
	})
}
