package dataset_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// adopt stores the file as an upload in pieces does, and makes a data set of it.
func (b *bundle) adopt(t *testing.T, file, said string) (id string, err error) {
	t.Helper()
	id = dataset.NewID()
	u := upload(file)
	u.Body, u.SHA256 = nil, said
	if _, err := b.files.Put(t.Context(), dataset.RawKey(u.Tenant, id), "", strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	first, j, err := b.Adopt(t.Context(), u, id, int64(len(file)))
	if err != nil {
		return id, err
	}
	again, same, err := b.Adopt(t.Context(), u, id, int64(len(file)))
	if err != nil || again.ID != id || first.ID != id || same.ID != j.ID || first.SHA256 != "" || first.Size != int64(len(file)) {
		t.Errorf("adopted were %+v and %+v, %v", first, again, err)
	}
	made, err := b.ingest(t.Context(), j)
	if err == nil {
		b.publish(t, j, made)
	}
	return id, err
}

// TestAdopt checks that a file that was stored before becomes one data set, and
// that its ingest finds and compares its checksum, whatever way it reads it.
func TestAdopt(t *testing.T) {
	t.Parallel()
	var table bytes.Buffer
	w, err := tabular.NewParquetWriter(&table, tabular.Schema{{Name: "a", Type: tabular.Integer}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.New(frame.NewInt("a", frame.Int, []int64{1, 2, 3}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(f); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	large := "a,b\n" + strings.Repeat("1,2\n", 200)
	for name, file := range map[string]string{"CSV": "a,b\n1,2\n3,4\n", "CSV in one pass": large, "CSV of two types": large + "x,y\n", "JSON": `[{"a":1},{"a":2}]`, "Parquet": table.String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: b.files, Limits: tabular.Limits{Beginning: 100, ChunkRows: 10}})
			sum := sha256.Sum256([]byte(file))
			right := hex.EncodeToString(sum[:])
			for _, said := range []string{"", right} {
				id, err := b.adopt(t, file, said)
				if err != nil {
					t.Fatal(err)
				}
				d, err := b.Get(t.Context(), upload("").Tenant, id)
				if err != nil || d.State != dataset.Ready || d.SHA256 != right {
					t.Errorf("the data set is %+v, %v", d, err)
				}
			}
			_, err := b.adopt(t, file, strings.Repeat("0", 64))
			checkCode(t, err, fault.ClassInvalid, "checksum_mismatch")
			_, err = b.adopt(t, file, "ABC")
			checkCode(t, err, fault.ClassInvalid, "invalid_sha256")
		})
	}
}
