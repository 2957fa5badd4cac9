package artifact_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/baseline"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
	"github.com/narrativeml/narrative/ml/linear"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

func table(tb testing.TB) (*frame.Frame, ml.Target) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	const rows = 80
	a, s, y := make([]float64, rows), make([]string, rows), make([]float64, rows)
	at := make([]int64, rows)
	for i := range rows {
		a[i], s[i], at[i] = r.NormFloat64(), string(rune('a'+r.IntN(4))), r.Int64N(1e15)
		if a[i] > 0 {
			y[i] = 1
		}
		if i%9 == 0 {
			a[i] = math.NaN()
		}
	}
	x, err := frame.New(frame.NewFloat("a", a), frame.StringsOf("s", s, nil), frame.NewInt("at", frame.Time, at, nil))
	if err != nil {
		tb.Fatal(err)
	}
	return x, ml.Target{Task: ml.Binary, Values: y, Classes: []string{"no", "yes"}}
}

// models returns a model of each algorithm.
func models(tb testing.TB) map[string]*pipeline.Model {
	tb.Helper()
	ctx := tb.Context()
	x, y := table(tb)
	around := preprocess.DefaultDateParams()
	around.Cycles = []preprocess.Part{preprocess.Month, preprocess.Weekday, preprocess.Hour, preprocess.YearDay}
	dates, err1 := preprocess.FitDates(ctx, x, around)
	flat, err2 := dates.Transform(x)
	onehot, err3 := preprocess.FitOneHot(ctx, flat, preprocess.CategoryParams{MaxCategories: 3, MinRows: 1})
	if err := errors.Join(err1, err2, err3); err != nil {
		tb.Fatal(err)
	}
	hot, err1 := onehot.Transform(flat)
	impute, err2 := preprocess.FitImpute(ctx, hot, preprocess.DefaultImputeParams())
	if err := errors.Join(err1, err2); err != nil {
		tb.Fatal(err)
	}
	filled, err1 := impute.Transform(hot)
	scale, err2 := preprocess.FitScale(ctx, filled, preprocess.ScaleParams{Method: preprocess.MaxAbs})
	frequency, err3 := preprocess.FitFrequency(ctx, x, preprocess.DefaultFrequencyParams())
	if err := errors.Join(err1, err2, err3); err != nil {
		tb.Fatal(err)
	}
	full, err1 := scale.Transform(filled)
	small := gbdt.DefaultParams()
	small.Trees, small.MinChildSamples = 3, 5
	base, err2 := baseline.Train(ctx, baseline.DefaultParams(), x, y, ml.Options{})
	line, err3 := linear.Train(ctx, linear.DefaultParams(), full, y, ml.Options{})
	tree, err4 := gbdt.Train(ctx, small, x, y, ml.Options{})
	few := forest.DefaultParams()
	few.Trees, few.MinChildSamples = 3, 5
	wood, err5 := forest.Train(ctx, few, x, y, ml.Options{})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		tb.Fatal(err)
	}
	all := map[string]*pipeline.Model{}
	for name, parts := range map[string]pipeline.Parts{
		artifact.Baseline: {Estimator: base, Steps: []preprocess.Step{frequency}},
		artifact.Linear:   {Estimator: line, Steps: []preprocess.Step{dates, onehot, impute, scale}},
		artifact.Forest:   {Estimator: wood},
		artifact.GBDT:     {Estimator: tree},
	} {
		parts.Algorithm, parts.Task, parts.Target, parts.Classes = name, y.Task, "y", y.Classes
		for _, c := range x.Columns() {
			parts.Inputs = append(parts.Inputs, pipeline.InputOf(c))
		}
		m, err := pipeline.New(parts)
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		all[name] = m
	}
	return all
}

func write(tb testing.TB, m *pipeline.Model) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := artifact.Write(&b, m); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	x, _ := table(t)
	for name, m := range models(t) {
		b := write(t, m)
		back, err := artifact.Read(iotest.OneByteReader(bytes.NewReader(b)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(write(t, back), b) {
			t.Errorf("%s comes back with other bytes", name)
		}
		want, got := make([]float64, 2*x.Rows()), make([]float64, 2*x.Rows())
		if err := errors.Join(m.Predict(x, want), back.Predict(x, got)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s comes back with other predictions", name)
		}
		if back.Algorithm() != name || back.Target() != "y" || !slices.Equal(back.Classes(), m.Classes()) || len(back.Inputs()) != 3 {
			t.Errorf("%s comes back as %s of %q", name, back.Algorithm(), back.Target())
		}
	}
}

func TestEveryFlippedByte(t *testing.T) {
	t.Parallel()
	b := write(t, models(t)[artifact.Linear])
	for i := range b {
		bad := slices.Clone(b)
		bad[i] ^= 0x10
		_, err := artifact.Read(bytes.NewReader(bad))
		switch {
		case err == nil:
			t.Errorf("a changed byte %d is not noticed", i)
		case i < 8 && !errors.Is(err, artifact.ErrFormat), i >= 8 && i < 10 && !errors.Is(err, artifact.ErrVersion):
			t.Errorf("a changed byte %d gives %v", i, err)
		case i >= 10 && !errors.Is(err, artifact.ErrDamaged) && !errors.Is(err, artifact.ErrTruncated):
			t.Errorf("a changed byte %d gives %v", i, err)
		}
	}
}

func TestEveryLength(t *testing.T) {
	t.Parallel()
	b := write(t, models(t)[artifact.GBDT])
	for n := range b {
		want := artifact.ErrTruncated
		if n < 8 {
			want = artifact.ErrFormat
		}
		if _, err := artifact.Read(bytes.NewReader(b[:n])); !errors.Is(err, want) {
			t.Fatalf("%d of %d bytes give %v", n, len(b), err)
		}
	}
	if _, err := artifact.Read(bytes.NewReader(append(slices.Clone(b), 0))); !errors.Is(err, artifact.ErrDamaged) {
		t.Errorf("a byte too many gives %v", err)
	}
}

// seal makes a file of three bodies with checksums that fit.
func seal(bodies ...[]byte) []byte {
	b := binary.LittleEndian.AppendUint16([]byte("\x89NARR\r\n\x1a"), 1)
	b = binary.LittleEndian.AppendUint16(b, 3)
	for i, body := range bodies {
		start := len(b)
		b = append(b, []string{"MODL", "STEP", "ESTM"}[i]...)
		b = binary.LittleEndian.AppendUint64(b, uint64(len(body)))
		b = append(b, body...)
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], crc32.MakeTable(crc32.Castagnoli)))
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// open takes the three bodies out of a file.
func open(b []byte) [][]byte {
	var bodies [][]byte
	rest := b[12:]
	for range 3 {
		n := binary.LittleEndian.Uint64(rest[4:])
		bodies = append(bodies, slices.Clone(rest[12:12+n]))
		rest = rest[16+n:]
	}
	return bodies
}

// TestForged reads files whose checksums fit and whose content does not.
func TestForged(t *testing.T) {
	t.Parallel()
	all := models(t)
	good, other := open(write(t, all[artifact.Linear])), open(write(t, all[artifact.GBDT]))
	if _, err := artifact.Read(bytes.NewReader(seal(good...))); err != nil {
		t.Fatalf("the file made here is not good: %v", err)
	}
	for want, bodies := range map[string][][]byte{
		"section MODL":         {good[0][:len(good[0])-1], good[1], good[2]},
		"section STEP":         {good[0], append(slices.Clone(good[1]), 1), good[2]},
		"section ESTM":         {good[0], good[1], other[2]},
		"do not fit":           {good[0], other[1], good[2]},
		`algorithm "lineaa"`:   {bytes.Replace(good[0], []byte("linear"), []byte("lineaa"), 1), good[1], good[2]},
		`the task "binarx"`:    {bytes.Replace(good[0], []byte("binary"), []byte("binarx"), 1), good[1], good[2]},
		"a class occurs twice": {bytes.Replace(good[0], []byte("\x02\x00\x00\x00no\x03\x00\x00\x00yes"), []byte("\x02\x00\x00\x00no\x02\x00\x00\x00no"), 1), good[1], good[2]},
	} {
		_, err := artifact.Read(bytes.NewReader(seal(bodies...)))
		if !errors.Is(err, artifact.ErrDamaged) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestAnnouncedLength reads a short file that announces gigabytes.
func TestAnnouncedLength(t *testing.T) {
	t.Parallel()
	head := []byte("\x89NARR\r\n\x1a\x01\x00\x03\x00MODL")
	for length, want := range map[uint64]error{1 << 33: artifact.ErrTruncated, 1 << 60: artifact.ErrDamaged} {
		b := binary.LittleEndian.AppendUint64(slices.Clone(head), length)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := artifact.Read(bytes.NewReader(b))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, want) {
			t.Errorf("%d announced bytes give %v", length, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%d announced bytes allocate %d", length, grown)
		}
	}
	if _, err := artifact.Read(strings.NewReader("\x89NARR\r\n\x1a\x01\x00\x09\x00")); !errors.Is(err, artifact.ErrDamaged) {
		t.Errorf("nine sections give %v", err)
	}
}

func TestReaderAndWriterErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line is dead")
	b := write(t, models(t)[artifact.Baseline])
	for _, n := range []int{0, 9, 40, len(b) - 40, len(b) - 10, len(b)} {
		r := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken))
		if _, err := artifact.Read(r); !errors.Is(err, broken) {
			t.Errorf("a reader that fails after %d bytes gives %v", n, err)
		}
	}
	m := models(t)[artifact.Baseline]
	for n := range len(b) {
		if err := artifact.Write(&limited{left: n, err: broken}, m); !errors.Is(err, broken) {
			t.Fatalf("a writer that fails after %d of %d bytes gives %v", n, len(b), err)
		}
	}
}

// limited fails when it has taken its bytes.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.left {
		n := l.left
		l.left = 0
		return n, l.err
	}
	l.left -= len(b)
	return len(b), nil
}

func FuzzRead(f *testing.F) {
	for _, m := range models(f) {
		f.Add(write(f, m))
	}
	x, _ := table(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := artifact.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		if !bytes.Equal(write(t, m), b) {
			t.Error("the file comes back with other bytes")
		}
		_ = m.Predict(x, make([]float64, x.Rows()*m.Outputs())) // an error is fine
	})
}

// FuzzBodies changes what the checksums would protect.
func FuzzBodies(f *testing.F) {
	for _, m := range models(f) {
		bodies := open(write(f, m))
		f.Add(bodies[0], bodies[1], bodies[2])
	}
	x, _ := table(f)
	f.Fuzz(func(t *testing.T, model, steps, estimator []byte) {
		b := seal(model, steps, estimator)
		m, err := artifact.Read(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, artifact.ErrDamaged) {
				t.Errorf("%v is no damage", err)
			}
			return
		}
		if !bytes.Equal(write(t, m), b) {
			t.Error("the file comes back with other bytes")
		}
		_ = m.Predict(x, make([]float64, x.Rows()*m.Outputs())) // an error is fine
	})
}
