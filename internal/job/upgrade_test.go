package job_test

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/mongostore"
	"github.com/narrativeml/narrative/internal/store/mongowire"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

func openSQLite(t *testing.T) *sqlitestore.Driver {
	t.Helper()
	d, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Path: filepath.Join(t.TempDir(), "records.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return d
}

func openMongo(t *testing.T) store.Driver {
	t.Helper()
	server := mongowire.New(openSQLite(t), mongowire.Config{})
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	d, err := mongostore.Open(t.Context(), mongostore.Config{URI: "mongodb://" + listener.Addr().String(), Database: "narrative", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return d
}

// onBothDrivers runs the test on the drivers of records that people use.
func onBothDrivers(t *testing.T, test func(t *testing.T, d store.Driver)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) store.Driver{"sqlite": func(t *testing.T) store.Driver { t.Helper(); return openSQLite(t) }, "mongo": openMongo} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// jobsBefore is how jobs were declared when they had one subject.
func jobsBefore() store.Collection {
	text := func(name string) store.IndexField { return store.IndexField{Name: name} }
	number := func(name string) store.IndexField { return store.IndexField{Name: name, Type: store.Int} }
	tenant, kind, state, subject := text("tenant"), text("kind"), text("state"), text("subject")
	created, due := number("created_at"), number("due_at")
	return store.Collection{Name: "jobs", Indexes: []store.Index{
		{Name: "key", Fields: []store.IndexField{tenant, kind, text("idempotency_key")}, Unique: true},
		{Name: "created", Fields: []store.IndexField{tenant, created}},
		{Name: "state", Fields: []store.IndexField{tenant, state, created}},
		{Name: "kind", Fields: []store.IndexField{tenant, kind, created}},
		{Name: "kind_state", Fields: []store.IndexField{tenant, kind, state, created}},
		{Name: "subject", Fields: []store.IndexField{tenant, subject, created}},
		{Name: "about", Fields: []store.IndexField{subject, state}},
		{Name: "due", Fields: []store.IndexField{state, due}},
		{Name: "line", Fields: []store.IndexField{text("pool"), kind, state, due}},
	}}
}

// The bodies of two records as they were written then.
const (
	tuningBefore = `{"tenant":"acme","user":"ann","kind":"tuning","pool":"batch","subject":"mdl_1","idempotency_key":"job_00000000000000000000000000000001",` +
		`"fingerprint":"f","version":1,"payload":{"model_id":"mdl_1","method":"threshold","objective":"f1"},"state":"queued","epoch":1,"attempt":0,` +
		`"failures":0,"crashes":0,"max_failures":3,"max_crashes":5,"timeout":3600000000000,"progress":{"fraction":0},"log_lines":0,` +
		`"created_at":"2025-06-01T12:00:00Z","queued_at":"2025-06-01T12:00:00Z",` +
		`"history":[{"at":"2025-06-01T12:00:00Z","state":"pending","epoch":0},{"at":"2025-06-01T12:00:00Z","state":"queued","epoch":1}]}`
	predictionBefore = `{"tenant":"acme","user":"ann","kind":"prediction","pool":"batch","subject":"ds_1","idempotency_key":"k","fingerprint":"f","version":1,` +
		`"payload":{"model_id":"mdl_1","dataset_id":"ds_1"},"state":"succeeded","epoch":1,"attempt":1,"failures":0,"crashes":0,"max_failures":3,"max_crashes":5,` +
		`"timeout":43200000000000,"result":{"model_id":"mdl_1","rows":3},"files":{"predictions":"jobs/job_00000000000000000000000000000002/1/predictions.csv"},` +
		`"progress":{"stage":"done","fraction":1},"worker":"wkr_1","log_lines":1,"created_at":"2025-06-01T12:00:01Z","queued_at":"2025-06-01T12:00:01Z",` +
		`"started_at":"2025-06-01T12:00:02Z","heartbeat_at":"2025-06-01T12:00:03Z","finished_at":"2025-06-01T12:00:03Z",` +
		`"history":[{"at":"2025-06-01T12:00:03Z","state":"succeeded","epoch":1,"worker":"wkr_1"}]}`
)

// Jobs that were stored before jobs had several subjects are found by the one
// that they have, beside those of today, and go on as they would have.
func TestJobsFromBeforeSeveralSubjects(t *testing.T) {
	t.Parallel()
	onBothDrivers(t, func(t *testing.T, d store.Driver) {
		ctx := t.Context()
		at := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
		const tuning, prediction = "job_00000000000000000000000000000001", "job_00000000000000000000000000000002"
		if err := d.Ensure(ctx, jobsBefore()); err != nil {
			t.Fatal(err)
		}
		errs, err := d.Insert(ctx, "jobs",
			store.Record{ID: tuning, Body: []byte(tuningBefore), Keys: map[string]any{
				"tenant": "acme", "kind": "tuning", "idempotency_key": tuning, "state": "queued", "subject": "mdl_1", "pool": "batch",
				"created_at": at.UnixNano(), "due_at": at.UnixNano(),
			}},
			store.Record{ID: prediction, Body: []byte(predictionBefore), Keys: map[string]any{
				"tenant": "acme", "kind": "prediction", "idempotency_key": "k", "state": "succeeded", "subject": "ds_1", "pool": "batch",
				"created_at": at.Add(time.Second).UnixNano(), "due_at": at.Add(3 * time.Second).UnixNano(),
			}})
		if err != nil || slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
			t.Fatal(errs, err)
		}
		if err := d.Ensure(ctx, job.Collections()...); err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, queue: newLine(), files: newShelf(), diary: &diary{}}
		w.service = job.NewService(job.ServiceConfig{Driver: d, Queue: w.queue, Files: w.files, Observer: w.diary})
		fresh := w.about("ds_1", "mdl_1").ID

		for subject, want := range map[string][]string{"mdl_1": {fresh, tuning}, "ds_1": {fresh, prediction}, "mdl_2": nil} {
			page, err := w.service.List(ctx, "acme", job.Filter{Subject: subject}, "", 1)
			var seen []string
			for err == nil {
				for _, j := range page.Items {
					seen = append(seen, j.ID)
				}
				if page.Next == "" {
					break
				}
				page, err = w.service.List(ctx, "acme", job.Filter{Subject: subject}, page.Next, 1)
			}
			if err != nil || !slices.Equal(seen, want) {
				t.Errorf("about %q there are %q, %v; want %q", subject, seen, err, want)
			}
		}
		old := w.get(prediction)
		if old.State != job.Succeeded || !slices.Equal(old.Subjects(), []string{"ds_1"}) || old.Files["predictions"] == "" || old.FinishedAt.IsZero() {
			t.Errorf("the prediction reads as %s", dump(old))
		}
		active := func(want bool) {
			t.Helper()
			if got, err := w.service.Active(ctx, "mdl_1"); err != nil || got != want {
				t.Errorf("a job about the model is active: %v, %v; want %v", got, err, want)
			}
		}
		active(true)
		if _, err := w.service.Cancel(ctx, "acme", fresh); err != nil {
			t.Fatal(err)
		}
		active(true) // the tuning of before
		if j, err := w.service.Cancel(ctx, "acme", tuning); err != nil || j.State != job.Cancelled {
			t.Fatal(j, err)
		}
		active(false)
	})
}
