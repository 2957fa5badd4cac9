package child

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

// A frame is the length of its head and of its data, 4 bytes each and big
// endian, the head, which is a message in JSON, and the data as it is.
const (
	frameLengths = 8
	maxHead      = 40 << 20  // a payload or a result of 8 MiB, each byte written as six at worst, is shorter
	maxData      = 256 << 20 // a checkpoint
)

// The types of messages. The first group goes to the child.
const (
	typeStart  = "start"  // once, first: the job
	typeAnswer = "answer" // to a call of the child
	typeDrain  = "drain"  // save and stop
	typeCancel = "cancel" // stop
	typeLimit  = "limit"  // the memory that it may use now

	typeProgress = "progress"
	typeLine     = "line"   // of the job's log
	typeEvent    = "event"  // for the worker's metrics
	typeLoad     = "load"   // call: a checkpoint
	typeSave     = "save"   // call: a checkpoint
	typeRecord   = "record" // call: a record of the store
	typeResult   = "result" // once, last: the handler returned
	typeFailure  = "failure"
)

// message is the head of a frame.
type message struct {
	Type       string            `json:"type"`
	Call       uint64            `json:"call,omitempty"` // pairs a call and its answer
	Name       string            `json:"name,omitempty"` // of a checkpoint, a record or an event
	Collection string            `json:"collection,omitempty"`
	Revision   int64             `json:"revision,omitempty"` // of a record
	Found      bool              `json:"found,omitempty"`    // whether there was a checkpoint
	Text       string            `json:"text,omitempty"`     // a line, or why to stop
	Bytes      int64             `json:"bytes,omitempty"`    // of memory
	Start      *start            `json:"start,omitempty"`
	Progress   *progress         `json:"progress,omitempty"`
	Body       json.RawMessage   `json:"body,omitempty"` // of an event or a result
	Files      map[string]string `json:"files,omitempty"`
	OwnFiles   []string          `json:"own_files,omitempty"`
	Failure    *failure          `json:"failure,omitempty"`
}

// start is what the child is to do.
type start struct {
	Settings json.RawMessage `json:"settings"`
	ID       string          `json:"id"` // of the job, whose JSON leaves it out
	Revision int64           `json:"revision"`
	Job      *job.Job        `json:"job"`
	Prefix   string          `json:"prefix"`
	Memory   int64           `json:"memory"` // 0: no limit
	Children []childResult   `json:"children,omitempty"`
}

type progress struct {
	Stage    string  `json:"stage"`
	Fraction float64 `json:"fraction"`
	Rows     int64   `json:"rows"`
	RowsAll  int64   `json:"rows_all"`
}

// failure is an error on its way to the other process.
type failure struct {
	Verdict string        `json:"verdict,omitempty"` // one of those below
	Class   fault.Class   `json:"class,omitempty"`
	Code    string        `json:"code,omitempty"`
	Message string        `json:"message,omitempty"`
	Fields  []fault.Field `json:"fields,omitempty"`
	For     time.Duration `json:"for,omitempty"` // of a snooze
	Text    string        `json:"text"`          // all of it, for the log
	Fan     *fan          `json:"fan,omitempty"` // the jobs that it asks for
}

const (
	verdictPermanent = "permanent"
	verdictSnooze    = "snooze"
	verdictDrained   = "drained"
	verdictFanOut    = "fan_out"
	verdictMissing   = "missing" // no such record
)

var errFrame = errors.New("child: the frame is not one of ours")

// errTooLong means that something is too long for a frame.
var errTooLong = fault.TooLarge("checkpoint_too_large", "A checkpoint takes more than %d bytes.", maxData)

// writer writes frames. It is safe for concurrent use.
type writer struct {
	mu  sync.Mutex
	out io.Writer
}

// write writes a frame.
func (w *writer) write(m message, data []byte) error {
	head, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %s: %w", m.Type, err)
	}
	if len(head) > maxHead {
		return fault.New(fault.ClassInternal, "message_too_large", "a %s takes %d bytes; at most %d can be handed over", m.Type, len(head), maxHead)
	}
	if len(data) > maxData {
		return errTooLong
	}
	b := make([]byte, 0, frameLengths+len(head))
	b = binary.BigEndian.AppendUint32(b, uint32(len(head)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, head...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err = w.out.Write(b); err == nil && len(data) > 0 {
		_, err = w.out.Write(data)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", m.Type, err)
	}
	return nil
}

// read reads a frame; at the end it returns io.EOF.
func read(r io.Reader) (m message, data []byte, err error) {
	var lengths [frameLengths]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		return m, nil, unexpected(err)
	}
	n, size := binary.BigEndian.Uint32(lengths[:4]), binary.BigEndian.Uint32(lengths[4:])
	if n > maxHead || size > maxData {
		return m, nil, errFrame
	}
	head, err := take(r, int64(n))
	if err != nil {
		return m, nil, err
	}
	if data, err = take(r, int64(size)); err != nil {
		return m, nil, err
	}
	if err := json.Unmarshal(head, &m); err != nil {
		return m, nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	if m.Type == "" {
		return m, nil, errFrame
	}
	return m, data, nil
}

// take reads n bytes. What is announced and does not come takes no memory.
func take(r io.Reader, n int64) ([]byte, error) {
	var b bytes.Buffer
	switch _, err := io.CopyN(&b, r, n); {
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, fmt.Errorf("read frame: %w", err)
	}
	return b.Bytes(), nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("read frame: %w", err)
}
