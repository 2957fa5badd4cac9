package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// Resumable is a table to be uploaded in pieces, so that an upload can go on
// where it broke off: after a lost connection, a restart of the server, or one of
// the client that remembers ID.
type Resumable struct {
	Upload // its Body is not used

	File     io.ReaderAt
	Size     int64
	SHA256   string                // of the file, in hexadecimal; compared by the ingest job; empty: not told
	ID       string                // of the upload to go on with; empty: none
	Piece    int64                 // bytes of one request; 0: 64 MiB
	Begun    func(id string) error // told of the upload that has begun; nil: nobody
	Progress func(sent int64)      // told how many bytes have arrived, or are on their way; nil: nobody
	Resumed  func(offset int64)    // told where the upload goes on after a break; nil: nobody
}

const (
	defaultPiece  = 64 << 20
	headerOffset  = "Upload-Offset"
	contentOffset = "application/offset+octet-stream"
)

// UploadResumable sends the file and returns the data set that it has become.
func (c *Client) UploadResumable(ctx context.Context, r Resumable) (Accepted, error) {
	a, err := c.uploadResumable(ctx, &r)
	if err != nil {
		return Accepted{}, fmt.Errorf("upload %s: %w", r.Filename, err)
	}
	return a, nil
}

func (c *Client) uploadResumable(ctx context.Context, r *Resumable) (Accepted, error) {
	at, err := c.start(ctx, r)
	if err != nil {
		return Accepted{}, err
	}
	if err := c.pieces(ctx, r, at); err != nil {
		return Accepted{}, err
	}
	var made struct {
		DatasetID string `json:"dataset_id"`
		JobID     string `json:"job_id"`
	}
	// Asking makes sure that the upload was finished.
	if err := c.get(ctx, "uploads/"+r.ID, nil, &made); err != nil {
		return Accepted{}, err
	}
	if made.DatasetID == "" || made.JobID == "" {
		return Accepted{}, fmt.Errorf("everything was sent, and the server names no data set of upload %s", r.ID)
	}
	j, err := c.Job(ctx, made.JobID)
	if err != nil {
		return Accepted{}, err
	}
	return Accepted{DatasetID: made.DatasetID, JobID: made.JobID, Job: j}, nil
}

// start finds the upload that began earlier, or begins one, and returns how much
// has arrived.
func (c *Client) start(ctx context.Context, r *Resumable) (int64, error) {
	if r.ID != "" {
		at, err := c.offset(ctx, r)
		if err == nil {
			r.resumed(at)
			return at, nil
		}
		e, known := errors.AsType[*Error](err)
		if !known || e.Status != http.StatusNotFound {
			return 0, err
		}
		r.ID = "" // it has expired, or somebody has deleted it
	}
	key := r.Key
	if key == "" {
		key = NewKey()
	}
	header := tusHeader()
	header.Set(headerKey, key)
	header.Set("Upload-Length", strconv.FormatInt(r.Size, 10))
	header.Set("Upload-Metadata", r.metadata())
	resp, err := c.do(ctx, call{method: http.MethodPost, path: "uploads", header: header})
	if err != nil {
		return 0, err
	}
	_ = resp.Body.Close() // it is empty
	if r.ID = path.Base(resp.Header.Get("Location")); !strings.HasPrefix(r.ID, "upl_") {
		return 0, fmt.Errorf("the server answered %s, and says not where the upload is", resp.Status)
	}
	if r.Begun != nil {
		if err := r.Begun(r.ID); err != nil {
			return 0, err
		}
	}
	if resp.Header.Get("Idempotency-Replayed") == "" {
		return 0, nil
	}
	at, err := c.offset(ctx, r)
	if err == nil {
		r.resumed(at)
	}
	return at, err
}

func tusHeader() http.Header {
	header := http.Header{}
	header.Set("Tus-Resumable", "1.0.0")
	return header
}

// metadata says what the file is.
func (r *Resumable) metadata() string {
	pairs := append([][2]string{{"filename", r.Filename}, {"sha256", r.SHA256}}, r.known()...)
	var b strings.Builder
	for _, p := range pairs {
		if p[1] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(p[0] + " " + base64.StdEncoding.EncodeToString([]byte(p[1])))
	}
	return b.String()
}

func (r *Resumable) resumed(at int64) {
	if r.Resumed != nil {
		r.Resumed(at)
	}
}

func (r *Resumable) progress(at int64) {
	if r.Progress != nil {
		r.Progress(at)
	}
}

// offset asks how much has arrived.
func (c *Client) offset(ctx context.Context, r *Resumable) (int64, error) {
	var at int64
	err := c.patiently(ctx, func() error {
		resp, err := c.do(ctx, call{method: http.MethodHead, path: "uploads/" + r.ID, header: tusHeader()})
		if err != nil {
			return err
		}
		_ = resp.Body.Close() // it is empty
		at, err = offsetOf(resp)
		if length := resp.Header.Get("Upload-Length"); err == nil && length != strconv.FormatInt(r.Size, 10) {
			return fmt.Errorf("upload %s is of a file of %s bytes, and this one has %d", r.ID, length, r.Size)
		}
		return err
	})
	return at, err
}

func offsetOf(resp *http.Response) (int64, error) {
	at, err := strconv.ParseInt(resp.Header.Get(headerOffset), 10, 64)
	if err != nil || at < 0 {
		return 0, fmt.Errorf("the server answered %s, and says not how much has arrived", resp.Status)
	}
	return at, nil
}

// patiently makes the call again while another request holds the upload.
func (c *Client) patiently(ctx context.Context, do func() error) error {
	delay := firstPause
	for try := 1; ; try++ {
		err := do()
		e, known := errors.AsType[*Error](err)
		if !known || e.Status != http.StatusConflict || try >= c.attempts {
			return err
		}
		if c.wait(ctx, delay) != nil {
			return err
		}
		delay = min(2*delay, longestPause)
	}
}

// pieces sends the file from the offset on. It gives up when nothing more has
// arrived after as many attempts as the client makes.
func (c *Client) pieces(ctx context.Context, r *Resumable, at int64) error {
	delay, tries := firstPause, 1
	for at < r.Size {
		r.progress(at)
		next, err := c.piece(ctx, r, at)
		if err == nil && next > at {
			at, delay, tries = next, firstPause, 1
			continue
		}
		if err == nil {
			err = fmt.Errorf("the server took nothing from byte %d on", at)
		}
		if !broken(err) || tries >= c.attempts || ctx.Err() != nil {
			return err
		}
		if c.wait(ctx, delay) != nil {
			return err
		}
		found, errAsk := c.offset(ctx, r)
		if errAsk != nil {
			return errors.Join(err, errAsk)
		}
		r.resumed(found)
		if found > at {
			delay, tries = firstPause, 0
		}
		at, delay, tries = found, min(2*delay, longestPause), tries+1
	}
	r.progress(at)
	return nil
}

// broken reports whether the upload may go on after the error.
func broken(err error) bool {
	if again(err) {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	return e.Status == http.StatusConflict || e.Status == http.StatusRequestTimeout || e.Status == http.StatusBadRequest || e.Status >= http.StatusInternalServerError
}

// piece sends one request's bytes and returns how much has arrived then.
func (c *Client) piece(ctx context.Context, r *Resumable, at int64) (int64, error) {
	most := r.Piece
	if most <= 0 {
		most = defaultPiece
	}
	n := min(most, r.Size-at)
	header := tusHeader()
	header.Set(headerOffset, strconv.FormatInt(at, 10))
	header.Set("Content-Type", contentOffset)
	body := func() (io.ReadCloser, error) {
		return io.NopCloser(&sending{Reader: io.NewSectionReader(r.File, at, n), at: at, told: r.progress}), nil
	}
	resp, err := c.do(ctx, call{method: http.MethodPatch, path: "uploads/" + r.ID, header: header, body: body, length: n, once: true})
	if err != nil {
		return 0, err
	}
	_ = resp.Body.Close() // it is empty
	return offsetOf(resp)
}

// sending tells how far a file has been read.
type sending struct {
	io.Reader
	at   int64
	told func(int64)
}

// Read implements io.Reader.
func (s *sending) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.at += int64(n)
	s.told(s.at)
	return n, err //nolint:wrapcheck // a reader passes errors on
}
