package fetch_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/fetch"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/store"
)

// elsewhere is a file somewhere, which may break off.
type elsewhere struct {
	mu      sync.Mutex
	text    string
	version string
	sized   bool
	fails   []error // of the next openings, first; nil: none
	cuts    []int   // after how many bytes the next openings break off, first
	opened  []int64 // from which byte
	opens   func()
}

var _ fetch.Source = (*elsewhere)(nil)

func (e *elsewhere) Open(ctx context.Context, tenant, source string, from int64, version string) (*fetch.Remote, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if tenant != "acme" || source != farAway {
		return nil, fault.Invalid("source_address", "no")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.opens != nil {
		e.opens()
	}
	e.opened = append(e.opened, from)
	if len(e.fails) > 0 {
		err := e.fails[0]
		if e.fails = e.fails[1:]; err != nil {
			return nil, err
		}
	}
	if version != e.version || version == "" {
		from = 0
	}
	r := &fetch.Remote{At: from, Size: -1, Version: e.version}
	if e.sized {
		r.Size = int64(len(e.text))
	}
	var body io.Reader = strings.NewReader(e.text[from:])
	if len(e.cuts) > 0 {
		if n := e.cuts[0]; n >= 0 {
			body = io.MultiReader(io.LimitReader(body, int64(n)), iotest.ErrReader(fault.Unavailable("source_interrupted", "the source broke off")))
		}
		e.cuts = e.cuts[1:]
	}
	r.Body = io.NopCloser(body)
	return r, nil
}

const farAway = "https://files.example.com/in/people.csv?token=secret"

// bench is a fetcher on a store in memory, and a job that it works for.
type bench struct {
	*fetch.Fetcher
	files  *jobtest.Files
	far    *elsewhere
	saved  *jobtest.Checkpoints
	job    *job.Job
	now    time.Time
	waited []time.Duration
}

func setup(t *testing.T, change ...func(*fetch.Config)) *bench {
	t.Helper()
	b := &bench{
		files: jobtest.NewFiles(), saved: jobtest.NewCheckpoints(), now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
		far: &elsewhere{text: strings.Repeat("some text of a file; ", 200), version: `"v1"`, sized: true},
		job: &job.Job{Meta: store.Meta{ID: "job_1"}, Tenant: "acme", Kind: "import", Payload: []byte("{}")},
	}
	c := fetch.Config{
		Source: b.far, Files: b.files, Piece: 1000, Now: func() time.Time { return b.now },
		Wait: func(ctx context.Context, d time.Duration) error {
			b.waited = append(b.waited, d)
			b.now = b.now.Add(d)
			return ctx.Err()
		},
	}
	for _, f := range change {
		f(&c)
	}
	b.Fetcher = fetch.New(c)
	return b
}

// run fetches the file, as another attempt than before.
func (b *bench) run(ctx context.Context) (*fetch.Fetched, *jobtest.Task, error) {
	b.job.Epoch++
	task := jobtest.NewTask(b.job, b.saved)
	got, err := b.Fetch(ctx, task.Task, fetch.File{Dataset: "ds_1", Tenant: "acme", Source: farAway, Origin: "https://files.example.com/in/people.csv"})
	return got, task, err
}

// check checks that the whole file is here, and nothing else of it.
func (b *bench) check(t *testing.T, made *fetch.Fetched) {
	t.Helper()
	got, err := b.files.Get(made.Key)
	sum := sha256.Sum256([]byte(b.far.text))
	if err != nil || string(got) != b.far.text || made.Size != int64(len(got)) || made.SHA256 != hex.EncodeToString(sum[:]) {
		t.Fatalf("%d bytes of %d, result %+v, error %v", len(got), len(b.far.text), made, err)
	}
	if keys := b.files.Keys(""); len(keys) != 1 || !strings.HasPrefix(made.Key, "jobs/job_1/") {
		t.Errorf("files %q", keys)
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fetch.Config, *elsewhere){
		"in pieces":              func(*fetch.Config, *elsewhere) {},
		"in one":                 func(c *fetch.Config, _ *elsewhere) { c.Piece = 1 << 20 },
		"of an unknown length":   func(_ *fetch.Config, e *elsewhere) { e.sized = false },
		"that cannot be resumed": func(_ *fetch.Config, e *elsewhere) { e.version = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *fetch.Config) { change(c, &elsewhere{}) })
			change(&fetch.Config{}, b.far)
			made, task, err := b.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b.check(t, made)
			last := 0.0
			for _, s := range task.Report.Steps() {
				if s.Stage != "fetch" || s.Fraction < last || s.Fraction > 1 {
					t.Errorf("progress %+v", task.Report.Steps())
					break
				}
				last = s.Fraction
			}
			if last != 1 || strings.Contains(fmt.Sprint(task.Report.Lines()), "secret") {
				t.Errorf("at %v in the end, lines %q", last, task.Report.Lines())
			}
		})
	}
}

// TestFetchGoesOn breaks the source off at every piece, within an attempt and
// between attempts.
func TestFetchGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.far.cuts = []int{1500, 0, 300, 1000, -1}
	made, _, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.check(t, made)
	if want := "[0 1500 1500 1800 2800]"; fmt.Sprint(b.far.opened) != want {
		t.Errorf("opened at %v, want %s", b.far.opened, want)
	}

	// A process that dies behind a piece.
	b = setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.saved.OnSave(func(saves int) {
		if saves == 3 {
			cancel()
		}
	})
	if _, _, err := b.run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	b.saved.OnSave(nil)
	if made, _, err = b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.check(t, made)
	if fmt.Sprint(b.far.opened) != "[0 3000]" {
		t.Errorf("opened at %v", b.far.opened)
	}

	// What is here is not fetched again.
	if made, _, err = b.run(t.Context()); err != nil || len(b.far.opened) != 2 {
		t.Errorf("opened at %v, error %v", b.far.opened, err)
	}
	b.check(t, made)
}

func TestWhatChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.far.cuts = []int{2500, -1}
	b.far.opens = func() {
		if len(b.far.opened) == 1 {
			b.far.text, b.far.version = strings.ToUpper(b.far.text), `"v2"`
		}
	}
	made, task, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.check(t, made)
	if !strings.Contains(strings.Join(task.Report.Lines(), "\n"), "has changed") {
		t.Errorf("lines %q", task.Report.Lines())
	}
	// Pieces that a clean-up has taken are fetched again.
	b = setup(t)
	b.far.cuts = []int{2500}
	away := fault.Unavailable("source_unavailable", "away")
	b.far.fails = []error{nil, away, away, away}
	if _, _, err := b.run(t.Context()); err == nil {
		t.Fatal("it was fetched")
	}
	if err := b.files.Delete(t.Context(), b.files.Keys("jobs/")...); err != nil {
		t.Fatal(err)
	}
	if made, _, err = b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.check(t, made)
}

// awhile says when to come again.
type awhile time.Duration

func (a awhile) Error() string             { return "busy" }
func (a awhile) RetryAfter() time.Duration { return time.Duration(a) }

func TestWhatIsAway(t *testing.T) {
	t.Parallel()
	away := fault.Unavailable("source_unavailable", "the source's server answers 503")
	b := setup(t)
	tries, pauses := 0, []time.Duration{}
	var err error
	for begun := b.now; ; {
		b.far.fails = []error{away, away, away, away}
		_, _, err = b.run(t.Context())
		snooze, snoozed := errors.AsType[*job.SnoozeError](err)
		if !snoozed {
			break
		}
		if tries++; tries > 50 || snooze.Code != "source_unavailable" || !strings.Contains(snooze.Message, "503") || b.now.Sub(begun) > time.Hour {
			t.Fatalf("after %s: %v", b.now.Sub(begun), err)
		}
		pauses = append(pauses, snooze.For)
		b.now = b.now.Add(snooze.For)
	}
	if permanent, ok := errors.AsType[*job.PermanentError](err); !ok || fault.CodeOf(permanent) != "source_unavailable" {
		t.Errorf("in the end: %v", err)
	}
	if len(b.waited) != 3 || b.waited[2] != 4*time.Second || pauses[0] != 8*time.Second || pauses[len(pauses)-1] != 5*time.Minute {
		t.Errorf("waited %v, then %v", b.waited, pauses)
	}
	// The server's own wish.
	b = setup(t)
	b.far.fails = []error{away.Because(awhile(10 * time.Minute))}
	if snooze, ok := errors.AsType[*job.SnoozeError](func() error { _, _, err := b.run(t.Context()); return err }()); !ok || snooze.For != 10*time.Minute {
		t.Errorf("error %v", snooze)
	}
	// What comes back goes on.
	made, _, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.check(t, made)
}

// TestPauses waits by the clock, and not beyond the end of an attempt.
func TestPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := fault.Unavailable("source_unavailable", "away")
		b := setup(t, func(c *fetch.Config) { c.Wait, c.Now, c.Piece = nil, nil, 0 })
		b.far.fails = []error{away, away}
		begun := time.Now()
		made, _, err := b.run(t.Context())
		if err != nil || time.Since(begun) != 3*time.Second {
			t.Fatalf("after %s: %v", time.Since(begun), err)
		}
		b.check(t, made)
		b.far.fails, b.job.Round = []error{away, away, away}, 1
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begun = time.Now()
		if _, _, err := b.run(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 2*time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*bench)
		limit  int64
		class  fault.Class
		code   string
	}{
		"not there":               {func(b *bench) { b.far.fails = []error{fault.Invalid("source_not_found", "no")} }, 0, fault.ClassInvalid, "source_not_found"},
		"storage away":            {func(b *bench) { b.far.fails = []error{fault.Unavailable("storage_unavailable", "no")} }, 0, fault.ClassUnavailable, "storage_unavailable"},
		"empty":                   {func(b *bench) { b.far.text = "" }, 0, fault.ClassInvalid, "csv_empty"},
		"too large":               {func(*bench) {}, 1500, fault.ClassTooLarge, "upload_too_large"},
		"too large, not told":     {func(b *bench) { b.far.sized = false }, 1500, fault.ClassTooLarge, "upload_too_large"},
		"pieces cannot be stored": {func(b *bench) { b.files.Fail("raw/00001", errors.New("disk full")) }, 0, fault.ClassInternal, "internal"},
		"nor joined":              {func(b *bench) { b.files.Fail("raw/whole", errors.New("disk full")) }, 0, fault.ClassInternal, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *fetch.Config) { c.MaxSize = tt.limit })
			tt.change(b)
			made, _, err := b.run(t.Context())
			if made != nil || fault.CodeOf(err) != tt.code || fault.ClassOf(err) != tt.class {
				t.Errorf("%+v, error %v, want %s %s", made, err, tt.class, tt.code)
			}
		})
	}
}

// TestOnePieceAtATime checks that what is stored at a time is a piece, so that
// no attempt loses more.
func TestOnePieceAtATime(t *testing.T) {
	t.Parallel()
	sizes := map[string]int{}
	b := setup(t, func(c *fetch.Config) { c.Files = measuring{c.Files, sizes} })
	made, _, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pieces := 0
	for key, n := range sizes {
		if strings.Contains(key, "/raw/0") {
			pieces++
			if n > 1000 {
				t.Errorf("a piece of %d bytes", n)
			}
		}
	}
	if want := (len(b.far.text) + 999) / 1000; pieces != want {
		t.Errorf("%d pieces, want %d", pieces, want)
	}
	b.check(t, made)
}

// measuring tells how long files are that are put.
type measuring struct {
	fetch.Files
	sizes map[string]int
}

func (m measuring) Put(ctx context.Context, key, kind string, r io.Reader) (int64, error) {
	n, err := m.Files.Put(ctx, key, kind, r)
	m.sizes[key] = int(n)
	return n, err
}
