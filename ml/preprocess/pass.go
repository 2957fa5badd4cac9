package preprocess

import (
	"errors"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Pass is the way of a table through the steps of a recipe. It is not safe for
// concurrent use.
type Pass struct {
	stations []*station
}

// station is a step that rows pass, or a learner that watches them.
type station struct {
	step    int
	name    string
	frame   func(x *frame.Frame) (*frame.Frame, error)
	stream  stream
	learner learner
	in, out int64
}

// Count is how many rows went into a step and came out.
type Count struct{ In, Out int64 }

func (p *Pass) add(i int, f *Fitted) {
	s := &station{step: i, name: f.entry.Name, frame: f.action.frame}
	if f.action.stream != nil {
		s.stream = f.action.stream()
	}
	p.stations = append(p.stations, s)
}

func (p *Pass) learn(i int, l learner, name string) {
	p.stations = append(p.stations, &station{step: i, name: name, learner: l})
}

// trim leaves out the stations behind the last learner.
func (p *Pass) trim() {
	for len(p.stations) > 0 && p.stations[len(p.stations)-1].learner == nil {
		p.stations = p.stations[:len(p.stations)-1]
	}
}

// Next gives the next chunk of the table to the steps; emit is called for the
// rows that are ready, if there are any.
func (p *Pass) Next(x *frame.Frame, emit func(x *frame.Frame) error) error {
	return p.feed(0, x, emit)
}

// End ends the table; emit is called for the rows that were held back.
func (p *Pass) End(emit func(x *frame.Frame) error) error { return p.finish(emit) }

// Counts returns how many rows went through each step so far.
func (p *Pass) Counts() []Count {
	counts := make([]Count, len(p.stations))
	for i, s := range p.stations {
		counts[i] = Count{In: s.in, Out: s.out}
	}
	return counts
}

func (p *Pass) feed(at int, x *frame.Frame, emit func(x *frame.Frame) error) error {
	for ; at < len(p.stations); at++ {
		s := p.stations[at]
		first := s.in
		s.in += int64(x.Rows())
		var err error
		switch {
		case s.learner != nil:
			err = s.learner.observe(x, first)
		case s.stream != nil:
			x, err = s.stream.next(x)
		default:
			x, err = s.frame(x)
		}
		if err != nil {
			return s.wrong(err, first)
		}
		if x == nil || x.Rows() == 0 {
			return nil
		}
		s.out += int64(x.Rows())
	}
	return emit(x)
}

// finish lets go of what steps hold back, the first step first.
func (p *Pass) finish(emit func(x *frame.Frame) error) error {
	for at, s := range p.stations {
		if s.stream == nil {
			continue
		}
		for {
			x, err := s.stream.end()
			if err != nil {
				return s.wrong(err, -1)
			}
			if x == nil {
				break
			}
			if x.Rows() == 0 {
				continue
			}
			s.out += int64(x.Rows())
			if err := p.feed(at+1, x, emit); err != nil {
				return err
			}
		}
	}
	return nil
}

// wrong says in which step something is wrong; rows are counted from the
// beginning of what the step was given.
func (s *station) wrong(err error, first int64) error {
	if e, ok := errors.AsType[*ml.InputError](err); ok && e.Row >= 0 && first > 0 {
		moved := *e
		moved.Row += int(first)
		err = &moved
	}
	return &StepError{Step: s.step, Operation: s.name, Err: err}
}

// held is a stream that holds all rows and then gives others.
type held struct {
	name   string
	budget int64
	size   int64
	parts  []*frame.Frame
	finish func(x *frame.Frame) (*frame.Frame, error)
	done   bool
}

// chunk is how many rows a step that held them gives at a time.
const chunk = 8192

func (h *held) next(x *frame.Frame) (*frame.Frame, error) {
	h.size += frameSize(x)
	if h.size > h.budget {
		return nil, tooLarge(h.name, h.size, h.budget)
	}
	h.parts = append(h.parts, x)
	return nil, nil
}

func (h *held) end() (*frame.Frame, error) {
	if !h.done {
		h.done = true
		if len(h.parts) == 0 {
			return nil, nil
		}
		all, err := concat(h.parts)
		if err != nil {
			return nil, err
		}
		if all, err = h.finish(all); err != nil {
			return nil, err
		}
		h.parts = split(all)
	}
	if len(h.parts) == 0 {
		return nil, nil
	}
	x := h.parts[0]
	h.parts = h.parts[1:]
	return x, nil
}

// split cuts a frame into chunks.
func split(x *frame.Frame) []*frame.Frame {
	if x.Rows() <= chunk {
		return []*frame.Frame{x}
	}
	var parts []*frame.Frame
	for lo := 0; lo < x.Rows(); lo += chunk {
		rows := make([]int, min(chunk, x.Rows()-lo))
		for i := range rows {
			rows[i] = lo + i
		}
		parts = append(parts, x.Take(rows))
	}
	return parts
}

// frameSize is about how many bytes a frame takes.
func frameSize(x *frame.Frame) int64 {
	size := int64(0)
	for _, c := range x.Columns() {
		size += 8 * int64(c.Len())
		for _, s := range c.Dict() {
			size += int64(len(s)) + 16
		}
	}
	return size
}
