package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

// disk is a small file system of its own, in the place of a folder.
type disk struct {
	dir     string
	ballast string // a file that takes what is free
}

// diskSize is that of every disk: what is kept in a stage fits in.
const diskSize = "48m"

// mount puts an empty disk over the folder.
func mount(dir, ballast string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mount a disk: %w", err)
	}
	if err := syscall.Mount("chaos", dir, "tmpfs", 0, "size="+diskSize); err != nil {
		return nil, fmt.Errorf("mount a disk at %s: %w", filepath.Base(dir), err)
	}
	return &disk{dir: dir, ballast: filepath.Join(dir, ballast)}, nil
}

// fill writes until nothing is free.
func (d *disk) fill() error {
	if err := os.MkdirAll(filepath.Dir(d.ballast), 0o700); err != nil {
		return fmt.Errorf("fill a disk: %w", err)
	}
	file, err := os.OpenFile(d.ballast, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("fill a disk: %w", err)
	}
	piece := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(piece)
	}
	if closed := file.Close(); closed != nil || !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("fill a disk: %w", errors.Join(err, closed))
	}
	return nil
}

// free takes the ballast away.
func (d *disk) free() error {
	if err := os.Remove(d.ballast); err != nil {
		return fmt.Errorf("make room on a disk: %w", err)
	}
	return nil
}

// unmount takes the disk away with what it holds.
func (d *disk) unmount() error {
	const detach = 2 // who still has a file open may go on with it
	if err := syscall.Unmount(d.dir, detach); err != nil {
		return fmt.Errorf("take a disk away: %w", err)
	}
	return nil
}

// full is a disk that fills up while the platform runs.
type full struct {
	part string
	disk *disk
	code string // of what is refused
	fill func() error
	free func() error
}

// disks fills the disks of the parts, one after the other, while jobs run, and
// makes room again: what cannot be stored is refused with a code or waits, what
// was stored is there, and in the end every job has succeeded. A worker has no
// disk: it writes no files of its own.
func (r *Run) disks(ctx context.Context) (err error) {
	var mounted []*disk
	defer func() {
		for _, d := range mounted {
			err = errors.Join(err, d.unmount())
		}
	}()
	dirs := map[string]string{}
	if r.Tier.Disks {
		dirs[partRedis], dirs[partRecords] = filepath.Join(r.dir, "redis"), filepath.Join(r.dir, "records")
	}
	found := map[string]*disk{}
	for part, dir := range dirs {
		d, err := mount(dir, "ballast")
		if err != nil {
			r.printf("NOT DONE: the disk of %s does not fill up: %v\n", part, err)
			continue
		}
		mounted, found[part] = append(mounted, d), d
	}
	return r.with(ctx, r.Tier.Pace.unscheduled(), 1, func(ctx context.Context, c *cluster) error {
		files, err := mount(c.objects, ".sgwtmp/ballast") // which the gateway does not list
		if err != nil {
			r.printf("no disk of the files can be mounted, and the answer of one that is full is put in its place: %v\n", err)
		} else {
			mounted, found[partFiles] = append(mounted, files), files
		}
		return r.fillAll(ctx, c, found)
	})
}

// fillAll starts the platform and fills the disks.
func (r *Run) fillAll(ctx context.Context, c *cluster, found map[string]*disk) error {
	if err := c.start(ctx, 2, 1); err != nil {
		return err
	}
	u, err := newUsers(ctx, c, "disks", 1)
	if err != nil {
		return err
	}
	early, err := u.predict(ctx, "early")
	if err != nil {
		return err
	}
	answered := full{part: partFiles, code: "storage_unavailable", fill: func() error {
		c.toFiles.Set(Weather{Mode: Fail, Status: http.StatusInsufficientStorage})
		return nil
	}, free: func() error { c.toFiles.Set(Weather{Mode: Calm}); return nil }}
	if d := found[partFiles]; d != nil {
		answered.disk, answered.fill, answered.free = d, d.fill, d.free
	}
	all := []full{answered}
	if d := found[partRedis]; d != nil {
		all = append(all, full{part: partRedis, disk: d, fill: d.fill, free: d.free})
	}
	if d := found[partRecords]; d != nil {
		all = append(all, full{part: partRecords, disk: d, code: "store_unavailable", fill: d.fill, free: d.free})
	}
	for i, one := range all {
		r.progress("the disk of %s fills up", one.part)
		slow, err := u.slow(ctx, i)
		if err != nil {
			return err
		}
		if err := r.fillOne(ctx, u, one, []string{early, slow}); err != nil {
			return fmt.Errorf("the disk of %s is full: %w", one.part, err)
		}
	}
	_, f, err := r.quietly(ctx, c)
	if err != nil {
		return err
	}
	for _, j := range f.Jobs {
		if j.Failures > 0 || j.Crashes > 0 {
			r.broke(Violation{Promise: OutagesFree, Job: j.ID, What: fmt.Sprintf("%d failures and %d crashes are counted: %s", j.Failures, j.Crashes, failureOf(j))})
		}
	}
	return nil
}

// fillOne fills one disk, submits until something is refused, and makes room. Of
// the jobs one has ended before, and the other one runs.
func (r *Run) fillOne(ctx context.Context, u *users, one full, jobs []string) error {
	tenant, early := tenantName(0), jobs[0]
	u.history.Append(Event{What: Fault, Fault: "disk full", Part: one.part, For: r.Tier.Outage})
	if err := one.fill(); err != nil {
		return err
	}
	accepted, refusals, err := r.press(ctx, u, one)
	if err != nil {
		return err
	}
	if one.part == partFiles && one.disk != nil { // what was stored can be read
		if err := u.count(ctx, tenant, early, smallRows); err != nil {
			r.broke(Violation{Promise: NoneMissing, Job: early, What: err.Error()})
		}
	}
	if err := one.free(); err != nil {
		return err
	}
	if one.part == partRedis { // it takes writes again by itself
		if err := u.writable(ctx); err != nil {
			return err
		}
	}
	for _, id := range append(accepted, jobs...) {
		if err := u.succeed(ctx, tenant, id); err != nil {
			r.broke(Violation{Promise: NoneFailed, Job: id, What: err.Error()})
		}
	}
	r.printf("the disk of %s was full: %d submissions were refused with %q, %d were accepted and succeeded when there was room\n", one.part, refusals, one.code, len(accepted))
	return nil
}

const (
	pressPatience = 40 * time.Second // until a full disk is noticed
	pressMost     = 300              // submissions
)

// press submits while a disk is full, for as long as an outage and until the
// disk was noticed.
func (r *Run) press(ctx context.Context, u *users, one full) (accepted []string, refusals int, err error) {
	tenant := tenantName(0)
	began := time.Now()
	noticed := false
	for k := 0; k < pressMost && (!noticed || time.Since(began) < r.Tier.Outage) && time.Since(began) < pressPatience && ctx.Err() == nil; k++ {
		key := fmt.Sprintf("%s-%s-%d", u.prefix, one.part, k)
		if err := one.fill(); err != nil { // what was deleted meanwhile was room
			return accepted, refusals, err
		}
		switch one.part {
		case partFiles:
			_, _, err := upload(ctx, u.clients[tenant][0], key, generated(uint64(k)))
			noticed = r.refusal(one, err, &refusals) || noticed
		case partRedis:
			noticed = noticed || u.redis.Do(ctx, "SET", "chaos:ballast", strings.Repeat("x", 8192)) != nil
		}
		kind, do, err := u.call(tenant, Order{Kind: kindPrediction})
		if err != nil {
			return nil, 0, err
		}
		u.history.Append(Event{What: Asked, Key: key, Kind: kind, Tenant: tenant})
		id, _, err := do(ctx, u.clients[tenant][0], key)
		if err == nil {
			u.history.Append(Event{What: Accepted, Job: id, Key: key, Kind: kind, Tenant: tenant})
			accepted = append(accepted, id)
		} else if refused := r.refusal(one, err, &refusals); one.part == partRecords {
			noticed = refused || noticed
		} else {
			r.broke(Violation{Promise: TakenAway, What: fmt.Sprintf("the disk of %s is full: %v", one.part, err)})
		}
		if noticed || one.part != partRecords {
			wait(ctx, betweenAsking)
		}
	}
	if !noticed {
		r.broke(Violation{Promise: PlanKept, What: fmt.Sprintf("the disk of %s was full, and nobody noticed in %d submissions", one.part, len(accepted)+refusals)})
	}
	return accepted, refusals, ctx.Err() //nolint:wrapcheck // the stage took too long
}

// refusal counts a refusal, and notes one that does not say what is wrong.
func (r *Run) refusal(one full, err error, count *int) bool {
	if err == nil {
		return false
	}
	*count++
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != http.StatusServiceUnavailable || e.Code != one.code {
		r.broke(Violation{Promise: SaidClearly, What: fmt.Sprintf("the disk of %s is full: want status 503 and code %q: %v", one.part, one.code, err)})
	}
	return true
}

// predict submits a prediction and waits for it.
func (u *users) predict(ctx context.Context, key string) (string, error) {
	tenant := tenantName(0)
	kind, do, err := u.call(tenant, Order{Kind: kindPrediction})
	if err != nil {
		return "", err
	}
	a, err := u.submit(ctx, tenant, u.prefix+"-"+key, kind, do)
	if err != nil {
		return "", err
	}
	return a.job, u.succeed(ctx, tenant, a.job)
}

// writable waits until Redis stores something again.
func (u *users) writable(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, upWithin)
	defer cancel()
	for {
		err := u.redis.Do(limited, "DEL", "chaos:ballast")
		if err == nil || limited.Err() != nil {
			return err
		}
		wait(limited, betweenAsking)
	}
}
