package forest_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
)

// shelf keeps parts in memory.
type shelf struct {
	sync.Mutex
	parts  map[string][]byte
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
	return s.failed
}

// killed trains until some trees have been grown.
func killed(tb testing.TB, p forest.Params, data problem, o ml.Options, after int) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	trees := 0
	o.Recorder = ml.RecorderFunc(func(ml.Progress) {
		if trees++; trees == after {
			cancel()
		}
	})
	if _, err := forest.Train(ctx, p, data.x, data.y, o); !errors.Is(err, context.Canceled) {
		tb.Fatalf("killed after %d trees, training returned %v", after, err)
	}
}

// TestResume kills a training at every tree and checks that going on, on another
// number of threads, ends in the same bytes as an uninterrupted one.
func TestResume(t *testing.T) {
	t.Parallel()
	for name, v := range variants(600) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := encode(t, train(t, v.p, v.data, ml.Options{Threads: 1}))
			for after := 1; after < v.p.Trees; after++ {
				s := &shelf{}
				o := ml.Options{Threads: 1, Checkpoint: s, CheckpointEvery: 3}
				killed(t, v.p, v.data, o, after)
				if len(s.parts) != after/3 {
					t.Fatalf("killed after %d trees, %d parts were saved", after, len(s.parts))
				}
				first := ml.Progress{}
				o.Recorder = ml.RecorderFunc(func(p ml.Progress) {
					if first.Stage == "" {
						first = p
					}
				})
				o.Threads = 3
				if got := encode(t, train(t, v.p, v.data, o)); !bytes.Equal(got, whole) {
					t.Fatalf("killed after %d trees, the model differs", after)
				}
				if after >= 3 && !strings.Contains(first.Message, "goes on after") {
					t.Errorf("the first progress is %+v", first)
				}
			}
		})
	}
}

// TestResumeOnManyThreads kills trainings whose trees arrive in any order.
func TestResumeOnManyThreads(t *testing.T) {
	t.Parallel()
	data := wide(800, 1)
	p := params(func(p *forest.Params) { p.Trees, p.OutOfBag = 40, true })
	whole := encode(t, train(t, p, data, ml.Options{Threads: 1}))
	s := &shelf{}
	o := ml.Options{Threads: 8, Checkpoint: s, CheckpointEvery: 4}
	for range 4 {
		killed(t, p, data, o, 6)
	}
	if len(s.parts) == 0 {
		t.Error("no part was saved")
	}
	if got := encode(t, train(t, p, data, o)); !bytes.Equal(got, whole) {
		t.Error("the model differs from that of an uninterrupted training")
	}
	if len(s.parts) != 10 {
		t.Errorf("%d parts were saved, want 10", len(s.parts))
	}
	// A larger forest goes on with the trees of a smaller one.
	p.Trees = 60
	if got := encode(t, train(t, p, data, o)); !bytes.Equal(got, encode(t, train(t, p, data, ml.Options{}))) {
		t.Error("a larger forest differs when it goes on with the trees of a smaller one")
	}
}

// TestStaleCheckpoints checks that parts of another call, and damaged ones, are
// not used.
func TestStaleCheckpoints(t *testing.T) {
	t.Parallel()
	data := friedman(400, 1)
	p := params(func(p *forest.Params) { p.Trees = 6 })
	kept := &shelf{}
	killed(t, p, data, ml.Options{Threads: 1, Checkpoint: kept, CheckpointEvery: 2}, 5)
	weighted := data
	for i := range 400 {
		weighted.y.Weights = append(weighted.y.Weights, 1+float64(i%2))
	}
	with := func(change func(p *forest.Params)) forest.Params { q := p; change(&q); return q }
	tests := map[string]struct {
		p      forest.Params
		data   problem
		damage func(b []byte) []byte
	}{
		"other rows":      {p, friedman(400, 2), nil},
		"other weights":   {p, weighted, nil},
		"another seed":    {with(func(p *forest.Params) { p.Seed = 9 }), data, nil},
		"criterion":       {with(func(p *forest.Params) { p.Criterion = forest.SquaredError }), data, nil},
		"no replacement":  {with(func(p *forest.Params) { p.Bootstrap = false }), data, nil},
		"extra":           {with(func(p *forest.Params) { p.ExtraTrees = true }), data, nil},
		"other depth":     {with(func(p *forest.Params) { p.MaxDepth = 3 }), data, nil},
		"other leaves":    {with(func(p *forest.Params) { p.MaxLeaves = 9 }), data, nil},
		"other samples":   {with(func(p *forest.Params) { p.MinChildSamples = 3 }), data, nil},
		"other nodes":     {with(func(p *forest.Params) { p.MinSplitSamples = 9 }), data, nil},
		"other features":  {with(func(p *forest.Params) { p.MaxFeatures = 1 }), data, nil},
		"other fraction":  {with(func(p *forest.Params) { p.RowFraction = 0.5 }), data, nil},
		"other bins":      {with(func(p *forest.Params) { p.MaxBins = 9 }), data, nil},
		"flipped":         {p, data, func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 1; return b }},
		"truncated":       {p, data, func(b []byte) []byte { return b[:len(b)-9] }},
		"empty":           {p, data, func([]byte) []byte { return nil }},
		"fewer trees yet": {with(func(p *forest.Params) { p.Trees = 3 }), data, func(b []byte) []byte { return b[:9] }},
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
			if !bytes.Equal(got, encode(t, train(t, test.p, test.data, ml.Options{}))) {
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
	p := params(func(p *forest.Params) { p.Trees = 30 })
	broken := errors.New("no room")
	_, err := forest.Train(t.Context(), p, data.x, data.y, ml.Options{Checkpoint: &shelf{failed: broken}})
	if !errors.Is(err, broken) {
		t.Errorf("a checkpoint that cannot be read gives %v", err)
	}
	for _, threads := range []int{1, 4} {
		_, err = forest.Train(t.Context(), p, data.x, data.y, ml.Options{Checkpoint: failing{broken}, CheckpointEvery: 1, Threads: threads})
		if !errors.Is(err, broken) {
			t.Errorf("a checkpoint that cannot be saved gives %v", err)
		}
	}
}

// failing has nothing and takes nothing.
type failing struct{ err error }

var _ ml.Checkpoint = failing{}

func (failing) Load(context.Context, string) ([]byte, bool, error) { return nil, false, nil }
func (f failing) Save(context.Context, string, []byte) error       { return f.err }
