package model_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
)

// bundle is a service on stores in memory.
type bundle struct {
	*model.Service
	files  *jobtest.Files
	line   *jobtest.Line
	driver *memstore.Store
	now    time.Time
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{files: jobtest.NewFiles(), line: jobtest.NewLine(), driver: memstore.New(), now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}
	if err := b.driver.Ensure(t.Context(), model.Collections()...); err != nil {
		t.Fatal(err)
	}
	b.Service = model.NewService(model.ServiceConfig{Driver: b.driver, Files: b.files, Jobs: b.line, Now: func() time.Time { return b.now }})
	return b
}

// publish makes the record of the n-th model of a tenant.
func (b *bundle) publish(t *testing.T, tenant string, n int, change func(*model.Model)) *model.Model {
	t.Helper()
	m := &model.Model{
		Meta: store.Meta{ID: model.IDOf(fmt.Sprintf("job_%s%d", tenant, n))}, Tenant: tenant, Name: fmt.Sprint("model ", n), Task: "binary",
		FileKey: fmt.Sprintf("jobs/job_%d/1/model.bin", n), OutOfFoldKey: "out", HoldoutKey: "held",
		CreatedAt: b.now.Add(time.Duration(n) * time.Second),
	}
	if change != nil {
		change(m)
	}
	if err := b.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// fit trains a small model of numbers and stores its file.
func (b *bundle) fit(t *testing.T, key string, slope float64) (sum string) {
	t.Helper()
	x, y := make([]float64, 40), make([]float64, 40)
	for i := range x {
		x[i], y[i] = float64(i*7%40), slope*float64(i*7%40)+float64(i%3)
	}
	data, err := frame.New(frame.NewFloat("x", x), frame.NewFloat("y", y))
	if err != nil {
		t.Fatal(err)
	}
	p := automl.DefaultParams()
	p.Target, p.Algorithms, p.Folds = "y", []string{"linear"}, 2
	r, err := automl.Train(t.Context(), p, data, automl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := artifact.Write(&file, r.Model); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(file.Bytes())
	if _, err := b.files.Put(t.Context(), key, "", &file); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(digest[:])
}

func (b *bundle) submit(t *testing.T, subject string) *job.Job {
	t.Helper()
	j, _, err := b.line.Submit(t.Context(), job.Submission{Kind: job.Kind{Name: "tuning"}, Tenant: "acme", Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func checkFault(t *testing.T, err error, class fault.Class, code string) {
	t.Helper()
	if fault.CodeOf(err) != code || fault.ClassOf(err) != class {
		t.Errorf("error = %v, want %s %s", err, class, code)
	}
}
