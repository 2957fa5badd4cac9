package job

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"github.com/narrativeml/narrative/internal/fault"
)

// Delivery tells a worker about a job. It holds identifiers only.
type Delivery struct {
	JobID  string
	Epoch  int
	Kind   string
	Tenant string
	Pool   string
}

// Queue delivers jobs to workers, at least once, while it lives. It may
// forget everything at any moment.
type Queue interface {
	// Enqueue hands over the deliveries; one that is already there is a success.
	Enqueue(ctx context.Context, deliveries ...Delivery) error
	// Alive reports whether the delivery is still waiting or being worked on.
	Alive(ctx context.Context, delivery Delivery) (bool, error)
	// Backlog returns how many deliveries of the pool wait and are with a worker,
	// and how many have ended so far, which may begin anew when it forgets.
	Backlog(ctx context.Context, pool string) (waiting, active, ended int64, err error)
	// HintCancel tells the worker that runs the delivery to look at the record
	// now. It may be lost.
	HintCancel(ctx context.Context, delivery Delivery) error
}

// Handler runs one kind of job. It obeys its context within milliseconds, may
// run several times for one job, and writes files only below Task.Prefix.
// The result is encoded as JSON, kept on the record and shown to clients.
//
// A result with a method Files() map[string]string names the files, by key,
// that the job's owner may download. When the result is published they belong
// to the records made of it, and go when those do; but for the ones that a
// method OwnFiles() []string names, which are kept as those of a result that is
// not published are.
type Handler interface {
	Run(ctx context.Context, t *Task) (result any, err error)
}

// HandlerFunc makes a Handler of a function.
type HandlerFunc func(ctx context.Context, t *Task) (any, error)

// Run calls f.
func (f HandlerFunc) Run(ctx context.Context, t *Task) (any, error) { return f(ctx, t) }

// Publisher is implemented by handlers whose result becomes visible in other
// records. Publish runs after the result was committed on the job's record and
// before the job is succeeded; it is idempotent, since it is run again by the
// next attempt when a worker dies in it.
type Publisher interface {
	Publish(ctx context.Context, j *Job, result json.RawMessage) error
}

// Reporter takes the progress and the log lines of a running job. It is safe
// for concurrent use and never blocks.
type Reporter interface {
	// Progress says how far the job is; rows and rowsAll are 0 when unknown.
	Progress(stage string, fraction float64, rows, rowsAll int64)
	// Logf writes a line that the job's owner can read.
	Logf(format string, args ...any)
}

// Checkpoint keeps what an attempt has finished for the next attempt of the
// same job. Names are short and made of letters, digits and "._-".
type Checkpoint interface {
	// Load returns what was saved under the name by this or an earlier attempt,
	// or ok = false.
	Load(ctx context.Context, name string) (data []byte, ok bool, err error)
	// Save keeps the data; a later Save under the name replaces it.
	Save(ctx context.Context, name string, data []byte) error
}

// Task is one attempt of a job, as its handler sees it.
type Task struct {
	Job      *Job // as claimed; do not change it
	Prefix   string
	Report   Reporter
	Saved    Checkpoint
	Draining <-chan struct{} // closed when the worker wants to stop: save and return Drained
	Memory   *Allowance      // what the attempt may use; nil: no limit

	// Children returns what became of the job's children, in the order they were
	// asked for; none before the job has waited for them. See FanOut.
	Children func(ctx context.Context) ([]ChildResult, error)
}

// Decode reads the payload into v. It refuses fields that v does not have.
func (t *Task) Decode(v any) error {
	d := json.NewDecoder(bytes.NewReader(t.Job.Payload))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fault.Invalid("invalid_payload", "the payload of a %s job, version %d, cannot be read", t.Job.Kind, t.Job.Version).Because(err)
	}
	return nil
}

// AttemptPrefix is where one attempt of a job keeps its files, ending in a
// slash. Prefix(job) is a prefix of it.
func AttemptPrefix(id string, epoch int) string { return Prefix(id) + strconv.Itoa(epoch) + "/" }

// Prefix is where all attempts of a job keep their files.
func Prefix(id string) string { return "jobs/" + id + "/" }
