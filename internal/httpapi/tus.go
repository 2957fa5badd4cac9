package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/upload"
)

// tus speaks the protocol. The library knows it; whose an upload is, where its
// bytes go and what an error looks like is decided here.
type tus struct {
	server  *server
	library *handler.UnroutedHandler
}

// Limits of waiting for others.
const (
	keepWithin = 10 * time.Second // to store what has arrived of a broken request

	finishWithin = 5 * time.Minute // for the file store to make a file of many parts
)

func (s *server) newTus() (*tus, error) {
	files := tusFiles{s.resumable}
	composer := handler.NewStoreComposer()
	composer.UseCore(files)
	composer.UseTerminater(files)
	composer.UseLocker(tusLocks{s.locks})
	library, err := handler.NewUnroutedHandler(handler.Config{
		StoreComposer: composer, BasePath: root + "/uploads/", MaxSize: s.resumable.MaxSize(),
		Cors: &handler.CorsConfig{Disable: true}, DisableDownload: true, DisableConcatenation: true,
		NetworkTimeout: s.config.IdleTimeout, AcquireLockTimeout: s.config.LockTimeout, GracefulRequestCompletionTimeout: keepWithin,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), // every request has its line already
	})
	if err != nil {
		return nil, fmt.Errorf("prepare uploads: %w", err)
	}
	return &tus{server: s, library: library}, nil
}

// tusCall is one request of the protocol.
type tusCall struct {
	caller   account.Caller
	head     http.Header       // of the answer
	file     dataset.Upload    // of a creation
	metadata map[string]string // likewise, as it was sent
	err      error             // ours: the library would not keep its kind
}

type tusCallKey struct{}

func tusCallOf(ctx context.Context) *tusCall {
	call, _ := ctx.Value(tusCallKey{}).(*tusCall)
	return call
}

// fail keeps an error for the answer, and gives the library one of its own.
func (c *tusCall) fail(err error) error {
	if err == nil {
		return nil
	}
	c.err = err
	return handler.NewError("ERR_OURS", "see the problem", http.StatusInternalServerError)
}

// show tells of the upload in the head of the answer.
func (c *tusCall) show(up *upload.Upload) {
	c.head.Set(headerExpires, up.ExpiresAt.UTC().Format(http.TimeFormat))
	if up.State == upload.Finished {
		c.head.Set(headerDataset, up.DatasetID)
		c.head.Set(headerJob, up.JobID)
	}
}

// serve answers one request.
func (t *tus) serve(c echo.Context) error {
	s, r := t.server, c.Request()
	head := c.Response().Header()
	head.Set(headerTus, tusVersion)
	if r.Method == http.MethodOptions {
		head.Set("Tus-Version", tusVersion)
		head.Set("Tus-Extension", tusExtensions)
		head.Set("Tus-Max-Size", strconv.FormatInt(s.resumable.MaxSize(), 10))
		return c.NoContent(http.StatusNoContent)
	}
	if err := s.admit(c, account.RoleAnalyst, account.RoleOperator); err != nil {
		return err
	}
	call := &tusCall{caller: exchangeOf(r.Context()).caller, head: head}
	handle, streams, err := t.choose(c, call)
	if err != nil {
		return err
	}
	if streams {
		release, err := s.uploads.acquire()
		if err != nil {
			return err
		}
		defer release()
	}
	ctx, end := t.untilDrain(context.WithValue(r.Context(), tusCallKey{}, call), c.Response())
	defer end()
	inner := r.Clone(ctx)
	inner.Header.Del(headerOverride)
	inner.URL.Path = "/" + c.Param("id")
	held := &heldWriter{ResponseWriter: c.Response(), id: c.Param("id")}
	t.library.Middleware(handle).ServeHTTP(held, inner)
	if held.status < http.StatusBadRequest {
		return nil
	}
	exchangeOf(r.Context()).allow(s.config.RequestTimeout) // the library's time may be over
	if strings.HasPrefix(held.body.String(), codeReadTimeout) && t.stopping() {
		return errStopping() // it was hurried
	}
	if call.err != nil {
		return call.err
	}
	return tusProblem(held.status, held.body.String())
}

// choose finds what is asked for and checks what the library would not.
func (t *tus) choose(c echo.Context, call *tusCall) (handle http.HandlerFunc, streams bool, err error) {
	r, id := c.Request(), c.Param("id")
	if r.Header.Get(headerChecksum) != "" { // nobody would compare it
		return nil, false, fault.Invalid("upload_checksum_unsupported", "checksums of single requests are not compared; send the SHA-256 of the whole file as sha256 in Upload-Metadata").
			With(fault.Field{Location: "header." + headerChecksum, Message: "is not supported"})
	}
	if id == "" {
		err := t.creation(r, call)
		return t.library.PostFile, r.Header.Get("Content-Type") == contentOffset, err
	}
	if err := uploadID(id); err != nil {
		return nil, false, err
	}
	if err := t.server.resumable.Known(r.Context(), call.caller.Tenant, id); err != nil {
		return nil, false, err
	}
	method := r.Method
	if method == http.MethodPost {
		method = r.Header.Get(headerOverride) // for clients that have no other methods
	}
	switch method {
	case http.MethodHead:
		return t.library.HeadFile, false, nil
	case http.MethodPatch:
		return t.library.PatchFile, true, nil
	case http.MethodDelete:
		return t.library.DelFile, false, nil
	}
	c.Response().Header().Set("Allow", "DELETE, GET, HEAD, OPTIONS, PATCH")
	return nil, false, echo.ErrMethodNotAllowed
}

// creation reads what a new upload is to become.
func (t *tus) creation(r *http.Request, call *tusCall) error {
	if r.Header.Get(headerDefer) != "" {
		return fault.Invalid("upload_length_required", "the length of the file has to be known when the upload begins; send Upload-Length").
			With(fault.Field{Location: "header." + headerDefer, Message: "is not supported"})
	}
	if r.Header.Get(headerConcat) != "" { // the library would take it for a whole file
		return fault.Invalid("upload_concat_unsupported", "uploads are not joined to one file; send the file as one upload").
			With(fault.Field{Location: "header." + headerConcat, Message: "is not supported"})
	}
	key := r.Header.Get("Idempotency-Key")
	if key != "" {
		// The answer to a repeated request says how far the upload is; bytes that
		// come with it would be in the wrong place.
		r.Header.Del("Content-Type")
	}
	metadata, err := parseMetadata(r.Header.Values(headerMetadata))
	if err != nil {
		return err
	}
	call.metadata = metadata
	fields := &uploadFields{set: setUploadField, up: dataset.Upload{Tenant: call.caller.Tenant, User: call.caller.User, IdempotencyKey: key}}
	fields.up.Filename = cleanFilename(metadata["filename"])
	for name, value := range metadata {
		if err := setMetadata(fields, name, value); err != nil {
			return inMetadata(err)
		}
	}
	call.file = fields.up
	return nil
}

// setMetadata takes over one pair of the metadata.
func setMetadata(fields *uploadFields, name, value string) error {
	switch name {
	case "filename":
		return nil
	case "filetype", "type", "relativePath": // which clients add by themselves
		return nil
	case "sha256":
		fields.up.SHA256 = value
		return nil
	}
	most := maxFieldBytes
	if name == fieldAfter {
		most = maxAfterBytes
	}
	if len(value) > most {
		return fault.Invalid("invalid_request", "the field %q must be text of at most %d bytes", clean(name), most).
			With(fault.Field{Location: "body." + clean(name), Message: "must be short text"})
	}
	return setUploadField(fields, name, value)
}

// inMetadata says that the places of an error are in the metadata, not in a form.
func inMetadata(err error) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	moved := *f
	moved.Message = strings.Replace(f.Message, "the form has", "the metadata has", 1)
	moved.Fields = nil
	for _, field := range f.Fields {
		field.Location = "header." + headerMetadata + strings.TrimPrefix(field.Location, "body")
		moved.Fields = append(moved.Fields, field)
	}
	return &moved
}

// parseMetadata reads the pairs of a header; unlike the library it passes over
// nothing that it cannot read.
func parseMetadata(headers []string) (map[string]string, error) {
	bad := func(format string, args ...any) error {
		return fault.Invalid("invalid_upload_metadata", "Upload-Metadata "+format+"; send names and values in Base64, with a space between the two and commas between the pairs", args...).
			With(fault.Field{Location: "header." + headerMetadata, Message: "cannot be read"})
	}
	if len(headers) > 1 {
		return nil, bad("is given %d times", len(headers))
	}
	metadata := map[string]string{}
	if len(headers) == 0 || strings.TrimSpace(headers[0]) == "" {
		return metadata, nil
	}
	for pair := range strings.SplitSeq(headers[0], ",") {
		name, encoded, _ := strings.Cut(strings.TrimSpace(pair), " ")
		value, err := base64.StdEncoding.DecodeString(encoded)
		switch _, twice := metadata[name]; {
		case name == "":
			return nil, bad("has a pair without a name")
		case twice:
			return nil, bad("names %q twice", shorten(name))
		case err != nil:
			return nil, bad("has a value of %q that is not Base64", shorten(name))
		case !utf8.Valid(value) || len(value) > maxMetadataValue:
			return nil, bad("has a value of %q that is not short text", shorten(name))
		}
		metadata[name] = string(value)
	}
	return metadata, nil
}

// heldWriter keeps back the answers of the library that are errors, so that they
// become problems.
type heldWriter struct {
	http.ResponseWriter
	id     string // of the upload; empty: it begins
	status int
	body   strings.Builder
}

// Unwrap lets the library set deadlines.
func (w *heldWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *heldWriter) WriteHeader(status int) {
	w.status = status
	head := w.Header()
	if status >= http.StatusBadRequest {
		head.Del("Content-Length")
		head.Del("Content-Type")
		return
	}
	if at := head.Get("Location"); at != "" { // absolute, by the server's own view of its address
		head.Set("Location", uploadPath(at[strings.LastIndexByte(at, '/')+1:]))
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *heldWriter) Write(p []byte) (int, error) {
	if w.status >= http.StatusBadRequest {
		return w.body.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

const codeReadTimeout = "ERR_READ_TIMEOUT"

// tusProblem is what an error of the library means. Its text begins with a code;
// the answer to HEAD has none, and can only be that of a lock or of ours.
func tusProblem(status int, text string) error {
	code, said, _ := strings.Cut(strings.TrimSpace(text), ": ")
	header := func(name, message string) fault.Field {
		return fault.Field{Location: "header." + name, Message: message}
	}
	switch code {
	case "ERR_UNSUPPORTED_VERSION":
		p := newProblem(fault.ClassInvalid, "tus_version_unsupported", "The header Tus-Resumable must be "+tusVersion+".")
		p.Status = status
		return p
	case "ERR_MAX_SIZE_EXCEEDED", "ERR_UPLOAD_SIZE_EXCEEDED":
		return fault.TooLarge("upload_too_large", "there are more bytes than the upload may have").With(header(headerLength, "says how many there may be"))
	case "ERR_INVALID_CONTENT_TYPE":
		return fault.New(fault.ClassUnsupported, "unsupported_media_type", "the body's media type must be "+contentOffset)
	case "ERR_INVALID_UPLOAD_LENGTH", "ERR_NOT_IMPLEMENTED":
		return fault.Invalid("invalid_upload_length", "Upload-Length must be the number of bytes of the file, and comes with the creation alone").With(header(headerLength, "must be a number"))
	case "ERR_INVALID_OFFSET":
		return fault.Invalid("invalid_upload_offset", "Upload-Offset must be a number of bytes").With(header(headerOffset, "must be a number"))
	case "ERR_MISMATCHED_OFFSET":
		return errOffset()
	case "ERR_UPLOAD_INTERRUPTED":
		return fault.Conflict("upload_interrupted", "another request goes on with this upload; ask where it is")
	case "ERR_SERVER_SHUTDOWN":
		return errStopping()
	case codeReadTimeout:
		return unreadable(idleError{})
	case "ERR_UNEXPECTED_EOF", "ERR_CONNECTION_RESET":
		return unreadable(io.ErrUnexpectedEOF)
	}
	if status < http.StatusInternalServerError {
		return malformed("bad_request", "the request cannot be answered: %s", said)
	}
	return fmt.Errorf("upload: %d %s", status, text)
}

func errOffset() error {
	return fault.Conflict("offset_moved", "the upload is not at this Upload-Offset; ask where it is").
		With(fault.Field{Location: "header." + headerOffset, Message: "is not what has arrived"})
}

// idleError is a client that has stopped sending.
type idleError struct{}

func (idleError) Error() string   { return "the body stands still" }
func (idleError) Timeout() bool   { return true }
func (idleError) Temporary() bool { return true }

// tusFiles is where the library puts bytes.
type tusFiles struct{ uploads Uploads }

var (
	_ handler.DataStore           = tusFiles{}
	_ handler.TerminaterDataStore = tusFiles{}
)

// NewUpload implements handler.DataStore.
func (f tusFiles) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	call := tusCallOf(ctx)
	up, created, err := f.uploads.Create(ctx, call.file, call.metadata, info.Size)
	if err != nil {
		return nil, call.fail(err)
	}
	if !created {
		call.head.Set("Idempotency-Replayed", "true")
	}
	call.show(up)
	return &tusUpload{uploads: f.uploads, call: call, record: up}, nil
}

// GetUpload implements handler.DataStore.
func (f tusFiles) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	call := tusCallOf(ctx)
	up, err := f.uploads.Get(ctx, call.caller.Tenant, id)
	if err != nil {
		return nil, call.fail(err)
	}
	if up.Way == upload.Presigned {
		return nil, call.fail(fault.Conflict("upload_presigned", "the bytes of this upload go to the file storage, in parts; ask for their addresses at %s/parts", presignPath(id)))
	}
	call.show(up)
	return &tusUpload{uploads: f.uploads, call: call, record: up}, nil
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (tusFiles) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload {
	up, _ := u.(*tusUpload)
	return up
}

// tusUpload is one upload for the time of a request.
type tusUpload struct {
	uploads Uploads
	call    *tusCall
	record  *upload.Upload
}

var (
	_ handler.Upload             = (*tusUpload)(nil)
	_ handler.TerminatableUpload = (*tusUpload)(nil)
)

// GetInfo implements handler.Upload.
func (u *tusUpload) GetInfo(context.Context) (handler.FileInfo, error) {
	return handler.FileInfo{
		ID: u.record.ID, Size: u.record.Size, Offset: u.record.Offset, MetaData: maps.Clone(u.record.Sent),
	}, nil
}

// WriteChunk implements handler.Upload.
func (u *tusUpload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	n, err := u.uploads.Append(ctx, u.record, offset, src)
	if err != nil {
		return n, u.call.fail(err)
	}
	u.call.show(u.record)
	return n, nil
}

// FinishUpload implements handler.Upload.
func (u *tusUpload) FinishUpload(ctx context.Context) error {
	exchangeOf(ctx).allow(finishWithin)
	up, err := u.uploads.Finish(ctx, u.record)
	if err != nil {
		return u.call.fail(err)
	}
	u.record = up
	u.call.show(up)
	return nil
}

// Terminate implements handler.TerminatableUpload.
func (u *tusUpload) Terminate(ctx context.Context) error {
	if err := u.uploads.Terminate(ctx, u.record); err != nil {
		return u.call.fail(err)
	}
	u.call.head.Del(headerExpires)
	return nil
}

// GetReader implements handler.Upload. Nothing is downloaded from an upload.
func (*tusUpload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, errors.New("httpapi: an upload is not read")
}

// tusLocks are the locks as the library takes them.
type tusLocks struct{ locks UploadLocks }

var _ handler.Locker = tusLocks{}

// NewLock implements handler.Locker.
func (l tusLocks) NewLock(id string) (handler.Lock, error) { return tusLock{l.locks.NewLock(id)}, nil }

type tusLock struct{ held *upload.Lock }

// Lock implements handler.Lock.
func (l tusLock) Lock(ctx context.Context, requestUnlock func()) error {
	if err := l.held.Lock(ctx, requestUnlock); err != nil {
		return tusCallOf(ctx).fail(err)
	}
	return nil
}

// Unlock implements handler.Lock.
func (l tusLock) Unlock() error {
	return l.held.Unlock() //nolint:wrapcheck // it says what it is about
}
