package mltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// shelf keeps parts of calls in memory.
type shelf struct {
	mu     sync.Mutex
	parts  map[string][]byte
	loaded int
}

var _ ml.Checkpoint = (*shelf)(nil)

func (s *shelf) Load(_ context.Context, name string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.parts[name]
	if ok {
		s.loaded++
	}
	return b, ok, nil
}

func (s *shelf) Save(_ context.Context, name string, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts[name] = bytes.Clone(b)
	return nil
}

// copied returns the parts on a shelf of their own, each changed.
func (s *shelf) copied(change func(b []byte)) *shelf {
	out := &shelf{parts: map[string][]byte{}}
	for name, b := range s.parts {
		out.parts[name] = bytes.Clone(b)
		change(out.parts[name])
	}
	return out
}

// resumption stops calls at some of their reports and lets others go on, on
// another number of threads, with what was kept, with what is damaged and with
// what another call kept: the bytes are those of an uninterrupted call.
func resumption(ctx context.Context, c Case, task ml.Task) error {
	if !c.Resumes {
		return errNotApplicable
	}
	x, y := table(c, task, c.Missing)
	run := func(ctx context.Context, x *frame.Frame, threads int, kept *shelf, recorder ml.Recorder) ([]byte, error) {
		o := ml.Options{Threads: threads, Recorder: recorder, CheckpointEvery: 1}
		if kept != nil {
			o.Checkpoint = kept
		}
		m, err := c.Train(ctx, x, y, o)
		if err != nil {
			return nil, err
		}
		return c.Encode(m)
	}
	reports := 0
	want, err := run(ctx, x, 1, nil, ml.RecorderFunc(func(ml.Progress) { reports++ }))
	if err != nil {
		return err
	}
	for _, at := range []int{2, reports / 2, reports - 1} {
		kept := &shelf{parts: map[string][]byte{}}
		if err := stopAt(ctx, at, func(ctx context.Context, recorder ml.Recorder) error {
			// One thread finishes what it began before it reports the next.
			_, err := run(ctx, x, 1, kept, recorder)
			return err
		}); err != nil {
			return err
		}
		if len(kept.parts) == 0 {
			return fmt.Errorf("nothing is kept after %d of %d reports", at, reports)
		}
		for name, s := range map[string]*shelf{
			"what was kept":     kept.copied(func([]byte) {}),
			"what is damaged":   kept.copied(func(b []byte) { b[len(b)/2] ^= 1 }),
			"what is cut short": kept.copied(func(b []byte) { clear(b[len(b)/2:]) }),
		} {
			got, err := run(ctx, x, 8, s, nil)
			if err != nil {
				return fmt.Errorf("going on with %s: %w", name, err)
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("stopped after %d of %d reports, it ends with other bytes when it goes on with %s", at, reports, name)
			}
			if s.loaded == 0 {
				return errors.New("it never looks at what was kept")
			}
		}
		other, err := eachColumn(x, func(c frame.Column) frame.Column { return c.Rename("other " + c.Name()) })
		if err != nil {
			return err
		}
		plain, err := run(ctx, other, 2, nil, nil)
		if err != nil {
			return err
		}
		if got, err := run(ctx, other, 2, kept, nil); err != nil || !bytes.Equal(got, plain) {
			return fmt.Errorf("a call on another table goes on with what was kept (%w)", orNone(err))
		}
	}
	return nil
}

// stopAt cancels a call at a report.
func stopAt(ctx context.Context, at int, call func(ctx context.Context, recorder ml.Recorder) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n := 0
	err := call(ctx, ml.RecorderFunc(func(ml.Progress) {
		if n++; n == at {
			cancel()
		}
	}))
	if !errors.Is(err, context.Canceled) {
		return fmt.Errorf("a call cancelled at report %d returns %w", at, orNone(err))
	}
	return nil
}
