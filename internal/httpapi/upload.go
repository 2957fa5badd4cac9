package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

// maxFieldBytes bounds one field of the upload's form; maxFields their number.
const (
	maxFieldBytes = 200
	maxFields     = 16

	fieldAfter    = "after"
	maxAfterBytes = 8 << 10 // of the field after, twice what job.MaxAfter identifiers take

	maxFormBytes = 128 << 10 // of the form around the file
)

type uploadInput struct{ Idempotency }

func (s *server) registerUpload() {
	op := accepted(operation(tagDatasets, "POST /datasets", "upload-dataset", "Upload a data set",
		`Send a file as multipart/form-data: CSV, JSON, JSON Lines, an Excel workbook or Parquet, text also compressed by gzip or zstd; the fields come before the file. The answer comes when the file is stored. An ingest job then finds out its types and makes its profile; follow the job, and use the data set when it is ready.`,
		http.StatusNotFound, http.StatusConflict, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests))
	op.Metadata[metaStreams] = true
	register(s, op, s.upload)
	s.api.OpenAPI().Paths[op.Path].Post.RequestBody = uploadForm(s.config.MaxUploadBytes)
}

func (s *server) upload(ctx context.Context, in *uploadInput) (*acceptedOutput, error) {
	release, err := s.uploads.acquire()
	if err != nil {
		return nil, err
	}
	defer release()
	x := exchangeOf(ctx)
	parts, body, err := s.form(x)
	if err != nil {
		return nil, err
	}
	defer body.end()
	fields := &uploadFields{set: setUploadField, up: dataset.Upload{Tenant: x.caller.Tenant, User: x.caller.User, IdempotencyKey: in.Key}}
	file, err := fields.read(parts)
	if err != nil {
		return nil, body.explain(err)
	}
	up := fields.up
	file.left, file.tooLarge = s.config.MaxUploadBytes, s.uploadTooLarge()
	up.Body = file
	d, j, err := s.datasets.Create(ctx, up)
	if err != nil {
		// A reader's error that went through a file store may have lost its
		// kind on the way; the reader still knows.
		if file.err != nil && !errors.Is(file.err, io.EOF) {
			err = body.explain(file.err)
		}
		return nil, err
	}
	// The register does not say whether the key was seen before, but what it
	// made for this request it made after the request came.
	created := !d.CreatedAt.Before(x.start.Truncate(time.Millisecond))
	out := acceptedJob(ctx, j, created)
	out.Body.DatasetID = d.ID
	x.allow(s.config.RequestTimeout)
	return out, nil
}

// form begins to read the request's body as a form.
func (s *server) form(x *exchange) (*multipart.Reader, *arriving, error) {
	r := x.echo.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, nil, fault.New(fault.ClassUnsupported, "unsupported_media_type", "the body's media type is %q; send multipart/form-data with the file as its last part", shorten(r.Header.Get("Content-Type")))
	}
	most := s.config.MaxUploadBytes + maxFormBytes
	if r.ContentLength > most {
		return nil, nil, s.uploadTooLarge()
	}
	body := &arriving{
		body: r.Body, left: most, idle: s.config.IdleTimeout,
		tooLarge: s.uploadTooLarge(), control: http.NewResponseController(x.echo.Response()),
	}
	r.Body = body
	_ = body.control.SetWriteDeadline(time.Time{}) // the answer comes after the file
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, malformed("malformed_form", "the form cannot be read: its Content-Type has no usable boundary")
	}
	return parts, body, nil
}

func (s *server) uploadTooLarge() *fault.Error {
	return fault.TooLarge("upload_too_large", "the file has more than %d bytes", s.config.MaxUploadBytes).
		With(fault.Field{Location: "body.file", Message: fmt.Sprintf("at most %d bytes are allowed", s.config.MaxUploadBytes)})
}

// uploadFields are what comes before the file in a form.
type uploadFields struct {
	up   dataset.Upload
	part bool // the file is a part of one
	set  func(f *uploadFields, name, value string) error
}

// read reads the fields before the file and returns the file.
func (f *uploadFields) read(parts *multipart.Reader) (*fileReader, error) {
	seen := map[string]bool{}
	for range maxFields {
		part, err := parts.NextPart()
		if ended(err) {
			return nil, fault.Invalid("file_missing", "the form has no part named file").
				With(fault.Field{Location: "body.file", Message: "is required"})
		}
		if err != nil {
			return nil, err
		}
		name := part.FormName()
		if name == "file" {
			f.up.Filename = filename(part)
			return &fileReader{part: part, parts: parts, left: math.MaxInt64}, nil
		}
		location := "body." + clean(name)
		if seen[name] {
			return nil, fault.Invalid("duplicate_field", "the field %q is given more than once", clean(name)).
				With(fault.Field{Location: location, Message: "is given more than once"})
		}
		seen[name] = true
		most := maxFieldBytes
		if name == fieldAfter {
			most = maxAfterBytes
		}
		value, err := io.ReadAll(io.LimitReader(part, int64(most)+1))
		if err != nil {
			return nil, err
		}
		if len(value) > most || !utf8.Valid(value) {
			return nil, fault.Invalid("invalid_request", "the field %q must be text of at most %d bytes", clean(name), most).
				With(fault.Field{Location: location, Message: "must be short text"})
		}
		if err := f.set(f, name, string(value)); err != nil {
			return nil, err
		}
	}
	return nil, fault.Invalid("file_missing", "none of the first %d parts of the form is named file", maxFields).
		With(fault.Field{Location: "body.file", Message: "is required"})
}

// setUploadField takes over one field of the form.
func setUploadField(f *uploadFields, name, value string) error {
	switch name {
	case "name":
		f.up.Name = value
	case "priority":
		n, err := strconv.Atoi(value)
		if err != nil || n < job.MinPriority || n > job.MaxPriority {
			return fault.Invalid("priority_out_of_range", "the field priority is %q; it must be a number between %d and %d", clean(value), job.MinPriority, job.MaxPriority).
				With(fault.Field{Location: "body.priority", Message: fmt.Sprintf("must be between %d and %d", job.MinPriority, job.MaxPriority), Value: clean(value)})
		}
		f.up.Priority = &n
	case fieldAfter:
		for id := range strings.SplitSeq(value, ",") {
			if id = strings.TrimSpace(id); id != "" {
				f.up.After = append(f.up.After, id)
			}
		}
	default:
		known, err := setFormatField(&f.up.Options, name, value)
		if err == nil && !known {
			err = unknownField(name, append([]string{"name", "priority", fieldAfter}, formatFields()...))
		}
		return err
	}
	return nil
}

// filename returns the name that the client gave the file, without folders
// and characters that do not print.
func filename(part *multipart.Part) string {
	return cleanFilename(part.FileName())
}

// cleanFilename is the name that is kept.
func cleanFilename(name string) string {
	const longest = 255
	name = clean(name)
	if slash := strings.LastIndexAny(name, `/\\`); slash >= 0 {
		name = name[slash+1:]
	}
	if len(name) > longest {
		name = name[len(name)-longest:]
		for !utf8.RuneStart(name[0]) { // the cut has split a character
			name = name[1:]
		}
	}
	if name == "" || name == "." || name == ".." {
		return "upload"
	}
	return name
}

// clean drops what does not print from a text of the client.
func clean(text string) string {
	out := make([]rune, 0, len(text))
	for _, r := range text {
		if r != utf8.RuneError && unicode.IsPrint(r) {
			out = append(out, r)
		}
	}
	return string(out)
}

// fileReader reads the file part, which has at most so many bytes. It ends well
// only when the form does: a form that breaks off, or has more parts, is an error
// before anybody takes the file for whole.
type fileReader struct {
	part     *multipart.Part
	parts    *multipart.Reader
	left     int64
	tooLarge *fault.Error
	err      error
}

// Read implements io.Reader.
func (f *fileReader) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.part.Read(p)
	if f.left -= int64(n); f.left < 0 {
		f.err = f.tooLarge
		return 0, f.err
	}
	if errors.Is(err, io.EOF) {
		next, more := f.parts.NextPart()
		switch {
		case more == nil:
			err = fault.Invalid("field_after_file", "the part %q comes after the file; the file must be the last part", clean(next.FormName())).
				With(fault.Field{Location: "body." + clean(next.FormName()), Message: "must come before the file"})
		case !ended(more):
			err = more
		}
	}
	f.err = err
	return n, err
}

// ended reports whether NextPart has found the end of the form; where the form
// broke off it wraps io.EOF.
func ended(err error) bool {
	return err == io.EOF //nolint:errorlint // a wrapped one means the contrary
}

// arriving is the body of an upload: at most so long, and never silent for
// longer than so.
type arriving struct {
	body     io.ReadCloser
	left     int64
	idle     time.Duration
	control  *http.ResponseController
	tooLarge *fault.Error
	err      error // the first that was not the end
}

// Read implements io.Reader.
func (a *arriving) Read(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	if a.left <= 0 {
		// One more byte tells whether there is more than the limit.
		p = p[:min(1, len(p))]
	} else if int64(len(p)) > a.left {
		p = p[:a.left]
	}
	_ = a.control.SetReadDeadline(time.Now().Add(a.idle)) // not every writer has deadlines
	n, err := a.body.Read(p)
	if n > 0 && a.left <= 0 {
		a.err = a.tooLarge
		return 0, a.err
	}
	a.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		a.err = err
	}
	return n, err
}

// Close implements io.Closer.
func (a *arriving) Close() error { return a.body.Close() }

// end bounds what the server still reads of the body.
func (a *arriving) end() { _ = a.control.SetReadDeadline(time.Now().Add(linger)) }

// explain finds the reason why the form could not be read.
func (a *arriving) explain(err error) error {
	switch _, known := fault.As(err); {
	case a.err != nil:
		if _, known := fault.As(a.err); known {
			return a.err
		}
		return unreadable(a.err)
	case known:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return malformed("malformed_form", "the form broke off before its end")
	default:
		return malformed("malformed_form", "the form cannot be read")
	}
}
