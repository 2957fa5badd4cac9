package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/narrativeml/narrative/internal/dataset/fetch"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// Import is a file elsewhere that is to become a data set.
type Import struct {
	Tenant         string
	User           string
	Source         string // https://… or s3://bucket/key
	Name           string // empty: that of the file, without its extension
	IdempotencyKey string // empty: none
	Options        FormatOptions
	job.Order
}

// Sources says what may be read that is elsewhere.
type Sources interface {
	// Check refuses sources that the tenant may not read, with faults.
	Check(tenant, source string) error
}

// ImportKind declares the job that fetches a file and then does what an ingest
// does.
func ImportKind() job.Kind {
	return job.Kind{Name: "import", Pool: "data", Version: 1, Timeout: 24 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// Import records a data set and submits the job that fetches its file and reads
// it in. A repeated idempotency key with the same request gives the data set that
// exists and created = false; with anything else it is the conflict
// idempotency_key_reused.
func (s *Service) Import(ctx context.Context, im Import) (d *Dataset, j *job.Job, created bool, err error) {
	if im.Tenant == "" || s.sources == nil {
		return nil, nil, false, errors.New("import data set: tenant and sources are needed")
	}
	if err := checkNames(im.Name, im.IdempotencyKey, im.Options); err != nil {
		return nil, nil, false, err
	}
	if err := s.sources.Check(im.Tenant, im.Source); err != nil {
		return nil, nil, false, err
	}
	if err := s.jobs.CheckAfter(ctx, im.Tenant, im.After); err != nil {
		return nil, nil, false, err
	}
	d = s.newDataset(NewID(), im.IdempotencyKey)
	d.Tenant, d.User, d.Name, d.Source, d.Filename = im.Tenant, im.User, im.Name, im.Source, filenameOf(im.Source)
	d.Options, d.Priority, d.After = im.Options, im.Priority, im.After
	d.SourceSum = sumOf(im.Source)
	d.nameByFile()
	found, err := s.byKey(ctx, d)
	if err == nil && found == nil {
		err = s.table.Insert(ctx, d)
		if err == nil {
			d, j, err = s.submitNew(ctx, d)
			return d, j, err == nil, err
		}
		if errors.Is(err, store.ErrDuplicate) { // by a request at the same time, or this one, whose answer was lost
			found, err = s.byKey(ctx, d)
		}
	}
	switch {
	case err != nil:
		return nil, nil, false, storeFault(err)
	case found == nil:
		return nil, nil, false, fault.Unavailable("store_unavailable", "the data set could not be recorded; please try again in a moment")
	}
	if found.ID == d.ID { // an earlier try was stored, and its reply lost
		d, j, err = s.submitNew(ctx, found)
		return d, j, err == nil, err
	}
	d, j, err = s.sameImport(ctx, found, d)
	return d, j, false, err
}

// sameImport returns the data set that was found if d is the same import.
func (s *Service) sameImport(ctx context.Context, found, d *Dataset) (*Dataset, *job.Job, error) {
	if found.Deleted || found.SourceSum != d.SourceSum || found.Name != d.Name || !reflect.DeepEqual(found.Options, d.Options) || !slices.Equal(found.After, d.After) {
		return nil, nil, errKeyReused()
	}
	return s.known(ctx, found)
}

// sumOf tells sources apart without keeping them.
func sumOf(source string) string {
	sum := sha256.Sum256([]byte(source))
	return hex.EncodeToString(sum[:])
}

// Origin is where the file came from, as it may be shown: without what may be a
// secret. It is empty for a file that was uploaded.
func (d *Dataset) Origin() string {
	if strings.HasPrefix(strings.ToLower(d.Source), "s3://") {
		return d.Source // a key may hold any character
	}
	shown, _, _ := strings.Cut(d.Source, "#")
	shown, _, _ = strings.Cut(shown, "?")
	return shown
}

// filenameOf returns the last part of a source's path.
func filenameOf(source string) string {
	const longest = 255
	at := source
	if u, err := url.Parse(source); err == nil && !strings.EqualFold(u.Scheme, "s3") {
		at = u.Path
	}
	name := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '/' || r == '\\' || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, path.Base(at))
	for len(name) > longest {
		name = string([]rune(name)[1:])
	}
	if name == "" || name == "." {
		return "import"
	}
	return name
}

// Importer runs import jobs.
type Importer struct {
	*Runner
	fetcher *fetch.Fetcher
}

// NewImporter returns an Importer.
func NewImporter(r *Runner, f *fetch.Fetcher) *Importer { return &Importer{Runner: r, fetcher: f} }

// ImportResult is what an import job made.
type ImportResult struct {
	IngestResult

	Size   int64  `json:"size"` // bytes as fetched
	SHA256 string `json:"sha256"`
	RawKey string `json:"raw_key"`
}

// fetchedAt is the share of an import's progress at which the file is here.
const fetchedAt = 0.5

// Run fetches the data set's file and does with it what an ingest does.
func (m *Importer) Run(ctx context.Context, t *job.Task, req IngestRequest) (*ImportResult, error) {
	d, err := m.find(ctx, t, req.DatasetID)
	if err != nil {
		return nil, err
	}
	var made *ImportResult
	err = t.UntilDrained(ctx, func(ctx context.Context) error {
		first, rest := *t, *t
		first.Report = share{t.Report, 0, fetchedAt}
		rest.Report = share{t.Report, fetchedAt, 1}
		f, err := m.fetcher.Fetch(ctx, &first, fetch.File{Dataset: d.ID, Tenant: d.Tenant, Source: d.Source, Origin: d.Origin()})
		if err != nil {
			return err
		}
		d.RawKey, d.Size, d.SHA256 = f.Key, f.Size, f.SHA256
		ingested, err := m.ingest(ctx, &ingest{runner: m.Runner, task: &rest, dataset: d, settings: d.Settings})
		if err != nil {
			return err
		}
		made = &ImportResult{IngestResult: *ingested, Size: d.Size, SHA256: d.SHA256, RawKey: d.RawKey}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// share reports the progress of a part of a job.
type share struct {
	job.Reporter

	from, to float64
}

// Progress implements job.Reporter.
func (s share) Progress(stage string, fraction float64, rows, rowsAll int64) {
	s.Reporter.Progress(stage, s.from+(s.to-s.from)*fraction, rows, rowsAll)
}

// Publish makes the result the data set's file and version.
func (m *Importer) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	var made ImportResult
	if err := json.Unmarshal(result, &made); err != nil {
		return fmt.Errorf("decode result of job %s: %w", j.ID, err)
	}
	return m.publish(ctx, j, made.DatasetID, func(d *Dataset, rules *Rules) error {
		if !made.Version.first(d) {
			return store.ErrUnchanged
		}
		d.Source = d.Origin() // nobody fetches it again
		d.RawKey, d.Size, d.SHA256 = made.RawKey, made.Size, made.SHA256
		d.Version = &made.Version
		d.State = d.settled(rules)
		return nil
	})
}
