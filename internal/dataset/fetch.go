package dataset

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

// fetch brings a file here in pieces, each a file of its own until all are
// joined. After each piece it keeps what it has, so that another attempt goes
// on behind it.
type fetch struct {
	config  ImporterConfig
	task    *job.Task
	dataset *Dataset
	now     func() time.Time

	state fetched
	sum   hash.Hash
	best  int64 // the most bytes that were here
}

// fetched is what there is of a file.
type fetched struct {
	Round   int     `json:"round"`             // of the job: who tries it again wants the file as it is by then
	Version string  `json:"version,omitempty"` // of the file elsewhere
	Size    int64   `json:"size"`              // of the whole; -1: not known
	Made    int     `json:"made"`              // how many pieces were begun, also those that are gone
	Pieces  []piece `json:"pieces,omitempty"`
	Sum     []byte  `json:"sum,omitempty"`   // the state of the hash behind them
	Whole   string  `json:"whole,omitempty"` // the key of the whole file, when it is here
	SHA256  string  `json:"sha256,omitempty"`

	Tries int       `json:"tries,omitempty"` // in vain, since there was more of it
	Since time.Time `json:"since,omitzero"`  // the first of them
}

type piece struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`
}

const checkpointFetch = "fetch"

// at is how many bytes are here.
func (f *fetch) at() int64 {
	n := int64(0)
	for _, p := range f.state.Pieces {
		n += p.Size
	}
	return n
}

// run fetches what is not here yet.
func (f *fetch) run(ctx context.Context) error {
	if err := f.load(ctx); err != nil {
		return err
	}
	for f.state.Whole == "" {
		err := f.attempt(ctx)
		if err == nil {
			err = f.join(ctx)
		}
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !ofSource(err) {
			return err
		}
		if err := f.pause(ctx, err); err != nil {
			return err
		}
	}
	f.task.Report.Progress("fetch", fetchedAt, 0, 0)
	return nil
}

// load takes over what earlier attempts have kept.
func (f *fetch) load(ctx context.Context) error {
	f.sum = sha256.New()
	f.state = fetched{Round: f.task.Job.Round, Size: -1}
	b, ok, err := f.task.Saved.Load(ctx, checkpointFetch)
	if err != nil || !ok {
		return err
	}
	var state fetched
	if err := json.Unmarshal(b, &state); err != nil {
		return fmt.Errorf("read what was fetched of data set %s: %w", f.dataset.ID, err)
	}
	if state.Round != f.state.Round {
		return nil
	}
	if state.Whole != "" {
		_, _, err := f.config.Files.OpenAt(ctx, state.Whole)
		if fault.ClassOf(err) == fault.ClassNotFound {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for the file of data set %s: %w", f.dataset.ID, err)
		}
	}
	if len(state.Sum) > 0 {
		if err := f.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(state.Sum); err != nil { // a hash of the standard library
			return fmt.Errorf("read what was fetched of data set %s: %w", f.dataset.ID, err)
		}
	}
	f.state, f.best = state, 0
	f.best = f.at()
	return nil
}

// save keeps what there is for the next attempt.
func (f *fetch) save(ctx context.Context) error {
	b, err := json.Marshal(f.state)
	if err == nil {
		err = f.task.Saved.Save(ctx, checkpointFetch, b)
	}
	if err != nil {
		return fmt.Errorf("keep what was fetched of data set %s: %w", f.dataset.ID, err)
	}
	return nil
}

// restart forgets what was fetched.
func (f *fetch) restart(ctx context.Context) {
	f.discard(ctx)
	f.state.Pieces, f.state.Sum, f.state.Version, f.state.Size = nil, nil, "", -1
	f.sum.Reset()
}

// discard deletes the pieces. What it cannot delete is found by the clean-up.
func (f *fetch) discard(ctx context.Context) {
	keys := make([]string, 0, len(f.state.Pieces))
	for _, p := range f.state.Pieces {
		if p.Key != f.state.Whole {
			keys = append(keys, p.Key)
		}
	}
	if len(keys) > 0 {
		_ = f.config.Files.Delete(ctx, keys...) // see above
	}
}

// attempt opens the file and reads it to its end.
func (f *fetch) attempt(ctx context.Context) error {
	from := f.at()
	if from > 0 && from == f.state.Size {
		return nil
	}
	remote, err := f.config.Remote.Open(ctx, f.dataset.Tenant, f.dataset.Source, from, f.state.Version)
	if err != nil {
		return err
	}
	defer remote.Body.Close() //nolint:errcheck // only read
	if remote.At != from {
		f.task.Report.Logf("the source does not go on at byte %d, or has changed: it is read anew", from)
		f.restart(ctx)
	} else if from > 0 {
		f.task.Report.Logf("going on at byte %d", from)
	}
	f.state.Version, f.state.Size = remote.Version, remote.Size
	if remote.Size > f.config.MaxSize {
		return f.tooLarge()
	}
	body := bufio.NewReader(remote.Body)
	for {
		more, err := f.piece(ctx, body)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	switch at := f.at(); {
	case at == 0:
		return fault.Invalid("csv_empty", "the file is empty; import a table with a header and at least one row").
			With(fault.Field{Location: "body.source", Message: "is empty"})
	case remote.Size >= 0 && at != remote.Size:
		return fault.Unavailable("source_interrupted", "the source has sent %d bytes instead of %d", at, remote.Size)
	}
	f.state.Size = f.at()
	return nil
}

func (f *fetch) tooLarge() error {
	return fault.TooLarge("upload_too_large", "the file has more than %d bytes", f.config.MaxSize).
		With(fault.Field{Location: "body.source", Message: fmt.Sprintf("at most %d bytes are allowed", f.config.MaxSize)})
}

// piece keeps the next bytes as a file, and reports whether there may be more.
// When the source breaks off, what has come of it is kept.
func (f *fetch) piece(ctx context.Context, body *bufio.Reader) (more bool, err error) {
	if _, err := body.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
	src := &pieceReader{fetch: f, body: body, from: f.at()}
	key := fmt.Sprintf("%sraw/%05d", f.task.Prefix, f.state.Made)
	f.state.Made++
	n, err := f.config.Files.Put(ctx, key, "application/octet-stream", src)
	if err != nil {
		return false, fmt.Errorf("keep a piece of the file of data set %s: %w", f.dataset.ID, err)
	}
	if src.from+n > f.config.MaxSize {
		return false, f.tooLarge()
	}
	f.state.Pieces = append(f.state.Pieces, piece{key, n})
	if at := src.from + n; at > f.best {
		f.best, f.state.Tries, f.state.Since = at, 0, time.Time{}
	}
	if f.state.Sum, err = f.sum.(encoding.BinaryMarshaler).MarshalBinary(); err != nil { // a hash of the standard library
		return false, fmt.Errorf("keep the hash of data set %s: %w", f.dataset.ID, err)
	}
	if err := f.save(ctx); err != nil {
		return false, err
	}
	return src.err == nil, src.err
}

// pieceReader gives one piece of the body. An error of the source is its end.
type pieceReader struct {
	fetch *fetch
	body  io.Reader
	from  int64
	n     int64
	err   error
}

// Read implements io.Reader.
func (p *pieceReader) Read(b []byte) (int, error) {
	// One byte beyond the limit tells that there is more than may be.
	left := min(p.fetch.config.Piece-p.n, p.fetch.config.MaxSize+1-p.from-p.n)
	if left <= 0 || p.err != nil {
		return 0, io.EOF
	}
	n, err := p.body.Read(b[:min(int64(len(b)), left)])
	p.n += int64(n)
	_, _ = p.fetch.sum.Write(b[:n]) // never fails
	if size := p.fetch.state.Size; size > 0 {
		p.fetch.task.Report.Progress("fetch", fetchedAt*min(1, float64(p.from+p.n)/float64(size)), 0, 0)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		p.err, err = err, io.EOF
	}
	return n, err //nolint:wrapcheck // io.EOF must stay bare
}

// join makes one file of the pieces.
func (f *fetch) join(ctx context.Context) error {
	keys := make([]string, len(f.state.Pieces))
	for i, p := range f.state.Pieces {
		keys[i] = p.Key
	}
	whole := keys[0]
	if len(keys) > 1 {
		whole = f.task.Prefix + "raw/whole"
		n, err := f.config.Files.Join(ctx, whole, "application/octet-stream", keys)
		switch {
		case fault.ClassOf(err) == fault.ClassNotFound: // a clean-up was faster than whoever tried again
			f.restart(ctx)
			return fault.Unavailable("source_interrupted", "what was fetched before is gone; it is read anew").Because(err)
		case err != nil:
			return fmt.Errorf("join the file of data set %s: %w", f.dataset.ID, err)
		case n != f.at():
			return fault.New(fault.ClassInternal, "file_changed", "the file of data set %s has %d bytes instead of %d", f.dataset.ID, n, f.at())
		}
	}
	f.state.Whole, f.state.SHA256 = whole, hex.EncodeToString(f.sum.Sum(nil))
	if err := f.save(ctx); err != nil {
		return err
	}
	f.discard(ctx)
	f.task.Report.Logf("fetched %d bytes from %s", f.at(), f.dataset.Origin())
	return nil
}

// ofSource reports whether the source itself failed, in a way that may be over
// later.
func ofSource(err error) bool {
	return fault.ClassOf(err) == fault.ClassUnavailable && strings.HasPrefix(fault.CodeOf(err), "source_")
}

const (
	quickTries   = 3 // within an attempt
	longestPause = 5 * time.Minute
)

// pause waits after a try in vain. After a few it lets another attempt go on
// later, and in the end gives up. No failure of the job is counted meanwhile.
func (f *fetch) pause(ctx context.Context, failure error) error {
	now := f.now()
	f.state.Tries++
	if f.state.Since.IsZero() {
		f.state.Since = now
	}
	delay := min(time.Second<<min(f.state.Tries-1, 30), longestPause)
	asked := false
	if later, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](failure); ok {
		delay, asked = max(delay, later.RetryAfter()), true
	}
	if now.Add(delay).Sub(f.state.Since) > f.config.Patience {
		return job.Permanent(failure)
	}
	if f.state.Tries <= quickTries && !asked {
		return f.config.Wait(ctx, delay)
	}
	if err := f.save(ctx); err != nil {
		return err
	}
	e, _ := fault.As(failure)
	return job.Snooze(delay, e.Code, "The file cannot be fetched now, and is tried again: %s.", e.Message)
}
