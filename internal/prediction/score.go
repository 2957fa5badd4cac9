package prediction

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Predictor is a fitted model: what this package needs of
// [github.com/narrativeml/narrative/ml/pipeline.Model]. It is safe for
// concurrent use.
type Predictor interface {
	ml.Predictor
	Task() ml.Task
	Classes() []string // for a binary task the second is the positive one
	Unseen(x *frame.Frame) map[string]int
}

// scorer turns chunks of input into chunks of output.
type scorer struct {
	predictor Predictor
	threshold float64      // binary only
	holdout   frame.Bitmap // of row indices from 0; nil: all rows
	id        bool         // row ids are texts
}

// defaultThreshold is what the positive class's probability must reach in a
// model that was not tuned.
const defaultThreshold = 0.5

// scored is one chunk's output.
type scored struct {
	out    *frame.Frame
	bad    []tabular.BadRow
	last   int64          // number of the last row that was read
	unseen map[string]int // column → rows with an unseen category
}

// schema returns the columns of the output.
func (s *scorer) schema() tabular.Schema {
	id := tabular.Field{Name: "row_id", Type: tabular.Integer}
	if s.id {
		id = tabular.Field{Name: "row_id", Type: tabular.String, Nullable: true}
	}
	if s.predictor.Task() == ml.Regression {
		return tabular.Schema{id, {Name: "prediction", Type: tabular.Float}}
	}
	out := tabular.Schema{id, {Name: "prediction", Type: tabular.String}}
	for _, class := range s.predictor.Classes() {
		out = append(out, tabular.Field{Name: "probability_" + class, Type: tabular.Float})
	}
	return out
}

// score predicts the rows of a chunk that are asked for.
func (s *scorer) score(c *tabular.Chunk) (*scored, error) {
	r := &scored{bad: c.Bad}
	if n := len(c.Rows); n > 0 {
		r.last = c.Rows[n-1]
	}
	if n := len(c.Bad); n > 0 {
		r.last = max(r.last, c.Bad[n-1].Row)
	}
	if s.holdout != nil {
		c.Keep(func(i int) bool { return s.holdout.Get(int(c.Rows[i] - 1)) })
		r.bad = nil
		for _, b := range c.Bad {
			if s.holdout.Get(int(b.Row - 1)) {
				r.bad = append(r.bad, b)
			}
		}
	}
	rows, width := len(c.Rows), s.predictor.Outputs()
	out := make([]float64, rows*width)
	if rows > 0 {
		if err := s.predictor.Predict(c.Frame, out); err != nil {
			return nil, fmt.Errorf("predict rows %d to %d: %w", c.Rows[0], c.Rows[rows-1], unfit(c, err))
		}
		r.unseen = s.predictor.Unseen(c.Frame)
	}
	columns := []frame.Column{frame.NewInt("row_id", frame.Int, c.Rows, nil)}
	if s.id {
		columns[0] = c.ID.Rename("row_id")
	}
	if s.predictor.Task() == ml.Regression {
		columns = append(columns, frame.NewFloat("prediction", out))
	} else {
		columns = append(columns, s.labels(out, rows, width))
		columns = append(columns, s.probabilities(out, rows, width)...)
	}
	var err error
	if r.out, err = frame.New(columns...); err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	return r, nil
}

// unfit says of a value that steps of the model cannot take where it is, and not what
// it is, since it may be personal.
func unfit(c *tabular.Chunk, err error) error {
	e, ok := errors.AsType[*ml.InputError](err)
	if !ok || e.Code != "value_type" {
		return err
	}
	message := fmt.Sprintf("column %q has a value that a step of the model cannot convert; correct it, or leave the row out", e.Column)
	at := fmt.Sprintf("column %q", e.Column)
	if e.Row >= 0 && e.Row < len(c.Rows) {
		at = fmt.Sprintf("row %d, column %q", c.Rows[e.Row], e.Column)
	}
	return fault.Invalid(e.Code, "%s: %s", at, message).With(fault.Field{Location: at, Message: message})
}

// labels chooses a class for each row: for a binary task the positive one when
// its probability reaches the threshold, else the most probable, of equals the
// first.
func (s *scorer) labels(out []float64, rows, width int) frame.Column {
	codes := make([]int32, rows)
	for i := range codes {
		p := out[i*width : (i+1)*width]
		if s.predictor.Task() == ml.Binary {
			if p[1] >= s.threshold {
				codes[i] = 1
			}
			continue
		}
		for k, v := range p {
			if v > p[codes[i]] {
				codes[i] = int32(k)
			}
		}
	}
	return frame.NewString("prediction", codes, s.predictor.Classes())
}

func (s *scorer) probabilities(out []float64, rows, width int) []frame.Column {
	columns := make([]frame.Column, width)
	classes := s.predictor.Classes()
	for k := range columns {
		values := make([]float64, rows)
		for i := range values {
			values[i] = out[i*width+k]
		}
		name := strconv.Itoa(k)
		if k < len(classes) {
			name = classes[k]
		}
		columns[k] = frame.NewFloat("probability_"+name, values)
	}
	return columns
}
