package model_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.publish(t, "acme", 1, func(m *model.Model) { m.SHA256 = b.fit(t, m.FileKey, 2) })
	p, err := b.Load(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	x, err := frame.New(frame.NewFloat("x", []float64{10}))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, 1)
	if err := p.Predict(x, out); err != nil || out[0] < 19 || out[0] > 23 {
		t.Errorf("predicted %v, %v", out, err)
	}
	b.files.Fail(m.FileKey, errors.New("down"))
	if again, err := b.Load(t.Context(), m); err != nil || again != p {
		t.Errorf("the second time: %v", err)
	}
}

func TestLoadKeepsTheLastModels(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const kept = 8
	models := make([]*model.Model, kept+1)
	for n := range models {
		models[n] = b.publish(t, "acme", n, func(m *model.Model) { m.SHA256 = b.fit(t, m.FileKey, float64(n+1)) })
	}
	load := func(n int) {
		t.Helper()
		if _, err := b.Load(t.Context(), models[n]); err != nil {
			t.Fatal(err)
		}
	}
	for n := range kept {
		load(n)
	}
	load(0) // now 1 was used longest ago
	load(kept)
	b.files.Fail("model.bin", errors.New("down"))
	for n := range models {
		if _, err := b.Load(t.Context(), models[n]); (err != nil) != (n == 1) {
			t.Errorf("model %d: %v", n, err)
		}
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.publish(t, "acme", 1, func(m *model.Model) { m.SHA256 = b.fit(t, m.FileKey, 2) })
	file, err := b.files.Get(m.FileKey)
	if err != nil {
		t.Fatal(err)
	}
	file[len(file)/2] ^= 1
	if _, err := b.files.Put(t.Context(), m.FileKey, "", bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	_, err = b.Load(t.Context(), m)
	checkFault(t, err, fault.ClassInternal, "model_damaged")

	text := b.publish(t, "acme", 2, func(m *model.Model) {
		m.SHA256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" // of foo
	})
	if _, err := b.files.Put(t.Context(), text.FileKey, "", strings.NewReader("foo")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Load(t.Context(), text); err == nil || !strings.Contains(err.Error(), "decode model") {
		t.Errorf("loaded a text: %v", err)
	}
	_, err = b.Load(t.Context(), b.publish(t, "acme", 3, nil))
	checkFault(t, err, fault.ClassNotFound, "file_not_found")
}

// breaking is a file store whose files end in an error.
type breaking struct{ model.Files }

func (breaking) Open(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)), nil
}

func TestBrokenReadIsAnError(t *testing.T) {
	t.Parallel()
	s := model.NewService(model.ServiceConfig{Files: breaking{}})
	if _, err := s.Load(t.Context(), &model.Model{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		e    ml.InputError
		want string
	}{
		{ml.InputError{Code: "c", Parameter: "folds", Row: -1, Message: "100 % wrong"}, "body.folds"},
		{ml.InputError{Code: "c", Column: "age", Row: -1}, `column "age"`},
		{ml.InputError{Code: "c", Column: "age", Row: 16}, `row 17, column "age"`},
		{ml.InputError{Code: "c", Row: 0}, "row 1"},
		{ml.InputError{Code: "c", Row: -1}, ""},
	} {
		got, ok := fault.As(model.Invalid(fmt.Errorf("linear fold 1 of 5: %w", &tt.e)))
		if !ok || got.Class != fault.ClassInvalid || got.Code != "c" || got.Message != tt.e.Message {
			t.Fatalf("%+v became %+v", tt.e, got)
		}
		location := ""
		for _, f := range got.Fields {
			location += f.Location
		}
		if location != tt.want {
			t.Errorf("%+v is at %q, want %q", tt.e, location, tt.want)
		}
	}
	for _, err := range []error{nil, io.EOF, fault.Conflict("busy", "x")} {
		if got := model.Invalid(err); got != err { //nolint:errorlint // the very same
			t.Errorf("%v became %v", err, got)
		}
	}
}
