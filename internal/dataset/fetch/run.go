package fetch

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

// run brings one file here. After each piece it keeps what it has, so that another
// attempt goes on behind it.
type run struct {
	config Config
	task   *job.Task
	file   File

	state state
	sum   hash.Hash
	best  int64 // the most bytes that were here
}

// state is what there is of the file, as it is kept for the next attempt.
type state struct {
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

const checkpoint = "fetch"

// at is how many bytes are here.
func (r *run) at() int64 {
	n := int64(0)
	for _, p := range r.state.Pieces {
		n += p.Size
	}
	return n
}

// fetch fetches what is not here yet.
func (r *run) fetch(ctx context.Context) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	for r.state.Whole == "" {
		err := r.attempt(ctx)
		if err == nil {
			err = r.join(ctx)
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
		if err := r.pause(ctx, err); err != nil {
			return err
		}
	}
	r.task.Report.Progress("fetch", 1, 0, 0)
	return nil
}

// load takes over what earlier attempts have kept.
func (r *run) load(ctx context.Context) error {
	r.sum = sha256.New()
	r.state = state{Round: r.task.Job.Round, Size: -1}
	b, ok, err := r.task.Saved.Load(ctx, checkpoint)
	if err != nil || !ok {
		return err
	}
	var kept state
	if err := json.Unmarshal(b, &kept); err != nil {
		return fmt.Errorf("read what was fetched of data set %s: %w", r.file.Dataset, err)
	}
	if kept.Round != r.state.Round {
		return nil
	}
	if kept.Whole != "" {
		_, _, err := r.config.Files.OpenAt(ctx, kept.Whole)
		if fault.ClassOf(err) == fault.ClassNotFound {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for the file of data set %s: %w", r.file.Dataset, err)
		}
	}
	if len(kept.Sum) > 0 {
		if err := r.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(kept.Sum); err != nil { // a hash of the standard library
			return fmt.Errorf("read what was fetched of data set %s: %w", r.file.Dataset, err)
		}
	}
	r.state, r.best = kept, 0
	r.best = r.at()
	return nil
}

// save keeps what there is for the next attempt.
func (r *run) save(ctx context.Context) error {
	b, err := json.Marshal(r.state)
	if err == nil {
		err = r.task.Saved.Save(ctx, checkpoint, b)
	}
	if err != nil {
		return fmt.Errorf("keep what was fetched of data set %s: %w", r.file.Dataset, err)
	}
	return nil
}

// restart forgets what was fetched.
func (r *run) restart(ctx context.Context) {
	r.discard(ctx)
	r.state.Pieces, r.state.Sum, r.state.Version, r.state.Size = nil, nil, "", -1
	r.sum.Reset()
}

// discard deletes the pieces. What it cannot delete is found by the clean-up.
func (r *run) discard(ctx context.Context) {
	keys := make([]string, 0, len(r.state.Pieces))
	for _, p := range r.state.Pieces {
		if p.Key != r.state.Whole {
			keys = append(keys, p.Key)
		}
	}
	if len(keys) > 0 {
		_ = r.config.Files.Delete(ctx, keys...) // see above
	}
}

// attempt opens the file and reads it to its end.
func (r *run) attempt(ctx context.Context) error {
	from := r.at()
	if from > 0 && from == r.state.Size {
		return nil
	}
	remote, err := r.config.Source.Open(ctx, r.file.Tenant, r.file.Source, from, r.state.Version)
	if err != nil {
		return err
	}
	defer remote.Body.Close() //nolint:errcheck // only read
	if remote.At != from {
		r.task.Report.Logf("the source does not go on at byte %d, or has changed: it is read anew", from)
		r.restart(ctx)
	} else if from > 0 {
		r.task.Report.Logf("going on at byte %d", from)
	}
	r.state.Version, r.state.Size = remote.Version, remote.Size
	if remote.Size > r.config.MaxSize {
		return r.tooLarge()
	}
	body := bufio.NewReader(remote.Body)
	for {
		more, err := r.piece(ctx, body)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	switch at := r.at(); {
	case at == 0:
		return fault.Invalid("csv_empty", "the file is empty; import a table with a header and at least one row").
			With(fault.Field{Location: "body.source", Message: "is empty"})
	case remote.Size >= 0 && at != remote.Size:
		return fault.Unavailable("source_interrupted", "the source has sent %d bytes instead of %d", at, remote.Size)
	}
	r.state.Size = r.at()
	return nil
}

func (r *run) tooLarge() error {
	return fault.TooLarge("upload_too_large", "the file has more than %d bytes", r.config.MaxSize).
		With(fault.Field{Location: "body.source", Message: fmt.Sprintf("at most %d bytes are allowed", r.config.MaxSize)})
}

// piece keeps the next bytes as a file, and reports whether there may be more.
// When the source breaks off, what has come of it is kept.
func (r *run) piece(ctx context.Context, body *bufio.Reader) (more bool, err error) {
	if _, err := body.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
	src := &pieceReader{run: r, body: body, from: r.at()}
	key := fmt.Sprintf("%sraw/%05d", r.task.Prefix, r.state.Made)
	r.state.Made++
	n, err := r.config.Files.Put(ctx, key, "application/octet-stream", src)
	if err != nil {
		return false, fmt.Errorf("keep a piece of the file of data set %s: %w", r.file.Dataset, err)
	}
	if src.from+n > r.config.MaxSize {
		return false, r.tooLarge()
	}
	r.state.Pieces = append(r.state.Pieces, piece{key, n})
	if at := src.from + n; at > r.best {
		r.best, r.state.Tries, r.state.Since = at, 0, time.Time{}
	}
	if r.state.Sum, err = r.sum.(encoding.BinaryMarshaler).MarshalBinary(); err != nil { // a hash of the standard library
		return false, fmt.Errorf("keep the hash of data set %s: %w", r.file.Dataset, err)
	}
	if err := r.save(ctx); err != nil {
		return false, err
	}
	return src.err == nil, src.err
}

// pieceReader gives one piece of the body. An error of the source is its end.
type pieceReader struct {
	run  *run
	body io.Reader
	from int64
	n    int64
	err  error
}

// Read implements io.Reader.
func (p *pieceReader) Read(b []byte) (int, error) {
	// One byte beyond the limit tells that there is more than may be.
	left := min(p.run.config.Piece-p.n, p.run.config.MaxSize+1-p.from-p.n)
	if left <= 0 || p.err != nil {
		return 0, io.EOF
	}
	n, err := p.body.Read(b[:min(int64(len(b)), left)])
	p.n += int64(n)
	_, _ = p.run.sum.Write(b[:n]) // never fails
	if size := p.run.state.Size; size > 0 {
		p.run.task.Report.Progress("fetch", min(1, float64(p.from+p.n)/float64(size)), 0, 0)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		p.err, err = err, io.EOF
	}
	return n, err //nolint:wrapcheck // io.EOF must stay bare
}

// join makes one file of the pieces.
func (r *run) join(ctx context.Context) error {
	keys := make([]string, len(r.state.Pieces))
	for i, p := range r.state.Pieces {
		keys[i] = p.Key
	}
	whole := keys[0]
	if len(keys) > 1 {
		whole = r.task.Prefix + "raw/whole"
		n, err := r.config.Files.Join(ctx, whole, "application/octet-stream", keys)
		switch {
		case fault.ClassOf(err) == fault.ClassNotFound: // a clean-up was faster than whoever tried again
			r.restart(ctx)
			return fault.Unavailable("source_interrupted", "what was fetched before is gone; it is read anew").Because(err)
		case err != nil:
			return fmt.Errorf("join the file of data set %s: %w", r.file.Dataset, err)
		case n != r.at():
			return fault.New(fault.ClassInternal, "file_changed", "the file of data set %s has %d bytes instead of %d", r.file.Dataset, n, r.at())
		}
	}
	r.state.Whole, r.state.SHA256 = whole, hex.EncodeToString(r.sum.Sum(nil))
	if err := r.save(ctx); err != nil {
		return err
	}
	r.discard(ctx)
	r.task.Report.Logf("fetched %d bytes from %s", r.at(), r.file.Origin)
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
func (r *run) pause(ctx context.Context, failure error) error {
	now := r.config.Now()
	r.state.Tries++
	if r.state.Since.IsZero() {
		r.state.Since = now
	}
	delay := min(time.Second<<min(r.state.Tries-1, 30), longestPause)
	asked := false
	if later, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](failure); ok {
		delay, asked = max(delay, later.RetryAfter()), true
	}
	if now.Add(delay).Sub(r.state.Since) > r.config.Patience {
		return job.Permanent(failure)
	}
	if r.state.Tries <= quickTries && !asked {
		return r.config.Wait(ctx, delay)
	}
	if err := r.save(ctx); err != nil {
		return err
	}
	e, _ := fault.As(failure)
	return job.Snooze(delay, e.Code, "The file cannot be fetched now, and is tried again: %s.", e.Message)
}
