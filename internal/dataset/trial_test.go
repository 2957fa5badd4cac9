package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/tabular"
)

// ingestTimes ingests the table when so many bytes are a large file, and returns
// what was made, the profile and how often the file was opened.
func ingestTimes(t *testing.T, body string, beginning int, settings map[string]dataset.Setting) (made *dataset.IngestResult, profile []byte, opened int, err error) {
	t.Helper()
	b := setup(t, nil)
	b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: b.files, Now: func() time.Time { return b.now }, Limits: tabular.Limits{Beginning: beginning, ChunkRows: 50}})
	_, j := b.create(t, body)
	b.files.open = func(_ string, raw []byte) io.ReadCloser {
		opened++
		return io.NopCloser(bytes.NewReader(raw))
	}
	if settings == nil {
		made, err = b.ingest(t.Context(), j)
	} else {
		task := &job.Task{Job: j, Prefix: j.Prefix(), Report: b.report, Draining: b.drain}
		made, err = dataset.Retyper{Runner: b.runner}.Run(t.Context(), task, dataset.RetypeRequest{DatasetID: j.Subject, Reading: 1, Columns: settings})
	}
	if err != nil {
		return nil, nil, opened, err
	}
	if !slices.IsSorted(b.report.fractions) && opened < 4 || b.report.fractions[len(b.report.fractions)-1] != 1 {
		t.Errorf("progress %v", b.report.fractions)
	}
	if profile, err = b.files.get(made.Version.ProfileKey); err != nil {
		t.Fatal(err)
	}
	table, err := b.files.get(made.Version.TableKey)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tabular.NewParquetReader(bytes.NewReader(table), int64(len(table)), tabular.ParquetOptions{Schema: made.Version.Schema})
	if err != nil || r.Rows() != made.Rows {
		t.Fatalf("%d rows in the table, error %v", r.Rows(), err)
	}
	return made, profile, opened, r.Close()
}

func TestIngestInOnePass(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&rows, "%d,city %d,%d.%02d,2024-01-%02d\n", i, i%7, i%90, i%100, 1+i%28)
	}
	body := "id,city,income,since\n" + rows.String()
	for _, tt := range []struct {
		name     string
		late     string
		settings map[string]dataset.Setting
		opened   int
		code     string
	}{
		{"one pass", "1000,Ulm,1.5,2024-02-01\n", nil, 2, ""},
		{"late nulls", ",,,\n", nil, 2, ""},
		{"a late type", "1000,Ulm,1.5,yesterday\n", nil, 4, ""},
		{"a last whole number that is none", "1000.5,Ulm,1.5,2024-02-01\n", nil, 4, ""},
		{"a mistake", "1000,Ulm\n", nil, 3, "csv_ragged_row"},
		{"a mistake behind another type", "x,Ulm,1.5,2024-02-01\n1000,Ulm\n", nil, 3, "csv_ragged_row"},
		{"an infinity", "1000,Ulm,inf,2024-02-01\n", nil, 3, "infinite_value"},
		{"a chosen type", "1000,Ulm,1.5,2024-02-01\n", map[string]dataset.Setting{"id": {Type: tabular.SemanticString}}, 2, ""},
		{"a role", "1000,Ulm,1.5,2024-02-01\n", map[string]dataset.Setting{"id": {Role: tabular.RoleID}}, 2, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, profile, opened, err := ingestTimes(t, body+tt.late, 4000, tt.settings)
			want, wantProfile, twice, wantErr := ingestTimes(t, body+tt.late, len(body)*2, tt.settings)
			if opened != tt.opened || wantErr == nil && twice != 2 {
				t.Errorf("opened %d times; read twice, %d", opened, twice)
			}
			if tt.code != "" {
				if fault.CodeOf(err) != tt.code || wantErr == nil || err.Error() != wantErr.Error() {
					t.Errorf("error %v, in two passes %v", err, wantErr)
				}
				return
			}
			if err = errors.Join(err, wantErr); err != nil {
				t.Fatal(err)
			}
			v, w := got.Version, want.Version
			if got.Rows != want.Rows || v.Rows != w.Rows || v.Hash != w.Hash || !reflect.DeepEqual(v.Schema, w.Schema) || !reflect.DeepEqual(v.Format, w.Format) || !reflect.DeepEqual(v.Types, w.Types) {
				t.Errorf("made %+v, in two passes %+v", got, want)
			}
			if !bytes.Equal(profile, wantProfile) {
				t.Errorf("profile %s, in two passes %s", profile, wantProfile)
			}
		})
	}
}

// TestIngestInOnePassFails checks that what is wrong with the file store is said,
// and not taken for what is wrong with the table.
func TestIngestInOnePassFails(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: b.files, Limits: tabular.Limits{Beginning: 100, ChunkRows: 10}})
	_, j := b.create(t, string(randomTable(500, 4)))
	opened := 0
	broken := errors.New("connection reset")
	b.files.open = func(_ string, raw []byte) io.ReadCloser {
		if opened++; opened == 2 {
			return io.NopCloser(io.MultiReader(bytes.NewReader(raw[:len(raw)/2]), iotest.ErrReader(broken)))
		}
		return io.NopCloser(bytes.NewReader(raw))
	}
	if _, err := b.ingest(t.Context(), j); !errors.Is(err, broken) || opened != 2 {
		t.Errorf("error %v after %d reads", err, opened)
	}
	opened, b.files.fail = 2, errors.New("disk full")
	if _, err := b.ingest(t.Context(), j); !errors.Is(err, b.files.fail) || opened != 4 {
		t.Errorf("error %v after %d reads", err, opened)
	}
}

// TestIngestInOnePassObeys checks that a run that is to end ends, and does not
// begin again.
func TestIngestInOnePassObeys(t *testing.T) {
	t.Parallel()
	for _, drain := range []bool{false, true} {
		t.Run(fmt.Sprintf("drain %t", drain), func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: b.files, Limits: tabular.Limits{Beginning: 1000, ChunkRows: 10}})
			_, j := b.create(t, "a,b,c\n1,2,3\n")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			opened, reports := 0, 0
			b.files.open = func(string, []byte) io.ReadCloser {
				opened++
				return &endless{ctx: ctx, b: []byte(strings.Repeat("1,2,3\n", 1000))}
			}
			b.report.each = func(float64) {
				if reports++; opened != 2 || reports != 100 {
					return
				}
				if drain {
					close(b.drain)
				} else {
					cancel()
				}
			}
			_, err := b.ingest(ctx, j)
			want := context.Canceled
			if drain {
				want = job.Drained
			}
			if !errors.Is(err, want) || opened != 2 {
				t.Errorf("error %v after %d reads", err, opened)
			}
		})
	}
}
