package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// datasets keeps data sets in memory, and of their files the length and sum.
type datasets struct {
	mu       sync.Mutex
	all      map[string]*dataset.Dataset
	jobs     *jobs
	got      []dataset.Upload
	imported []dataset.Import
	read     func(io.Reader) (int64, []byte, error)
	view     dataset.Preview

	charts int // that were drawn
}

var _ httpapi.Datasets = (*datasets)(nil)

func readAll(r io.Reader) (int64, []byte, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return n, h.Sum(nil), err
}

func (f *datasets) add(tenant string, state dataset.State) *dataset.Dataset {
	j := f.jobs.add(tenant, "ingest", "")
	d := &dataset.Dataset{
		Meta: store.Meta{ID: strings.Replace(j.ID, "job", "ds", 1), Revision: 1}, Tenant: tenant, User: tenant,
		Name: "iris", Filename: "iris.csv", State: state, JobID: j.ID, RawKey: "uploads/" + tenant + "/raw", CreatedAt: f.jobs.now(),
	}
	if state == dataset.Ready {
		d.Version = &dataset.Version{
			JobID: j.ID, Rows: 2, Schema: tabular.Schema{{Name: "x", Type: tabular.Float, Nullable: true}},
			Format: tabular.Format{Kind: "csv", Delimiter: ",", Header: true}, TableKey: "jobs/secret/table", ProfileKey: "jobs/secret/profile",
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[d.ID] = d
	return d
}

func (f *datasets) Create(ctx context.Context, u dataset.Upload) (*dataset.Dataset, *job.Job, error) {
	n, sum, err := f.read(u.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("store the upload: %v", err) //nolint:errorlint // a file store may lose the kind of an error
	}
	if n == 0 {
		return nil, nil, fault.Invalid("empty_file", "the file is empty")
	}
	u.Body = nil
	f.mu.Lock()
	f.got = append(f.got, u)
	f.mu.Unlock()
	j, created, err := f.jobs.submit(ctx, job.Submission{
		Tenant: u.Tenant, Kind: job.Kind{Name: "ingest"}, IdempotencyKey: u.IdempotencyKey, Payload: hex.EncodeToString(sum),
	})
	if err != nil {
		return nil, nil, err
	}
	id := strings.Replace(j.ID, "job", "ds", 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if created {
		f.all[id] = &dataset.Dataset{
			Meta: store.Meta{ID: id, Revision: 1}, Tenant: u.Tenant, User: u.User, Name: u.Name, Filename: u.Filename,
			Size: n, SHA256: hex.EncodeToString(sum), State: dataset.Uploaded, JobID: j.ID, CreatedAt: f.jobs.now(),
		}
	}
	return f.all[id], j, nil
}

func (f *datasets) Import(ctx context.Context, im dataset.Import) (*dataset.Dataset, *job.Job, bool, error) {
	for _, id := range im.After {
		if _, err := f.jobs.Get(ctx, im.Tenant, id); err != nil {
			return nil, nil, false, err
		}
	}
	j, created, err := f.jobs.submit(ctx, job.Submission{
		Tenant: im.Tenant, Kind: job.Kind{Name: "import"}, IdempotencyKey: im.IdempotencyKey, Payload: im.Source,
	})
	if err != nil {
		return nil, nil, false, err
	}
	id := strings.Replace(j.ID, "job", "ds", 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.imported = append(f.imported, im)
	if created {
		f.all[id] = &dataset.Dataset{
			Meta: store.Meta{ID: id, Revision: 1}, Tenant: im.Tenant, User: im.User, Name: im.Name, Source: im.Source,
			State: dataset.Uploaded, JobID: j.ID, CreatedAt: f.jobs.now(),
		}
	}
	return f.all[id], j, created, nil
}

func (f *datasets) Get(_ context.Context, tenant, id string) (*dataset.Dataset, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.all[id]
	if d == nil || d.Tenant != tenant {
		return nil, fault.NotFound("dataset_not_found", "there is no data set %s", id)
	}
	return d, nil
}

func (f *datasets) List(_ context.Context, tenant, _ string, _ int) (store.Page[*dataset.Dataset], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var page store.Page[*dataset.Dataset]
	for _, id := range slices.Sorted(maps.Keys(f.all)) {
		if d := f.all[id]; d.Tenant == tenant {
			page.Items = append(page.Items, d)
		}
	}
	return page, nil
}

func (f *datasets) Delete(ctx context.Context, tenant, id string) error {
	_, err := f.Get(ctx, tenant, id)
	return err
}

func (f *datasets) ready(ctx context.Context, tenant, id string) error {
	_, err := f.Look(ctx, tenant, id, 0)
	return err
}

func (f *datasets) Look(ctx context.Context, tenant, id string, version int) (*dataset.Dataset, error) {
	d, err := f.Get(ctx, tenant, id)
	if err == nil && d.State != dataset.Ready {
		err = fault.Conflict("dataset_not_ready", "the data set is still being read")
	}
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := *d
	if version > 0 && version < now.Version.Number { // they differ in their number alone
		v := *now.Version
		v.Number = version
		now.Version = &v
	}
	return &now, nil
}

func (f *datasets) Preview(_ context.Context, _ *dataset.Dataset, limit int) (*dataset.Preview, error) {
	p := f.view
	p.Rows = p.Rows[:min(limit, len(p.Rows))]
	return &p, nil
}

func (f *datasets) ProfileOf(context.Context, *dataset.Dataset) ([]byte, error) {
	return []byte(`{"rows": 2, "columns": [], "table_key": "jobs/secret/table"}`), nil
}

// models keeps models in memory.
type models struct{ all map[string]*model.Model }

var _ httpapi.Models = (*models)(nil)

func (f *models) Get(_ context.Context, tenant, id string) (*model.Model, error) {
	m := f.all[id]
	if m == nil || m.Tenant != tenant {
		return nil, fault.NotFound("model_not_found", "there is no model %s", id)
	}
	return m, nil
}

func (f *models) List(_ context.Context, tenant, _ string, _ int) (store.Page[*model.Model], error) {
	var page store.Page[*model.Model]
	for _, m := range f.all {
		if m.Tenant == tenant {
			page.Items = append(page.Items, m)
		}
	}
	return page, nil
}

func (f *models) Delete(ctx context.Context, tenant, id string) error {
	_, err := f.Get(ctx, tenant, id)
	return err
}
