package upload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// lockRecord says who works at an upload. Its identifier is the upload's.
type lockRecord struct {
	store.Meta
	Holder    string    `json:"holder"`
	Wanted    bool      `json:"wanted,omitempty"` // somebody asks the holder to let go
	ExpiresAt time.Time `json:"expires_at"`
}

type lockTable = store.Table[lockRecord, *lockRecord]

func locks() store.Collection { return store.Collection{Name: "upload_locks"} }

// Keys implements store.Entity.
func (l *lockRecord) Keys() map[string]any { return map[string]any{} }

// LockerConfig is what a Locker needs. Driver is required.
type LockerConfig struct {
	Driver store.Driver
	TTL    time.Duration    // after which the lock of a process that died is free; default 10 s
	Poll   time.Duration    // how often holders and waiters of other processes look; default 250 ms
	Now    func() time.Time // default time.Now
}

// Locker lets one request at a time work at an upload, over all processes. Like
// the leader's, its leases are for economy: two that believe that they have the
// lock put the same bytes in the same places.
type Locker struct {
	table *lockTable
	ttl   time.Duration
	poll  time.Duration
	now   func() time.Time

	mu   sync.Mutex
	here map[string]*Lock // held in this process, by upload
}

// NewLocker returns a Locker. The store has ensured Collections.
func NewLocker(c LockerConfig) *Locker {
	l := &Locker{table: store.NewTable[lockRecord](c.Driver, locks()), ttl: c.TTL, poll: c.Poll, now: c.Now, here: map[string]*Lock{}}
	if l.ttl <= 0 {
		l.ttl = 10 * time.Second
	}
	if l.poll <= 0 {
		l.poll = min(250*time.Millisecond, l.ttl/8)
	}
	if l.now == nil {
		l.now = time.Now
	}
	return l
}

// Lock is one request's lock of one upload.
type Lock struct {
	locker   *Locker
	id       string
	holder   string
	record   *lockRecord // of the keeping goroutine once it is held
	renewed  time.Time
	rival    int64 // revision of somebody else's lock
	since    time.Time
	ask      func() // lets the request go, once
	stop     context.CancelFunc
	kept     chan struct{} // closed when nobody renews it any more
	released chan struct{} // closed when it is free
}

// NewLock returns a lock that is not held yet.
func (l *Locker) NewLock(id string) *Lock {
	return &Lock{locker: l, id: id, holder: store.NewID("lock")}
}

// Lock waits for the lock until ctx ends, which is fault.Conflict
// "upload_locked". Whoever holds it is asked to let go, and requestUnlock is
// called, once, when somebody asks this one, or when the lock was lost.
func (k *Lock) Lock(ctx context.Context, requestUnlock func()) error {
	k.ask = sync.OnceFunc(requestUnlock)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		taken, err := k.take(ctx)
		if err != nil && ctx.Err() == nil {
			return storeFault(err)
		}
		if taken {
			k.begin()
			return nil
		}
		timer.Reset(k.locker.poll)
		select {
		case <-ctx.Done():
			return fault.Conflict("upload_locked", "another request works at this upload and does not let go; try again").Because(ctx.Err())
		case <-k.locker.askHere(k.id):
		case <-timer.C:
		}
	}
}

// askHere asks the holder in this process, and returns what is closed when it has
// let go; nil when there is none.
func (l *Locker) askHere(id string) <-chan struct{} {
	l.mu.Lock()
	held := l.here[id]
	l.mu.Unlock()
	if held == nil {
		return nil
	}
	held.ask()
	return held.released
}

// take takes the lock when it is free; when not, it asks the holder to let go.
func (k *Lock) take(ctx context.Context) (bool, error) {
	l := k.locker
	now := l.now()
	found, err := l.table.Get(ctx, k.id)
	if errors.Is(err, store.ErrNotFound) {
		return k.won(&lockRecord{Meta: store.Meta{ID: k.id}}, now, func(r *lockRecord) error { return l.table.Insert(ctx, r) })
	}
	if err != nil {
		return false, err
	}
	if found.Holder == k.holder { // the reply to an earlier try was lost
		k.record, k.renewed = found, now
		return true, nil
	}
	if k.rival != found.Revision {
		k.rival, k.since = found.Revision, now
	}
	// The holder's clock may be far ahead: then nothing of it is seen for a time.
	if !now.Before(found.ExpiresAt) || now.Sub(k.since) >= l.ttl {
		return k.won(found, now, func(r *lockRecord) error { return l.table.Replace(ctx, r) })
	}
	if !found.Wanted {
		found.Wanted = true
		switch err := l.table.Replace(ctx, found); {
		case err == nil:
			k.rival = found.Revision
		case !errors.Is(err, store.ErrStale) && !errors.Is(err, store.ErrNotFound):
			return false, err
		}
	}
	return false, nil
}

// won writes the record as this lock's, if nobody else was faster.
func (k *Lock) won(r *lockRecord, now time.Time, write func(*lockRecord) error) (bool, error) {
	r.Holder, r.Wanted, r.ExpiresAt = k.holder, false, now.UTC().Add(k.locker.ttl)
	switch err := write(r); {
	case errors.Is(err, store.ErrDuplicate), errors.Is(err, store.ErrStale), errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	k.record, k.renewed = r, now
	return true, nil
}

// begin keeps the lock from here on.
func (k *Lock) begin() {
	ctx, stop := context.WithCancel(context.Background())
	k.stop, k.kept, k.released = stop, make(chan struct{}), make(chan struct{})
	k.locker.mu.Lock()
	k.locker.here[k.id] = k
	k.locker.mu.Unlock()
	go func() {
		defer close(k.kept)
		k.keep(ctx)
	}()
}

// keep renews the lock, and lets the request go when somebody asks for it, or
// before the lock is over.
func (k *Lock) keep(ctx context.Context) {
	l := k.locker
	ticker := time.NewTicker(l.poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		lost, err := k.tend(ctx)
		late := l.now().Sub(k.renewed) >= l.ttl-2*l.poll
		if lost || err != nil && late {
			k.ask()
			return
		}
	}
}

// tend looks once whether the lock is wanted, and renews it when it is time.
func (k *Lock) tend(ctx context.Context) (lost bool, err error) {
	l := k.locker
	ctx, cancel := context.WithTimeout(ctx, l.ttl/4)
	defer cancel()
	meta, _, err := l.table.Peek(ctx, k.id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return true, nil
	case err != nil:
		return false, err
	case meta.Revision != k.record.Revision:
		found, err := l.table.Get(ctx, k.id)
		if errors.Is(err, store.ErrNotFound) || err == nil && found.Holder != k.holder {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		k.record = found
		if found.Wanted {
			k.ask()
		}
	}
	now := l.now()
	if now.Sub(k.renewed) < l.ttl/3 {
		return false, nil
	}
	k.record.ExpiresAt = now.UTC().Add(l.ttl)
	err = l.table.Replace(ctx, k.record)
	if err == nil {
		k.renewed = now
	}
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
		err = nil // the next look tells
	}
	return false, err
}

// unlockTimeout bounds giving a lock back; it expires by itself.
const unlockTimeout = 5 * time.Second

// Unlock gives the lock back.
func (k *Lock) Unlock() error {
	l := k.locker
	k.stop()
	<-k.kept
	defer func() {
		l.mu.Lock()
		if l.here[k.id] == k {
			delete(l.here, k.id)
		}
		l.mu.Unlock()
		close(k.released)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), unlockTimeout)
	defer cancel()
	for {
		found, err := l.table.Get(ctx, k.id)
		if err == nil && found.Holder == k.holder {
			err = l.table.Delete(ctx, k.id, found.Revision)
		}
		if err == nil || errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if !errors.Is(err, store.ErrStale) { // somebody asks for it meanwhile
			return fmt.Errorf("unlock upload %s: %w", k.id, err)
		}
	}
}
