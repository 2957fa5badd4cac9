package client

import (
	"context"
	"crypto/md5" //nolint:gosec // what file storages compare
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// presigned is a file on its way to the file storage, in parts.
type presigned struct {
	*Resumable

	client    *Client
	partBytes int64
	there     map[int]bool // parts that have arrived
	sent      []sentPart   // by this client
	bytes     int64        // that have arrived
}

// sentPart is a part as the file storage has answered it.
type sentPart struct {
	Number int    `json:"number"`
	ETag   string `json:"etag"`
}

// partAddress is where a part goes.
type partAddress struct {
	Number  int               `json:"number"`
	Bytes   int64             `json:"bytes"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

// UploadPresigned sends the file straight to the file storage, in parts of the
// server's choice, and returns the data set that it has become. Where clients do
// not reach the file storage the server refuses it with "presign_needs_s3".
func (c *Client) UploadPresigned(ctx context.Context, r Resumable) (Accepted, error) {
	p := &presigned{Resumable: &r, client: c, there: map[int]bool{}}
	a, err := p.run(ctx)
	if err != nil {
		return Accepted{}, fmt.Errorf("upload %s: %w", r.Filename, err)
	}
	return a, nil
}

func (p *presigned) run(ctx context.Context) (Accepted, error) {
	finished, err := p.start(ctx)
	if err != nil {
		return Accepted{}, err
	}
	if !finished {
		for number := 1; int64(number-1)*p.partBytes < p.Size; number++ {
			if p.there[number] {
				continue
			}
			if err := p.part(ctx, number); err != nil {
				return Accepted{}, err
			}
		}
	}
	return p.complete(ctx)
}

// path is where the upload is.
func (p *presigned) path() string { return "datasets/presign/" + url.PathEscape(p.ID) }

// start finds the upload that began earlier and what has arrived of it, or begins
// one.
func (p *presigned) start(ctx context.Context) (finished bool, err error) {
	if p.ID != "" {
		finished, err = p.find(ctx)
		if e, known := errors.AsType[*Error](err); !known || e.Status != http.StatusNotFound {
			return finished, err
		}
		p.ID = "" // it has expired, or somebody has given it up
	}
	var begun struct {
		ID        string `json:"upload_id"`
		PartBytes int64  `json:"part_bytes"`
	}
	r, err := posting("datasets/presign", p.request(), p.Key)
	if err != nil {
		return false, err
	}
	resp, err := p.client.do(ctx, r)
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }() // what was read is enough
	if err := decode(resp, &begun); err != nil {
		return false, err
	}
	if p.ID, p.partBytes = begun.ID, begun.PartBytes; p.ID == "" || p.partBytes <= 0 {
		return false, errors.New("the server says not which upload has begun, and in which parts")
	}
	if p.Begun != nil {
		if err := p.Begun(p.ID); err != nil {
			return false, err
		}
	}
	if resp.Header.Get("Idempotency-Replayed") == "" {
		return false, nil
	}
	return p.find(ctx)
}

// request describes the file.
func (p *presigned) request() map[string]any {
	body := map[string]any{"filename": p.Filename, "bytes": p.Size}
	for _, field := range append([][2]string{{"name", p.Name}, {"sha256", p.SHA256}}, p.fields()...) {
		if field[1] != "" && field[0] != "header" {
			body[field[0]] = field[1]
		}
	}
	if p.Delimiter == `\t` {
		body["delimiter"] = "\t"
	}
	if p.Header != nil {
		body["header"] = *p.Header
	}
	if p.Priority != nil {
		body["priority"] = *p.Priority
	}
	if len(p.After) > 0 {
		body["after"] = p.After
	}
	return body
}

// find asks what has arrived of the upload.
func (p *presigned) find(ctx context.Context) (finished bool, err error) {
	var up struct {
		State     string `json:"state"`
		Way       string `json:"way"`
		Size      int64  `json:"size"`
		PartBytes int64  `json:"part_bytes"`
	}
	if err := p.client.get(ctx, "uploads/"+url.PathEscape(p.ID), nil, &up); err != nil {
		return false, err
	}
	if up.Size != p.Size || up.PartBytes <= 0 {
		return false, fmt.Errorf("upload %s is a %s one of a file of %d bytes, and this one has %d", p.ID, up.Way, up.Size, p.Size)
	}
	p.partBytes = up.PartBytes
	for after := 0; ; {
		var page struct {
			Items []struct {
				Number int   `json:"number"`
				Bytes  int64 `json:"bytes"`
			} `json:"items"`
			NextAfter int  `json:"next_after"`
			Finished  bool `json:"finished"`
		}
		if err := p.client.get(ctx, p.path()+"/parts", url.Values{"after": {strconv.Itoa(after)}}, &page); err != nil {
			return false, err
		}
		for _, part := range page.Items {
			if !p.there[part.Number] && part.Bytes == p.length(part.Number) {
				p.there[part.Number] = true
				p.bytes += part.Bytes
			}
		}
		if page.Finished || page.NextAfter <= after {
			p.resumed(p.bytes)
			return page.Finished, nil
		}
		after = page.NextAfter
	}
}

// length is that of the part.
func (p *presigned) length(number int) int64 {
	return min(p.partBytes, p.Size-int64(number-1)*p.partBytes)
}

// part sends a part, again while that does not succeed: each time to an address
// of its own, as those of before may be over.
func (p *presigned) part(ctx context.Context, number int) error {
	from, n := int64(number-1)*p.partBytes, p.length(number)
	sum := md5.New() //nolint:gosec // what file storages compare
	if _, err := io.Copy(sum, io.NewSectionReader(p.File, from, n)); err != nil {
		return fmt.Errorf("read part %d of the file: %w", number, err)
	}
	ask := map[string]any{"parts": []any{map[string]any{"number": number, "md5": hex.EncodeToString(sum.Sum(nil))}}}
	delay := firstPause
	for try := 1; ; try++ {
		var answer struct {
			Parts []partAddress `json:"parts"`
		}
		if err := p.client.post(ctx, p.path()+"/parts", ask, "", &answer); err != nil {
			return err
		}
		if len(answer.Parts) != 1 || answer.Parts[0].Number != number || answer.Parts[0].Bytes != n {
			return fmt.Errorf("the server was asked where part %d of %d bytes goes, and answers something else", number, n)
		}
		etag, err := p.put(ctx, answer.Parts[0], io.NewSectionReader(p.File, from, n))
		if err == nil {
			if etag != "" {
				p.sent = append(p.sent, sentPart{number, etag})
			}
			p.bytes += n
			p.progress(p.bytes)
			return nil
		}
		if try >= p.client.attempts || ctx.Err() != nil || p.client.wait(ctx, delay) != nil {
			return err
		}
		delay = min(2*delay, longestPause)
	}
}

// put sends the bytes to the address, without the token: the address is signed.
func (p *presigned) put(ctx context.Context, at partAddress, data io.Reader) (etag string, err error) {
	body := &sending{Reader: data, at: p.bytes, told: p.progress}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, at.URL, io.NopCloser(body))
	if err != nil {
		return "", fmt.Errorf("the server names no address of part %d: %w", at.Number, cause(err))
	}
	req.ContentLength = at.Bytes
	for name, value := range at.Headers {
		req.Header.Set(name, value)
	}
	resp, err := p.client.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", &UnreachableError{URL: req.URL.Scheme + "://" + req.URL.Host, Err: cause(err)}
	}
	defer func() { _ = resp.Body.Close() }() // what was read is enough
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("send part %d to %s: %w", at.Number, req.URL.Host, storageFailure(resp))
	}
	return resp.Header.Get("ETag"), nil
}

// storageFailure reads what a file storage says.
func storageFailure(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
	var said struct {
		Code    string
		Message string
	}
	if xml.NewDecoder(io.LimitReader(resp.Body, maxProblem)).Decode(&said) == nil { // else the status says it all
		e.Code, e.Detail = said.Code, said.Message
	}
	return e
}

// complete makes a data set of what has arrived.
func (p *presigned) complete(ctx context.Context) (Accepted, error) {
	p.progress(p.Size)
	delay := firstPause
	for try := 1; ; try++ {
		var a Accepted
		err := p.client.post(ctx, p.path()+"/complete", map[string]any{"parts": append([]sentPart{}, p.sent...)}, "", &a)
		if err == nil && (a.DatasetID == "" || a.Job == nil) {
			err = fmt.Errorf("everything was sent, and the server names no data set of upload %s", p.ID)
		}
		e, known := errors.AsType[*Error](err)
		if err == nil || !known || e.Code != "upload_locked" || try >= p.client.attempts || p.client.wait(ctx, delay) != nil {
			return a, err
		}
		delay = min(2*delay, longestPause)
	}
}
