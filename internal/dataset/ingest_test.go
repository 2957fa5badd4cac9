package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

func TestIngestTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, code, where string }{
		{"header only", "a,b\n", "csv_header_only", ""},
		{"ragged", "a,b\n1,2\n3\n", "csv_ragged_row", "line 3, row 2"},
		{"unclosed quote", "a,b\n1,2\n3,\"4\n", "csv_unclosed_quote", `line 3, row 2, column "b"`},
		{"infinite", "a,b\n1,2\n3,1e999\n", "infinite_value", `line 3, row 2, column "b"`},
		{"duplicate", "a,a\n1,2\n", "csv_duplicate_column", `line 1, column "a"`},
		{"binary", "\x89PNG\r\n\x1a\n", "csv_not_text", ""},
		{"zip", "PK\x03\x04\x00\x00", "xlsx_damaged", ""},
		{"json", `[{"a":1},{"a"}]`, "json_syntax", "line 1, row 2"},
		{"gzip", "\x1f\x8b\x08\x00", "compression_damaged", ""},
		{"parquet", "PAR1 and no more", "parquet_damaged", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			_, j := b.create(t, tt.body)
			_, err := b.ingest(t.Context(), j)
			checkCode(t, err, fault.ClassInvalid, tt.code)
			if f, ok := fault.As(err); ok && tt.where != "" && f.Fields[0].Location != tt.where {
				t.Errorf("location %q, want %q", f.Fields[0].Location, tt.where)
			}
			for _, key := range b.files.keys() {
				if strings.HasPrefix(key, "jobs/") {
					t.Errorf("left behind: %s", key)
				}
			}
		})
	}
}

func TestIngestWithOptions(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	header := false
	u := upload("x;1\ny;2\n")
	u.Options = dataset.FormatOptions{Delimiter: ";", Header: &header}
	_, j, err := b.Create(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	made := b.finish(t, j)
	if made.Rows != 2 || made.Version.Schema[1].Name != "column_2" || made.Version.Format.Header {
		t.Errorf("result %+v", made)
	}
}

func TestIngestOfParquet(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, j := b.create(t, people)
	first := b.finish(t, j)
	table, err := b.files.get(first.Version.TableKey)
	if err != nil {
		t.Fatal(err)
	}
	d, j := b.create(t, string(table))
	second := b.finish(t, j)
	if second.Version.Format.Kind != tabular.KindParquet || second.Rows != 3 || !slices.Equal(second.Version.Schema, first.Version.Schema) {
		t.Errorf("result %+v", second)
	}
	p, err := b.Preview(t.Context(), "acme", d.ID, 1)
	if err != nil || p.Rows[0][0] != "ann" {
		t.Errorf("preview %v, error %v", p, err)
	}
	again, err := b.files.get(second.Version.TableKey)
	if err != nil || !bytes.Equal(again, table) {
		t.Error("the same table gave another file")
	}
}

func TestIngestGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	body := string(randomTable(20_000, 6))
	var tables, profiles [][]byte
	for range 2 {
		b := setup(t, nil)
		_, j := b.create(t, body)
		made := b.finish(t, j)
		table, err1 := b.files.get(made.Version.TableKey)
		described, err2 := b.files.get(made.Version.ProfileKey)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		tables, profiles = append(tables, table), append(profiles, described)
		if !slices.IsSorted(b.report.fractions) || b.report.fractions[len(b.report.fractions)-1] != 1 || b.report.lines == 0 || b.report.rows != 20_000 {
			t.Errorf("progress %v, %d lines, %d rows", b.report.fractions, b.report.lines, b.report.rows)
		}
		if len(b.report.fractions) < 5 {
			t.Errorf("only %d reports", len(b.report.fractions))
		}
	}
	if !bytes.Equal(tables[0], tables[1]) || !bytes.Equal(profiles[0], profiles[1]) {
		t.Error("two runs gave different bytes")
	}
}

func TestPublishMovesForwardOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d, j := b.create(t, people)
	early, err := b.ingest(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	j.Epoch = 2
	late := b.finish(t, j)
	b.publish(t, j, early)
	b.publish(t, j, late)
	got, err := b.Get(t.Context(), "acme", d.ID)
	if err != nil || got.Version.Epoch != 2 || got.Version.TableKey != late.Version.TableKey || early.Version.TableKey == late.Version.TableKey {
		t.Errorf("version %+v, error %v", got.Version, err)
	}
	if err := b.runner.Publish(t.Context(), j, []byte("{")); err == nil {
		t.Error("a broken result was published")
	}
	if err := b.runner.Publish(t.Context(), j, []byte(`{"dataset_id":"ds_none"}`)); err != nil {
		t.Errorf("a data set that is gone: %v", err)
	}
}

// endless is a table that never ends until it is closed.
type endless struct {
	ctx context.Context //nolint:containedctx // a test's source obeys it as a network would
	b   []byte
	at  int
}

func (e *endless) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	n := copy(p, e.b[e.at:])
	e.at = (e.at + n) % len(e.b)
	return n, nil
}

func (e *endless) Close() error { return nil }

func TestIngestObeysItsContext(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"check", "write", "drain"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			body := string(randomTable(30_000, 6))
			_, j := b.create(t, body)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var since time.Time
			if stage != "write" {
				b.files.open = func(string, []byte) io.ReadCloser {
					return &endless{ctx: ctx, b: []byte(strings.Repeat("1,2,3\n", 1000))}
				}
			}
			b.report.each = func(fraction float64) {
				if (stage != "write" || fraction > 0.3) && since.IsZero() {
					since = time.Now()
					if stage == "drain" {
						close(b.drain)
					} else {
						cancel()
					}
				}
			}
			_, err := b.ingest(ctx, j)
			want := context.Canceled
			if stage == "drain" {
				want = job.Drained
			}
			if !errors.Is(err, want) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(since); took > 2*time.Second {
				t.Errorf("took %s to stop", took)
			}
		})
	}
}

func TestIngestWhenFilesFail(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, j := b.create(t, people)
	b.files.fail = errors.New("disk full")
	if _, err := b.ingest(t.Context(), j); !errors.Is(err, b.files.fail) {
		t.Errorf("error %v", err)
	}
	b.files.fail = nil
	broken := errors.New("connection reset")
	b.files.open = func(string, []byte) io.ReadCloser { return io.NopCloser(iotest.ErrReader(broken)) }
	if _, err := b.ingest(t.Context(), j); !errors.Is(err, broken) || fault.ClassOf(err) != fault.ClassInternal {
		t.Errorf("error %v", err)
	}
	b.files.open = nil
	for _, k := range b.files.keys() {
		if err := b.files.Delete(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.ingest(t.Context(), j)
	checkCode(t, err, fault.ClassNotFound, "file_not_found")
}

func TestIngestWhenTheFileChanges(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, j := b.create(t, people)
	opened := 0
	b.files.open = func(_ string, raw []byte) io.ReadCloser {
		opened++
		if opened > 1 {
			raw = append(slices.Clone(raw), "eve,1,2024-01-01\n"...)
		}
		return io.NopCloser(bytes.NewReader(raw))
	}
	_, err := b.ingest(t.Context(), j)
	checkCode(t, err, fault.ClassInternal, "file_changed")
}

// randomTable returns a CSV file of numbers and words.
func randomTable(rows, columns int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	for j := range columns {
		if j > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "column_%d", j)
	}
	words := []string{"red", "green", "blue", "married", "self-employed", "unknown", "university degree"}
	for i := range rows {
		b.WriteByte('\n')
		for j := range columns {
			if j > 0 {
				b.WriteByte(',')
			}
			switch j % 4 {
			case 0:
				fmt.Fprint(&b, rng.IntN(10<<min(j, 20)))
			case 1, 2:
				if rng.IntN(20) > 0 {
					fmt.Fprintf(&b, "%.4f", rng.NormFloat64()*100)
				}
			default:
				b.WriteString(words[rng.IntN(len(words))])
			}
		}
		if i == rows-1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}
