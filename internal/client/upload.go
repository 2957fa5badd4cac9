package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
)

// Upload is a table to be uploaded.
type Upload struct {
	Name      string // of the data set; empty: the file's
	Filename  string
	Delimiter string // one character; empty: sniffed
	Quote     string
	Header    *bool // whether the first record names the columns; nil: sniffed
	Key       string
	Priority  *int      // of the ingest job; nil: the server's default
	After     []string  // jobs that have to succeed before the ingest job runs
	Body      io.Reader // an io.Seeker can be sent again
}

// Upload streams the file to the server; nothing of it is kept in memory.
func (c *Client) Upload(ctx context.Context, u Upload) (Accepted, error) {
	key := u.Key
	if key == "" {
		key = NewKey()
	}
	probe := multipart.NewWriter(io.Discard)
	boundary := probe.Boundary()
	seeker, again := u.Body.(io.Seeker)
	start := int64(0)
	if again {
		var err error
		if start, err = seeker.Seek(0, io.SeekCurrent); err != nil {
			again = false // a pipe, say
		}
	}
	sent := false
	body := func() (io.ReadCloser, error) {
		if sent {
			if _, err := seeker.Seek(start, io.SeekStart); err != nil {
				return nil, fmt.Errorf("read %s again: %w", u.Filename, err)
			}
		}
		sent = true
		return u.stream(boundary), nil
	}
	header := http.Header{"Content-Type": {"multipart/form-data; boundary=" + boundary}}
	header.Set(headerKey, key)
	var a Accepted
	r := call{method: http.MethodPost, path: "datasets", header: header, body: body, once: !again}
	if err := c.answer(ctx, r, &a); err != nil {
		return Accepted{}, fmt.Errorf("upload %s: %w", u.Filename, err)
	}
	return a, nil
}

// stream writes the form while it is read.
func (u Upload) stream(boundary string) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		form := multipart.NewWriter(w)
		err := form.SetBoundary(boundary)
		write := func(name, value string) {
			if err == nil && value != "" {
				err = form.WriteField(name, value)
			}
		}
		// The fields stand before the file: the server reads in order.
		write("name", u.Name)
		write("delimiter", u.Delimiter)
		write("quote", u.Quote)
		write("after", strings.Join(u.After, ","))
		if u.Priority != nil {
			write("priority", strconv.Itoa(*u.Priority))
		}
		if u.Header != nil {
			write("header", strconv.FormatBool(*u.Header))
		}
		if err == nil {
			var part io.Writer
			if part, err = form.CreateFormFile("file", u.Filename); err == nil {
				_, err = io.Copy(part, u.Body)
			}
		}
		// A pipe's CloseWithError(nil) is a normal end.
		w.CloseWithError(errors.Join(err, form.Close()))
	}()
	return r
}
