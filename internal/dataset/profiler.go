package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// profileOptions are what is set for the columns.
func profileOptions(d *Dataset, settings map[string]Setting, now time.Time) profile.Options {
	o := profile.Options{Roles: make(map[string]tabular.Role), Types: make(map[string]tabular.Semantic), Now: now, PII: d.told()}
	for name, set := range settings {
		if set.Role != "" {
			o.Roles[name] = set.Role
		}
		if set.Type != "" {
			o.Types[name] = set.Type
		}
	}
	return o
}

// ProfileKind declares the job that makes a profile anew.
func ProfileKind() job.Kind {
	return job.Kind{Name: "profile", Pool: "data", Version: 1, Timeout: 6 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// ProfileRequest is the payload of a profile job.
type ProfileRequest struct {
	DatasetID string `json:"dataset_id"`
}

// ProfileResult is what a profile job made.
type ProfileResult struct {
	DatasetID  string             `json:"dataset_id"`
	Rows       int64              `json:"rows"`
	Columns    int                `json:"columns"`
	Score      float64            `json:"score"`
	Findings   int                `json:"findings"`
	TableKey   string             `json:"table_key"` // of which it is
	ProfileKey string             `json:"profile_key"`
	AskedAt    time.Time          `json:"asked_at"` // for the roles that it goes by
	Types      []tabular.Semantic `json:"types"`
	PII        []pii.Finding      `json:"pii,omitempty"`
	Scanned    bool               `json:"pii_scanned,omitempty"` // by this program
}

// Files names what the job's owner may download.
func (r *ProfileResult) Files() map[string]string { return map[string]string{"profile": r.ProfileKey} }

// Profiler runs profile jobs.
type Profiler struct{ *Runner }

// profileShards is how many parts of a table are profiled beside each other. It
// does not depend on the machine, so that the profile does not.
const profileShards = 4

// Run makes the profile of the data set's table by the roles that are set now.
func (r Profiler) Run(ctx context.Context, t *job.Task, req ProfileRequest) (*ProfileResult, error) {
	d, err := r.find(ctx, t, req.DatasetID)
	if err != nil {
		return nil, err
	}
	if d.Version == nil {
		return nil, fault.Conflict("dataset_not_ready", "data set %s is %s", d.ID, d.State)
	}
	v := d.Version
	made := &ProfileResult{
		DatasetID: d.ID, Rows: v.Rows, Columns: len(v.Schema), TableKey: v.TableKey, ProfileKey: t.Prefix + "profile.json", AskedAt: r.now().UTC(),
	}
	err = t.UntilDrained(ctx, func(ctx context.Context) error {
		p, err := r.profile(ctx, t, d)
		if err != nil {
			return fmt.Errorf("profile data set %s: %w", d.ID, err)
		}
		made.Score, made.Findings, made.Types = p.Quality.Score, len(p.Findings), v.Types
		made.PII, made.Scanned = p.PII, true
		return keepProfile(ctx, r.files, made.ProfileKey, p)
	})
	if err != nil {
		return nil, err
	}
	t.Report.Progress("done", 1, v.Rows, v.Rows)
	return made, nil
}

// profile profiles parts of the table beside each other and merges them.
func (r Profiler) profile(ctx context.Context, t *job.Task, d *Dataset) (*profile.Profile, error) {
	v := d.Version
	at, size, err := r.files.OpenAt(ctx, v.TableKey)
	if err != nil {
		return nil, fmt.Errorf("open table: %w", err)
	}
	src := tabular.Buffered(at, size)
	open := func() (*tabular.ParquetReader, error) {
		return tabular.NewParquetReader(src, size, tabular.ParquetOptions{Limits: r.limits, Schema: v.Schema})
	}
	first, err := open()
	if err != nil {
		return nil, fmt.Errorf("open table: %w", err)
	}
	groups := first.Groups()
	if err := first.Close(); err != nil {
		return nil, fmt.Errorf("close table: %w", err)
	}
	shards := max(min(profileShards, len(groups)), 1)
	o := profileOptions(d, d.Settings, r.now())
	parts, failed := make([]*profile.Collector, shards), make([]error, shards)
	var done atomic.Int64
	var telling sync.Mutex
	tell := func(rows int) {
		telling.Lock()
		defer telling.Unlock()
		n := done.Add(int64(rows))
		t.Report.Progress("profile", float64(n)/float64(max(v.Rows, 1)), n, v.Rows)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for k := range shards {
		from, to := k*len(groups)/shards, (k+1)*len(groups)/shards
		parts[k] = profile.New(v.Schema, o)
		wg.Go(func() {
			if failed[k] = collect(ctx, open, parts[k], [2]int{from, to}, groups, tell); failed[k] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	if err := r.carry(ctx, v, parts[0]); err != nil {
		return nil, err
	}
	for _, part := range parts[1:] {
		if err := parts[0].Merge(part); err != nil {
			return nil, err
		}
	}
	return parts[0].Profile()
}

// carry tells the collector what only the profile knows that is there: the values
// that are not in the table, since they disagreed.
func (r Profiler) carry(ctx context.Context, v *Version, c *profile.Collector) error {
	src, err := r.files.Open(ctx, v.ProfileKey)
	if err != nil {
		return fmt.Errorf("open the profile of before: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(src, maxProfile))
	if err = errors.Join(err, src.Close()); err != nil {
		return fmt.Errorf("read the profile of before: %w", err)
	}
	before, err := profile.Decode(b)
	if err != nil {
		return err
	}
	c.Carry(before)
	return nil
}

// collect profiles some row groups of a table.
func collect(ctx context.Context, open func() (*tabular.ParquetReader, error), c *profile.Collector, part [2]int, groups []int64, tell func(rows int)) (err error) {
	reader, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	reader.Part(part[0], part[1])
	before := int64(0)
	for _, n := range groups[:part[0]] {
		before += n
	}
	c.StartAt(before)
	for {
		chunk, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read table: %w", err)
		}
		if err := c.Add(chunk.Frame); err != nil {
			return err
		}
		tell(chunk.Frame.Rows())
	}
}

// Publish makes the profile that of the data set, unless its table is another by
// now, or a later profile is there.
func (r Profiler) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	var made ProfileResult
	if err := json.Unmarshal(result, &made); err != nil {
		return fmt.Errorf("decode result of job %s: %w", j.ID, err)
	}
	number := 0
	renew := func(v *Version) error {
		if v.TableKey != made.TableKey || !made.AskedAt.After(v.ProfiledAt) {
			return store.ErrUnchanged
		}
		v.ProfileKey, v.ProfileJobID, v.ProfiledAt = made.ProfileKey, j.ID, made.AskedAt
		if made.Scanned {
			v.PII, v.Scanned = remember(made.PII, v.PII), true
		}
		return nil
	}
	err := r.publish(ctx, j, made.DatasetID, func(d *Dataset, rules *Rules) error {
		if d.Version == nil {
			return store.ErrUnchanged
		}
		v := *d.Version
		if v.TableKey == made.TableKey {
			number = v.number()
		}
		d.Version = &v
		if err := renew(d.Version); err != nil {
			return err
		}
		if state := d.settled(rules); state == NeedsPolicy {
			d.State = state
		}
		return nil
	})
	if err != nil || number == 0 {
		return err
	}
	// The record of the version says the same, when there is one.
	_, err = r.history.table.Update(ctx, revisionID(made.DatasetID, number), func(rev *Revision) error { return renew(&rev.Version) })
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return storeFault(err)
}
