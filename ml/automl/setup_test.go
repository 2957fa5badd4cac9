package automl_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/pipeline"
)

// readTable reads a table of numbers of testdata. Columns of whole numbers
// become integers.
func readTable(t *testing.T, name string) *frame.Frame {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(f).ReadAll()
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	columns := make([]frame.Column, len(records[0]))
	for j, header := range records[0] {
		floats := make([]float64, len(records)-1)
		ints := make([]int64, len(floats))
		whole := true
		for i, record := range records[1:] {
			if floats[i], err = strconv.ParseFloat(record[j], 64); err != nil {
				t.Fatal(err)
			}
			ints[i] = int64(floats[i])
			whole = whole && floats[i] == math.Trunc(floats[i])
		}
		columns[j] = frame.NewFloat(header, floats)
		if whole {
			columns[j] = frame.NewInt(header, frame.Int, ints, nil)
		}
	}
	return newFrame(t, columns...)
}

func newFrame(t *testing.T, columns ...frame.Column) *frame.Frame {
	t.Helper()
	f, err := frame.New(columns...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// with returns x with columns replaced or added.
func with(t *testing.T, x *frame.Frame, columns ...frame.Column) *frame.Frame {
	t.Helper()
	for _, c := range columns {
		x = newFrame(t, append(append([]frame.Column(nil), x.Without(c.Name()).Columns()...), c)...)
	}
	return x
}

func params(target string) automl.Params {
	p := automl.DefaultParams()
	p.Target = target
	return p
}

func train(t *testing.T, p automl.Params, x *frame.Frame, o automl.Options) *automl.Result {
	t.Helper()
	r, err := automl.Train(t.Context(), p, x, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t *testing.T, m *pipeline.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := artifact.Write(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wantCode(t *testing.T, err error, code string) ml.InputError {
	t.Helper()
	var e *ml.InputError
	if !errors.As(err, &e) || e.Code != code || e.Message == "" {
		t.Fatalf("error %v, want code %s", err, code)
	}
	return *e
}

// memory is a checkpoint that may fail, and stop the call after some saves.
type memory struct {
	mu      sync.Mutex
	data    map[string][]byte
	order   []string
	loaded  int
	stop    context.CancelFunc // called when that many saves are done
	after   int
	loadErr error
	saveErr error
}

var _ ml.Checkpoint = (*memory)(nil)

func newMemory() *memory { return &memory{data: map[string][]byte{}} }

func (m *memory) Load(_ context.Context, name string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.data[name]
	if ok {
		m.loaded++
	}
	return b, ok, m.loadErr
}

func (m *memory) Save(_ context.Context, name string, b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.saveErr != nil {
		return m.saveErr
	}
	m.data[name] = bytes.Clone(b)
	m.order = append(m.order, name)
	if m.stop != nil && len(m.order) == m.after {
		m.stop()
	}
	return nil
}
