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
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/fetch"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

// elsewhere is a file somewhere.
type elsewhere struct {
	text   string
	fail   error
	opened int // how often
}

func (e *elsewhere) Check(tenant, source string) error {
	if tenant != "acme" || strings.Contains(source, "private") {
		return fault.Invalid("source_address", "no")
	}
	return nil
}

func (e *elsewhere) Open(_ context.Context, tenant, source string, from int64, _ string) (*fetch.Remote, error) {
	if err := errors.Join(e.Check(tenant, source), e.fail); err != nil {
		return nil, err
	}
	e.opened++
	return &fetch.Remote{Body: io.NopCloser(strings.NewReader(e.text[from:])), At: from, Size: int64(len(e.text)), Version: `"v1"`}, nil
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
}

func setupImport(t *testing.T) *importing {
	t.Helper()
	driver := memstore.New()
	if err := driver.Ensure(t.Context(), dataset.Collections()...); err != nil {
		t.Fatal(err)
	}
	b := &importing{
		files: jobtest.NewFiles(), line: jobtest.NewLine(), saved: jobtest.NewCheckpoints(), now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
		far: &elsewhere{text: string(randomTable(200, 3))},
	}
	now := func() time.Time { return b.now }
	b.Service = dataset.NewService(dataset.ServiceConfig{Driver: driver, Files: b.files, Jobs: b.line, Sources: b.far, Now: now})
	runner := dataset.NewRunner(dataset.RunnerConfig{Driver: driver, Files: b.files, Now: now})
	b.importer = dataset.NewImporter(runner, fetch.New(fetch.Config{Source: b.far, Files: b.files, Piece: 1000, Now: now}))
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
	b := setupImport(t)
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
	last, fetched := 0.0, 0.0
	for _, s := range task.Report.Steps() {
		if s.Fraction < last || s.Fraction > 1 {
			t.Errorf("progress %+v", task.Report.Steps())
			break
		}
		if last = s.Fraction; s.Stage == "fetch" {
			fetched = last
		}
	}
	if fetched != 0.5 || last != 1 || strings.Contains(fmt.Sprint(task.Report.Lines()), "secret") {
		t.Errorf("fetched at %v, at %v in the end, lines %q", fetched, last, task.Report.Lines())
	}
}

// TestImportGoesOn has a job that dies in the ingest, and one that is tried again.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	b := setupImport(t)
	_, j := b.ask(t)
	b.files.Fail("table.parquet", errors.New("disk full"))
	if _, _, err := b.run(t.Context(), j); err == nil {
		t.Fatal("it was written")
	}
	b.files.Fail("table.parquet", nil)
	made, _, err := b.run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	b.check(t, j, made)
	if b.far.opened != 1 {
		t.Errorf("opened %d times", b.far.opened)
	}
	// But whoever retries the job wants the file as it is now.
	b.far.text = string(randomTable(200, 4))
	j.Round++
	if made, _, err = b.run(t.Context(), j); err != nil || made.Columns != 4 {
		t.Errorf("result %+v, error %v", made, err)
	}
}

func TestImportsThatFail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*importing)
		code   string
	}{
		"not there": {func(b *importing) { b.far.fail = fault.Invalid("source_not_found", "no") }, "source_not_found"},
		"no table":  {func(b *importing) { b.far.text = "\x89PNG\r\n\x1a\n" }, "csv_not_text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupImport(t)
			tt.change(b)
			d, j := b.ask(t)
			_, _, err := b.run(t.Context(), j)
			checkCode(t, err, fault.ClassInvalid, tt.code)
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
