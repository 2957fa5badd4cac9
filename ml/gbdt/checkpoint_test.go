package gbdt_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/gbdt"
)

// shelf keeps parts in memory.
type shelf struct {
	sync.Mutex
	parts  map[string][]byte
	saved  int
	failed error
}

var _ ml.Checkpoint = (*shelf)(nil)

func (s *shelf) Load(_ context.Context, name string) ([]byte, bool, error) {
	s.Lock()
	defer s.Unlock()
	b, ok := s.parts[name]
	return b, ok, s.failed
}

func (s *shelf) Save(_ context.Context, name string, data []byte) error {
	s.Lock()
	defer s.Unlock()
	if s.parts == nil {
		s.parts = map[string][]byte{}
	}
	s.parts[name] = data
	s.saved++
	return s.failed
}

func encode(t *testing.T, m *gbdt.Model) []byte {
	t.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// killed trains until a number of rounds is done.
func killed(t *testing.T, p gbdt.Params, data problem, o ml.Options, after int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rounds := 0
	o.Recorder = ml.RecorderFunc(func(ml.Progress) {
		if rounds++; rounds == after {
			cancel()
		}
	})
	if _, err := gbdt.Train(ctx, p, data.x, data.y, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("killed after %d rounds, training returned %v", after, err)
	}
}

// TestResume kills a training at every round and checks that going on, on
// another number of threads, ends in the same bytes as an uninterrupted one.
func TestResume(t *testing.T) {
	t.Parallel()
	w, labels := wide(6000, 9, 1)
	numbers := problem{w, labels}
	validation := friedman(500, 3)
	tests := map[string]struct {
		data   problem
		change func(p *gbdt.Params)
		v      *ml.Validation
	}{
		"binary":          {numbers, func(*gbdt.Params) {}, nil},
		"categories":      {shops(3000, 2), func(*gbdt.Params) {}, nil},
		"multiclass":      {rings(2000, 3), func(*gbdt.Params) {}, nil},
		"sampled":         {numbers, func(p *gbdt.Params) { p.RowFraction, p.FeatureFraction = 0.6, 0.5 }, nil},
		"squared":         {friedman(2000, 4), func(*gbdt.Params) {}, nil},
		"absolute":        {friedman(2000, 4), func(p *gbdt.Params) { p.Objective = gbdt.Absolute }, nil},
		"poisson":         {bent(2000, 4, func(y float64) float64 { return max(y, 0) }), func(p *gbdt.Params) { p.Objective = gbdt.Poisson }, nil},
		"monotone":        {friedman(2000, 4), func(p *gbdt.Params) { p.Monotone = map[string]int{"x3": 1} }, nil},
		"with validation": {friedman(2000, 4), func(p *gbdt.Params) { p.EarlyStopping = 2 }, &ml.Validation{X: validation.x, Y: validation.y}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := gbdt.DefaultParams()
			p.Trees = 12
			test.change(&p)
			whole := encode(t, train(t, p, test.data, ml.Options{Threads: 1, Validation: test.v}))
			for after := 1; after < p.Trees; after++ {
				s := &shelf{}
				o := ml.Options{Threads: 2, Validation: test.v, Checkpoint: s, CheckpointEvery: 3}
				killed(t, p, test.data, o, after)
				if s.saved != after/3 {
					t.Fatalf("killed after %d rounds, %d parts were saved", after, s.saved)
				}
				first := 0
				o.Recorder = ml.RecorderFunc(func(r ml.Progress) {
					if first == 0 && after >= 3 && !strings.Contains(r.Message, "goes on after "+strconv.Itoa(after/3*3)) {
						t.Errorf("the first progress is %+v", r)
					}
					first++
				})
				o.Threads = 3
				if got := encode(t, train(t, p, test.data, o)); !bytes.Equal(got, whole) {
					t.Fatalf("killed after %d rounds, the model differs", after)
				}
			}
		})
	}
}

// TestStaleCheckpoints checks that parts of another call, and damaged ones, are
// not used.
func TestStaleCheckpoints(t *testing.T) {
	t.Parallel()
	data := friedman(500, 1)
	p := gbdt.DefaultParams()
	p.Trees = 6
	kept := &shelf{}
	killed(t, p, data, ml.Options{Checkpoint: kept, CheckpointEvery: 2}, 5)
	whole := encode(t, train(t, p, data, ml.Options{}))
	other := friedman(500, 2)
	weighted := data
	weighted.y.Weights = make([]float64, 500)
	for i := range weighted.y.Weights {
		weighted.y.Weights[i] = 1 + float64(i%2)
	}
	seeded := p
	seeded.Seed, seeded.RowFraction = 9, 0.5
	tests := map[string]struct {
		p      gbdt.Params
		data   problem
		damage func(b []byte) []byte
	}{
		"other rows":       {p, other, nil},
		"other weights":    {p, weighted, nil},
		"other parameters": {seeded, data, nil},
		"flipped":          {p, data, func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 1; return b }},
		"truncated":        {p, data, func(b []byte) []byte { return b[:len(b)-9] }},
		"empty":            {p, data, func([]byte) []byte { return nil }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{parts: maps.Clone(kept.parts)}
			for name, b := range s.parts {
				if test.damage != nil {
					s.parts[name] = test.damage(b)
				}
			}
			said := ""
			o := ml.Options{Checkpoint: s, CheckpointEvery: 2, Recorder: ml.RecorderFunc(func(r ml.Progress) { said += r.Message })}
			got := encode(t, train(t, test.p, test.data, o))
			want := whole
			if test.damage == nil {
				want = encode(t, train(t, test.p, test.data, ml.Options{}))
			}
			if !bytes.Equal(got, want) {
				t.Error("the model differs from one without a checkpoint")
			}
			if !strings.Contains(said, "is not used") {
				t.Errorf("the progress says %q", said)
			}
		})
	}
}

func TestCheckpointErrors(t *testing.T) {
	t.Parallel()
	data := friedman(200, 1)
	p := gbdt.DefaultParams()
	p.Trees = 3
	broken := errors.New("no room")
	_, err := gbdt.Train(t.Context(), p, data.x, data.y, ml.Options{Checkpoint: &shelf{failed: broken}, CheckpointEvery: 1})
	if !errors.Is(err, broken) {
		t.Errorf("a checkpoint that cannot be read gives %v", err)
	}
	_, err = gbdt.Train(t.Context(), p, data.x, data.y, ml.Options{Checkpoint: failing{broken}, CheckpointEvery: 1})
	if !errors.Is(err, broken) {
		t.Errorf("a checkpoint that cannot be saved gives %v", err)
	}
}

// failing has nothing and takes nothing.
type failing struct{ err error }

func (failing) Load(context.Context, string) ([]byte, bool, error) { return nil, false, nil }
func (f failing) Save(context.Context, string, []byte) error       { return f.err }
