package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
)

// FileFormat is what is known about a file; what is empty is sniffed.
type FileFormat struct {
	Kind        string // csv, json, jsonl, xlsx or parquet
	Compression string // none, gzip or zstd
	Encoding    string
	Delimiter   string // one character
	Quote       string
	Header      *bool  // whether the first record names the columns
	Sheet       string // by name, or by number from 1
}

// Upload is a table to be uploaded.
type Upload struct {
	FileFormat

	Name     string // of the data set; empty: the file's
	Filename string
	Key      string
	Priority *int      // of the ingest job; nil: the server's default
	After    []string  // jobs that have to succeed before the ingest job runs
	Body     io.Reader // an io.Seeker can be sent again
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
	return streamForm(boundary, u.known(), u.Filename, u.Body)
}

// known are the fields that say what is to become of the file.
func (u Upload) known() [][2]string {
	fields := [][2]string{{"name", u.Name}, {"after", strings.Join(u.After, ",")}}
	if u.Priority != nil {
		fields = append(fields, [2]string{"priority", strconv.Itoa(*u.Priority)})
	}
	return append(fields, u.fields()...)
}

// fields are those of a form that say what is known about the file.
func (f FileFormat) fields() [][2]string {
	header := ""
	if f.Header != nil {
		header = strconv.FormatBool(*f.Header)
	}
	return [][2]string{
		{"kind", f.Kind},
		{"compression", f.Compression},
		{"encoding", f.Encoding},
		{"delimiter", f.Delimiter},
		{"quote", f.Quote},
		{"header", header},
		{"sheet", f.Sheet},
	}
}

// streamForm writes a form while it is read. The fields stand before the file,
// as the server reads in order; empty ones are left out.
func streamForm(boundary string, fields [][2]string, filename string, file io.Reader) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		form := multipart.NewWriter(w)
		err := form.SetBoundary(boundary)
		for _, f := range fields {
			if err == nil && f[1] != "" {
				err = form.WriteField(f[0], f[1])
			}
		}
		if err == nil {
			var part io.Writer
			if part, err = form.CreateFormFile("file", filename); err == nil {
				_, err = io.Copy(part, file)
			}
		}
		// A pipe's CloseWithError(nil) is a normal end.
		w.CloseWithError(errors.Join(err, form.Close()))
	}()
	return r
}

// Sniffed is how the beginning of a file would be read.
type Sniffed struct {
	Format  Format   `json:"format"`
	Columns []Column `json:"columns"` // by the rows that were looked at
	Rows    [][]any  `json:"rows"`    // texts, or nil
	Bad     []BadRow `json:"bad"`
}

// BadRow is a row that could not be read.
type BadRow struct {
	Row    int64  `json:"row"`
	Line   int64  `json:"line"`
	Column string `json:"column"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// MaxSniff is how many bytes of a file the server looks at.
const MaxSniff = 1 << 20

// Sniff says how the file would be read that begins with head; part says that it
// goes on.
func (c *Client) Sniff(ctx context.Context, filename string, head []byte, part bool, f FileFormat) (*Sniffed, error) {
	boundary := multipart.NewWriter(io.Discard).Boundary()
	fields := f.fields()
	if part {
		fields = append(fields, [2]string{"part", "true"})
	}
	body := func() (io.ReadCloser, error) {
		return streamForm(boundary, fields, filename, bytes.NewReader(head)), nil
	}
	header := http.Header{"Content-Type": {"multipart/form-data; boundary=" + boundary}}
	found := new(Sniffed)
	if err := c.answer(ctx, call{method: http.MethodPost, path: "datasets/sniff", header: header, body: body}, found); err != nil {
		return nil, fmt.Errorf("sniff %s: %w", filename, err)
	}
	return found, nil
}
