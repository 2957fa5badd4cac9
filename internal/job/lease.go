package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// lease is the record of who leads.
type lease struct {
	store.Meta
	Holder    string    `json:"holder"`
	Token     int64     `json:"token"` // counts changes of hands
	ExpiresAt time.Time `json:"expires_at"`
}

type leaseTable = store.Table[lease, *lease]

func leaseCollection() store.Collection { return store.Collection{Name: "leases"} }

// Keys implements store.Entity.
func (l *lease) Keys() map[string]any { return map[string]any{} }

// LeaderConfig is what a Leader needs. Driver, Name and Holder are required;
// zero durations mean the defaults.
type LeaderConfig struct {
	Driver   store.Driver
	Name     string           // what is led: "scheduler"
	Holder   string           // this process; one that restarts under the same name takes its lease back at once
	Now      func() time.Time // default time.Now
	Observer Observer         // default Unobserved

	TTL   time.Duration // of a lease that is not renewed; default 10 s
	Renew time.Duration // how often it is renewed or tried for; default a quarter of TTL
}

// Leader makes one of several processes do something. The lease is a record
// that is changed by compare-and-swap; its token counts up with every change
// of hands, so that whatever the leader writes can be fenced by it. The work of
// a leader that could not renew in time is stopped by its own clock, before
// anybody else may start.
type Leader struct {
	cfg    LeaderConfig
	leases *leaseTable
	rival  sighting // the revision of somebody else's lease, of the one goroutine in Run
}

// NewLeader returns a leader over collections that the caller has ensured.
func NewLeader(cfg LeaderConfig) *Leader {
	cfg.Now = defaultNow(cfg.Now)
	cfg.Observer = defaultObserver(cfg.Observer)
	cfg.TTL = positive(cfg.TTL, 10*time.Second)
	cfg.Renew = positive(cfg.Renew, cfg.TTL/4)
	return &Leader{cfg: cfg, leases: store.NewTable[lease](cfg.Driver, leaseCollection())}
}

// ErrNotLeading is the cause of the work's context when the lease was lost.
var ErrNotLeading = errors.New("job: the lease was lost")

// Run calls work whenever this process leads, until ctx ends; it is called
// again when it returns. The context of work ends when the lease is lost; work
// has to return then. The lease is given back at the end.
func (l *Leader) Run(ctx context.Context, work func(ctx context.Context, token int64)) {
	ticker := time.NewTicker(l.cfg.Renew)
	defer ticker.Stop()
	for ctx.Err() == nil {
		asked := l.cfg.Now()
		held, err := l.acquire(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			l.cfg.Observer.Trouble(ctx, "acquire_lease", nil, err)
		case held != nil:
			l.lead(ctx, held, asked, work)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// lead does the work and renews the lease beside it.
func (l *Leader) lead(ctx context.Context, held *lease, asked time.Time, work func(context.Context, int64)) {
	leading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(leading, held.Token)
	}()
	deadline := time.NewTimer(l.left(asked))
	defer deadline.Stop()
	ticker := time.NewTicker(l.cfg.Renew)
	defer ticker.Stop()
	renewed := make(chan error, 1)
	busy := false
	for {
		select {
		case <-done:
			if busy {
				<-renewed //nolint:errcheck // the lease is given back all the same
			}
			l.release(ctx, held)
			return
		case <-deadline.C:
			stop(ErrNotLeading)
			<-done
			return
		case <-ticker.C:
			if busy {
				continue
			}
			busy, asked = true, l.cfg.Now()
			go func() { renewed <- l.renew(leading, held) }()
		case err := <-renewed:
			busy = false
			switch {
			case err == nil:
				deadline.Reset(l.left(asked))
			case errors.Is(err, ErrNotLeading):
				stop(ErrNotLeading)
				<-done
				return
			case leading.Err() == nil:
				l.cfg.Observer.Trouble(ctx, "renew_lease", nil, err)
			}
		}
	}
}

// left returns for how long work may go on after a renewal that was asked for
// at the time: not to the very end of the lease, since it takes a moment to
// stop.
func (l *Leader) left(asked time.Time) time.Duration {
	return max(l.cfg.TTL-l.cfg.Renew-l.cfg.Now().Sub(asked), 0)
}

// acquire takes the lease if it is free, expired or this holder's own, and
// returns nil if somebody else has it.
func (l *Leader) acquire(ctx context.Context) (*lease, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.TTL/2)
	defer cancel()
	at := stamp(l.cfg.Now)
	held, err := l.leases.Get(ctx, l.cfg.Name)
	if errors.Is(err, store.ErrNotFound) {
		held = &lease{Meta: store.Meta{ID: l.cfg.Name}, Holder: l.cfg.Holder, Token: 1, ExpiresAt: at.Add(l.cfg.TTL)}
		err = l.leases.Insert(ctx, held)
		if errors.Is(err, store.ErrDuplicate) {
			return nil, nil
		}
		return held, err
	}
	if err != nil {
		return nil, err
	}
	if held.Holder != "" && held.Holder != l.cfg.Holder && at.Before(held.ExpiresAt) && !l.abandoned(held) {
		return nil, nil
	}
	held.Holder, held.ExpiresAt = l.cfg.Holder, at.Add(l.cfg.TTL)
	held.Token++
	switch err := l.leases.Replace(ctx, held); {
	case errors.Is(err, store.ErrStale):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return held, nil
}

// abandoned reports whether somebody else's lease was not renewed for as long as
// one lasts, before this process's own eyes: the clock of who held it may have
// been far ahead.
func (l *Leader) abandoned(held *lease) bool {
	now := l.cfg.Now()
	if l.rival.value != held.Revision {
		l.rival = sighting{value: held.Revision, since: now}
	}
	return now.Sub(l.rival.since) >= l.cfg.TTL
}

// renew extends the lease. Its revision is the fence: whoever took it changed
// it.
func (l *Leader) renew(ctx context.Context, held *lease) error {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.TTL/2)
	defer cancel()
	held.ExpiresAt = stamp(l.cfg.Now).Add(l.cfg.TTL)
	err := l.leases.Replace(ctx, held)
	if !errors.Is(err, store.ErrStale) && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	found, err := l.leases.Get(ctx, l.cfg.Name) // perhaps only the reply of the last renewal was lost
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrNotLeading
	case err != nil:
		return err
	case found.Holder != held.Holder || found.Token != held.Token:
		return ErrNotLeading
	}
	held.Revision = found.Revision
	return fmt.Errorf("renew lease %s: %w", l.cfg.Name, store.ErrStale)
}

// release gives the lease back, best effort: it expires by itself.
func (l *Leader) release(ctx context.Context, held *lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.TTL/2)
	defer cancel()
	held.Holder = ""
	if err := l.leases.Replace(ctx, held); err != nil && unlessRaced(err) != nil {
		l.cfg.Observer.Trouble(ctx, "release_lease", nil, err)
	}
}
