package dataset_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/store/memstore"
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

func (e *elsewhere) Check(tenant, source string) error {
	if tenant != "acme" || strings.Contains(source, "private") {
		return fault.Invalid("source_address", "no")
	}
	return nil
}

func (e *elsewhere) Open(ctx context.Context, tenant, source string, from int64, version string) (*dataset.Remote, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := errors.Join(e.Check(tenant, source), ctx.Err()); err != nil {
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
	r := &dataset.Remote{At: from, Size: -1, Version: e.version}
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

// importing is a service and an importer on stores in memory.
type importing struct {
	*dataset.Service
	importer *dataset.Importer
	files    *jobtest.Files
	line     *jobtest.Line
	far      *elsewhere
	saved    *jobtest.Checkpoints
	now      time.Time
	waited   []time.Duration
}

func setupImport(t *testing.T, change ...func(*dataset.ImporterConfig)) *importing {
	t.Helper()
	driver := memstore.New()
	if err := driver.Ensure(t.Context(), dataset.Collections()...); err != nil {
		t.Fatal(err)
	}
	b := &importing{
		files: jobtest.NewFiles(), line: jobtest.NewLine(), saved: jobtest.NewCheckpoints(), now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
		far: &elsewhere{text: string(randomTable(200, 3)), version: `"v1"`, sized: true},
	}
	now := func() time.Time { return b.now }
	b.Service = dataset.NewService(dataset.ServiceConfig{Driver: driver, Files: b.files, Jobs: b.line, Sources: b.far, Now: now})
	c := dataset.ImporterConfig{
		Runner: dataset.NewRunner(dataset.RunnerConfig{Driver: driver, Files: b.files, Now: now}),
		Remote: b.far, Files: b.files, Piece: 1000,
		Wait: func(ctx context.Context, d time.Duration) error {
			b.waited = append(b.waited, d)
			b.now = b.now.Add(d)
			return ctx.Err()
		},
	}
	for _, f := range change {
		f(&c)
	}
	b.importer = dataset.NewImporter(c)
	return b
}

const farAway = "https://files.example.com/in/people.csv?token=secret"

func (b *importing) ask(t *testing.T) (*dataset.Dataset, *job.Job) {
	t.Helper()
	d, j, created, err := b.Import(t.Context(), dataset.Import{Tenant: "acme", User: "ann", Source: farAway})
	if err != nil || !created {
		t.Fatal(created, err)
	}
	return d, j
}

// run runs the job once, as another attempt than before.
func (b *importing) run(ctx context.Context, j *job.Job) (*dataset.ImportResult, *jobtest.Task, error) {
	j.Epoch++
	task := jobtest.NewTask(j, b.saved)
	var req dataset.IngestRequest
	if err := task.Decode(&req); err != nil {
		return nil, task, err
	}
	made, err := b.importer.Run(ctx, task.Task, req)
	return made, task, err
}

// check checks that the whole file is here, and nothing else of it.
func (b *importing) check(t *testing.T, j *job.Job, made *dataset.ImportResult) {
	t.Helper()
	got, err := b.files.Get(made.RawKey)
	sum := sha256.Sum256([]byte(b.far.text))
	if err != nil || string(got) != b.far.text || made.Size != int64(len(got)) || made.SHA256 != hex.EncodeToString(sum[:]) {
		t.Fatalf("%d bytes of %d, result %+v, error %v", len(got), len(b.far.text), made, err)
	}
	raw := 0
	for _, key := range b.files.Keys("jobs/") {
		if strings.Contains(key, "/raw/") {
			raw++
		}
	}
	if raw != 1 {
		t.Errorf("files %q", b.files.Keys("jobs/"))
	}
	result, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // whoever dies in it does it again
		if err := b.importer.Publish(t.Context(), j, result); err != nil {
			t.Fatal(err)
		}
	}
	d, err := b.Get(t.Context(), "acme", made.DatasetID)
	if err != nil || d.State != dataset.Ready || d.Version.Rows != 200 || d.Size != made.Size || d.SHA256 != made.SHA256 || d.RawKey != made.RawKey || strings.Contains(d.Source, "secret") || d.Source != d.Origin() {
		t.Errorf("data set %+v: %v", d, err)
	}
	keys, err := b.References(t.Context(), d.ID, b.now)
	if err != nil || len(keys) < 3 || keys[0] != made.RawKey {
		t.Errorf("it points to %q: %v", keys, err)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*dataset.ImporterConfig, *elsewhere){
		"in pieces":              func(*dataset.ImporterConfig, *elsewhere) {},
		"in one":                 func(c *dataset.ImporterConfig, _ *elsewhere) { c.Piece = 1 << 20 },
		"of an unknown length":   func(_ *dataset.ImporterConfig, e *elsewhere) { e.sized = false },
		"that cannot be resumed": func(_ *dataset.ImporterConfig, e *elsewhere) { e.version = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupImport(t, func(c *dataset.ImporterConfig) { change(c, &elsewhere{}) })
			change(&dataset.ImporterConfig{}, b.far)
			d, j := b.ask(t)
			if d.Name != "people" || d.Filename != "people.csv" || d.State != dataset.Uploaded || d.JobID != j.ID || j.Kind != "import" || d.Origin() != "https://files.example.com/in/people.csv" {
				t.Errorf("data set %+v, job %+v", d, j)
			}
			if strings.Contains(string(j.Payload), "secret") {
				t.Errorf("the payload shows the link: %s", j.Payload)
			}
			if keys, err := b.References(t.Context(), d.ID, b.now); err != nil || len(keys) != 0 {
				t.Errorf("it points to %q: %v", keys, err)
			}
			made, task, err := b.run(t.Context(), j)
			if err != nil {
				t.Fatal(err)
			}
			b.check(t, j, made)
			last := 0.0
			for _, s := range task.Report.Steps() {
				if s.Fraction < last || s.Fraction > 1 {
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

// TestImportGoesOn breaks the source off at every piece, within an attempt and
// between attempts.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	b := setupImport(t)
	b.far.cuts = []int{1500, 0, 300, 1000, -1}
	_, j := b.ask(t)
	made, _, err := b.run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	b.check(t, j, made)
	if want := "[0 1500 1500 1800 2800]"; fmt.Sprint(b.far.opened) != want {
		t.Errorf("opened at %v, want %s", b.far.opened, want)
	}

	// A process that dies behind a piece.
	b = setupImport(t)
	_, j = b.ask(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.saved.OnSave(func(saves int) {
		if saves == 3 {
			cancel()
		}
	})
	if _, _, err := b.run(ctx, j); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	b.saved.OnSave(nil)
	if made, _, err = b.run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	b.check(t, j, made)
	if fmt.Sprint(b.far.opened) != "[0 3000]" {
		t.Errorf("opened at %v", b.far.opened)
	}

	// One that dies in the ingest does not fetch again.
	b = setupImport(t)
	_, j = b.ask(t)
	b.files.Fail("table.parquet", errors.New("disk full"))
	if _, _, err := b.run(t.Context(), j); err == nil {
		t.Fatal("it was written")
	}
	b.files.Fail("table.parquet", nil)
	if made, _, err = b.run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	b.check(t, j, made)
	if len(b.far.opened) != 1 {
		t.Errorf("opened at %v", b.far.opened)
	}
	// But whoever retries the job wants the file as it is now.
	b.far.text, b.far.version = string(randomTable(200, 4)), `"v2"`
	j.Round++
	if made, _, err = b.run(t.Context(), j); err != nil || made.Columns != 4 {
		t.Errorf("result %+v, error %v", made, err)
	}
}

func TestImportOfWhatChanges(t *testing.T) {
	t.Parallel()
	b := setupImport(t)
	b.far.cuts = []int{2500, -1}
	_, j := b.ask(t)
	b.far.opens = func() {
		if len(b.far.opened) == 1 {
			b.far.text, b.far.version = strings.ToUpper(b.far.text), `"v2"`
		}
	}
	made, task, err := b.run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	b.check(t, j, made)
	if !strings.Contains(strings.Join(task.Report.Lines(), "\n"), "has changed") {
		t.Errorf("lines %q", task.Report.Lines())
	}
	// Pieces that a clean-up has taken are fetched again.
	b = setupImport(t)
	_, j = b.ask(t)
	b.far.cuts = []int{2500}
	b.far.fails = []error{nil, fault.Unavailable("source_unavailable", "away"), fault.Unavailable("source_unavailable", "away"), fault.Unavailable("source_unavailable", "away")}
	if _, _, err := b.run(t.Context(), j); err == nil {
		t.Fatal("it was fetched")
	}
	if err := b.files.Delete(t.Context(), b.files.Keys("jobs/")...); err != nil {
		t.Fatal(err)
	}
	if made, _, err = b.run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	b.check(t, j, made)
}

// awhile says when to come again.
type awhile time.Duration

func (a awhile) Error() string             { return "busy" }
func (a awhile) RetryAfter() time.Duration { return time.Duration(a) }

func TestImportOfWhatIsAway(t *testing.T) {
	t.Parallel()
	away := fault.Unavailable("source_unavailable", "the source's server answers 503")
	b := setupImport(t)
	_, j := b.ask(t)
	tries, pauses := 0, []time.Duration{}
	var err error
	for begun := b.now; ; {
		b.far.fails = []error{away, away, away, away}
		_, _, err = b.run(t.Context(), j)
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
	b = setupImport(t)
	_, j = b.ask(t)
	b.far.fails = []error{away.Because(awhile(10 * time.Minute))}
	if snooze, ok := errors.AsType[*job.SnoozeError](func() error { _, _, err := b.run(t.Context(), j); return err }()); !ok || snooze.For != 10*time.Minute {
		t.Errorf("error %v", snooze)
	}
	// What comes back goes on.
	made, _, err := b.run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	b.check(t, j, made)
}

func TestImportsThatFail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*importing)
		limit  int64
		class  fault.Class
		code   string
	}{
		"not there":               {func(b *importing) { b.far.fails = []error{fault.Invalid("source_not_found", "no")} }, 0, fault.ClassInvalid, "source_not_found"},
		"storage away":            {func(b *importing) { b.far.fails = []error{fault.Unavailable("storage_unavailable", "no")} }, 0, fault.ClassUnavailable, "storage_unavailable"},
		"empty":                   {func(b *importing) { b.far.text = "" }, 0, fault.ClassInvalid, "csv_empty"},
		"too large":               {func(*importing) {}, 1500, fault.ClassTooLarge, "upload_too_large"},
		"too large, not told":     {func(b *importing) { b.far.sized = false }, 1500, fault.ClassTooLarge, "upload_too_large"},
		"no table":                {func(b *importing) { b.far.text = "\x89PNG\r\n\x1a\n" }, 0, fault.ClassInvalid, "csv_not_text"},
		"pieces cannot be stored": {func(b *importing) { b.files.Fail("raw/00001", errors.New("disk full")) }, 0, fault.ClassInternal, "internal"},
		"nor joined":              {func(b *importing) { b.files.Fail("raw/whole", errors.New("disk full")) }, 0, fault.ClassInternal, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupImport(t, func(c *dataset.ImporterConfig) { c.MaxSize = tt.limit })
			tt.change(b)
			d, j := b.ask(t)
			_, _, err := b.run(t.Context(), j)
			checkCode(t, err, tt.class, tt.code)
			j.State = job.Failed
			if d, err := b.Get(t.Context(), "acme", d.ID); err != nil || d.State != dataset.Rejected {
				t.Errorf("data set %+v: %v", d, err)
			}
		})
	}
	b := setupImport(t)
	d, j := b.ask(t)
	task := jobtest.NewTask(j, b.saved)
	task.Drain()
	b.far.opens = func() {}
	if _, err := b.importer.Run(t.Context(), task.Task, dataset.IngestRequest{DatasetID: d.ID}); err != nil && !errors.Is(err, job.Drained) {
		t.Errorf("draining: %v", err)
	}
	if _, err := b.importer.Run(t.Context(), task.Task, dataset.IngestRequest{DatasetID: "ds_none"}); fault.CodeOf(err) != "dataset_not_found" {
		t.Errorf("of nothing: %v", err)
	}
	if err := b.importer.Publish(t.Context(), j, []byte("{")); err == nil {
		t.Error("a broken result was published")
	}
}

// TestImportHoldsOnePiece checks that what is stored at a time is a piece, so that
// no attempt loses more.
func TestImportHoldsOnePiece(t *testing.T) {
	t.Parallel()
	sizes := map[string]int{}
	b := setupImport(t, func(c *dataset.ImporterConfig) { c.Files = measuring{c.Files, sizes} })
	_, j := b.ask(t)
	made, _, err := b.run(t.Context(), j)
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
	b.check(t, j, made)
}

// measuring tells how long files are that are put.
type measuring struct {
	dataset.ImportFiles
	sizes map[string]int
}

func (m measuring) Put(ctx context.Context, key, kind string, r io.Reader) (int64, error) {
	n, err := m.ImportFiles.Put(ctx, key, kind, r)
	m.sizes[key] = int(n)
	return n, err
}
