package artifact_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
	"github.com/narrativeml/narrative/ml/pipeline"
)

// TestFirstFiles reads files of the first version; see testdata/v1/README.md.
func TestFirstFiles(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/v1/outputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var outputs map[string][]float64
	if err := json.Unmarshal(b, &outputs); err != nil {
		t.Fatal(err)
	}
	x, _ := table(t)
	x, err = frame.New(append(slices.Clone(x.Columns()), frame.NewFloat("zero", make([]float64, x.Rows())))...)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/v1/*.model")
	if err != nil || len(files) != len(outputs) {
		t.Fatalf("%d files for %d models, error %v", len(files), len(outputs), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := artifact.Read(bytes.NewReader(b))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		want := outputs[strings.TrimSuffix(filepath.Base(file), ".model")]
		got := make([]float64, len(want))
		if err := m.Predict(x.Take([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), got); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for i, w := range want {
			if math.Abs(got[i]-w) > 1e-12*max(1, math.Abs(w)) {
				t.Errorf("%s: output %d is %v, want %v", file, i, got[i], w)
			}
		}
	}
}

// TestWhereItIsWrong damages a file in each of its places: the error says which.
func TestWhereItIsWrong(t *testing.T) {
	t.Parallel()
	b := write(t, models(t)[artifact.GBDT])
	at := func(tag string) int { return bytes.Index(b, []byte(tag)) }
	end := len(b) - 32
	for _, c := range []struct {
		name string
		bad  []byte
		is   error
		text string
	}{
		{"nothing", nil, artifact.ErrFormat, "it has 0 bytes"},
		{"some other file", []byte("PK\x03\x04 and so on, as in a spreadsheet"), artifact.ErrFormat, `it starts with "PK`},
		{"line ends changed", bytes.Replace(b, []byte("\r\n"), []byte("\n"), 1), artifact.ErrFormat, "it starts with"},
		{"another version", slices.Concat(b[:8], []byte{9}, b[9:]), artifact.ErrVersion, "9, this program reads 1"},
		{"cut in the head", b[:11], artifact.ErrTruncated, "after 11 bytes, in its head"},
		{"cut in the first section", b[:at("STEP")-9], artifact.ErrTruncated, "in section MODL"},
		{"cut before a section", b[:at("STEP")+2], artifact.ErrTruncated, "in section STEP"},
		{"cut in the last section", b[:end-70], artifact.ErrTruncated, "in section ESTM"},
		{"cut in the checksum of a section", b[:end-1], artifact.ErrTruncated, "in section ESTM"},
		{"cut in the checksum", b[:end+5], artifact.ErrTruncated, "in its SHA-256"},
		{"changed in the first section", changed(b, at("MODL")+20), artifact.ErrDamaged, "CRC-32C of section MODL"},
		{"changed in the second section", changed(b, at("STEP")+13), artifact.ErrDamaged, "CRC-32C of section STEP"},
		{"changed in the last section", changed(b, at("ESTM")+30), artifact.ErrDamaged, "CRC-32C of section ESTM"},
		{"changed in a tag", changed(b, at("ESTM")), artifact.ErrDamaged, `stands where "ESTM" should`},
		{"changed in the checksum", changed(b, end+3), artifact.ErrDamaged, "its SHA-256 is"},
		{"changed in the number of sections", changed(b, 10), artifact.ErrDamaged, "there should be 3"},
		{"longer", append(slices.Clone(b), 0), artifact.ErrDamaged, "goes on after its end"},
		{"twice", append(slices.Clone(b), b...), artifact.ErrDamaged, "goes on after its end"},
	} {
		_, err := artifact.Read(bytes.NewReader(c.bad))
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %v, want %v with %q", c.name, err, c.is, c.text)
		}
	}
}

func changed(b []byte, i int) []byte {
	b = slices.Clone(b)
	b[i] ^= 1
	return b
}

// growing is an estimator whose pieces are others each time.
type growing struct {
	*gbdt.Model
	pieces [][]string
}

func (g *growing) Pieces() iter.Seq[[]byte] {
	now := g.pieces[0]
	g.pieces = g.pieces[1:]
	return func(yield func([]byte) bool) {
		defer func() { now = slices.Concat(g.pieces...) }()
		for _, piece := range now {
			if !yield([]byte(piece)) {
				return
			}
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	parts := models(t)[artifact.GBDT].Parts()
	m := func(change func(p *pipeline.Parts)) *pipeline.Model {
		p := parts
		change(&p)
		m, err := pipeline.New(p)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	trees, ok := parts.Estimator.(*gbdt.Model)
	if !ok {
		t.Fatalf("the estimator is %T", parts.Estimator)
	}
	for text, change := range map[string]func(p *pipeline.Parts){
		`"oracle" is unknown, it should be one of baseline, linear, forest, gbdt`: func(p *pipeline.Parts) { p.Algorithm = "oracle" },
		"has become longer":          func(p *pipeline.Parts) { p.Estimator = &growing{trees, [][]string{{"a"}, {"a", "bc"}}} },
		"has become 2 bytes shorter": func(p *pipeline.Parts) { p.Estimator = &growing{trees, [][]string{{"a", "bc"}, {"a"}}} },
	} {
		if err := artifact.Write(io.Discard, m(change)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}

// TestMemory writes and reads a model of many trees: its bytes are never held at
// once.
func TestMemory(t *testing.T) { // not parallel: it looks at what the program allocates
	r := rand.New(rand.NewPCG(2, 3))
	const rows = 600
	a, y := make([]float64, rows), make([]float64, rows)
	for i := range a {
		a[i], y[i] = r.NormFloat64(), r.NormFloat64()
	}
	x, err := frame.New(frame.NewFloat("a", a))
	if err != nil {
		t.Fatal(err)
	}
	p := gbdt.DefaultParams()
	p.Trees, p.MinChildSamples = 2000, 2
	train := pipeline.Algorithm(gbdt.Train, p)
	spec := pipeline.Spec{Algorithm: artifact.GBDT, Target: "y"}
	m, err := pipeline.Train(t.Context(), spec, train, x, ml.Target{Task: ml.Regression, Values: y}, ml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	wrote := allocated(func() { err = artifact.Write(io.Discard, m) })
	if err := errors.Join(err, artifact.Write(&file, m)); err != nil {
		t.Fatal(err)
	}
	size := file.Len()
	var back *pipeline.Model
	read := allocated(func() { back, err = artifact.Read(bytes.NewReader(file.Bytes())) })
	if err != nil || !bytes.Equal(write(t, back), file.Bytes()) {
		t.Fatalf("the model does not come back, error %v", err)
	}
	// What decoding alone allocates, of bytes that are there.
	b, err := m.Parts().Estimator.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	decode := allocated(func() { _, err = gbdt.Decode(b) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a file of %d bytes: writing allocates %d, reading %d, decoding alone %d", size, wrote, read, decode)
	const room = 512 << 10
	if size < 2*room {
		t.Fatalf("a file of %d bytes tells nothing", size)
	}
	if wrote > room {
		t.Errorf("writing a file of %d bytes allocates %d", size, wrote)
	}
	if read > decode+room {
		t.Errorf("reading a file of %d bytes allocates %d, decoding it %d", size, read, decode)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
