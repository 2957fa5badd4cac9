package httpapi

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/upload"
)

// UploadRegister keeps uploads that can go on after a break. Another tenant's
// upload is not found.
type UploadRegister interface {
	MaxSize() int64
	Create(ctx context.Context, u dataset.Upload, metadata map[string]string, size int64) (up *upload.Upload, created bool, err error)
	// Known returns nil when the tenant has the upload.
	Known(ctx context.Context, tenant, id string) error
	// Get also finishes what is whole.
	Get(ctx context.Context, tenant, id string) (*upload.Upload, error)
	List(ctx context.Context, tenant, cursor string, limit int) (store.Page[*upload.Upload], error)
}

// Presigner keeps uploads whose bytes clients send to the file store themselves.
type Presigner interface {
	Presign(ctx context.Context, f upload.File) (up *upload.Upload, created bool, err error)
	Addresses(ctx context.Context, tenant, id string, parts []upload.Part) ([]upload.Address, error)
	Arrived(ctx context.Context, tenant, id string, after, limit int) (up *upload.Upload, parts []upload.Part, more bool, err error)
	Complete(ctx context.Context, tenant, id string, parts []upload.Part) (up *upload.Upload, replayed bool, err error)
	GiveUp(ctx context.Context, tenant, id string) error
}

// Uploads is what the API needs to know about uploads.
type Uploads interface {
	UploadRegister
	Presigner
	Append(ctx context.Context, up *upload.Upload, offset int64, r io.Reader) (int64, error)
	Finish(ctx context.Context, up *upload.Upload) (*upload.Upload, error)
	Terminate(ctx context.Context, up *upload.Upload) error
}

// UploadLocks lets one request at a time work at an upload.
type UploadLocks interface {
	NewLock(id string) *upload.Lock
}

// Upload is an upload as a client sees it.
type Upload struct {
	ID        string      `json:"id" pattern:"^upl_[0-9a-f]{32}$"`
	State     string      `json:"state" enum:"open,finished" doc:"open: more may arrive; finished: it is a data set"`
	Way       string      `json:"way" enum:"resumable,presigned" doc:"resumable: its bytes come to the API, by the protocol tus; presigned: in parts to the file storage, at addresses that the API signs"`
	Name      string      `json:"name" doc:"Of the data set; empty: the file's"`
	Filename  string      `json:"filename" example:"customers.csv"`
	Size      int64       `json:"size" doc:"Bytes of the whole file"`
	Offset    *int64      `json:"offset,omitempty" doc:"Bytes that have arrived, of parts those before the first that is missing; not in lists"`
	PartBytes int64       `json:"part_bytes,omitempty" doc:"Of every part but the last; of presigned ones"`
	DatasetID string      `json:"dataset_id,omitempty" doc:"Present when it is finished"`
	JobID     string      `json:"job_id,omitempty" doc:"The ingest job; present when it is finished"`
	User      string      `json:"user" doc:"Who began it"`
	CreatedAt time.Time   `json:"created_at"`
	ExpiresAt time.Time   `json:"expires_at" doc:"When it is forgotten, and what has arrived of it; later as long as bytes arrive"`
	Links     UploadLinks `json:"links"`
}

// UploadLinks are the addresses around an upload.
type UploadLinks struct {
	Self    string `json:"self"`
	Dataset string `json:"dataset,omitempty" doc:"Present when it is finished"`
	Job     string `json:"job,omitempty" doc:"The ingest job; present when it is finished"`
}

// UploadRef names an upload in a path.
type UploadRef struct {
	ID string `path:"id" pattern:"^upl_[0-9a-f]{32}$" patternDescription:"an upload's identifier, upl_ and 32 hexadecimal digits" doc:"The upload's identifier" example:"upl_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
}

type uploadOutput struct{ Body Upload }

func viewUpload(up *upload.Upload) Upload {
	v := Upload{
		ID: up.ID, State: string(up.State), Way: wayOf(up), Name: up.Name, Filename: up.Filename, Size: up.Size, PartBytes: up.PartSize, User: up.User,
		CreatedAt: up.CreatedAt, ExpiresAt: up.ExpiresAt, Links: UploadLinks{Self: uploadPath(up.ID)},
	}
	if up.State == upload.Finished {
		v.DatasetID, v.JobID = up.DatasetID, up.JobID
		v.Links.Dataset, v.Links.Job = root+"/datasets/"+up.DatasetID, jobPath(up.JobID)
	}
	return v
}

// The ways of uploads, as clients see them.
const (
	wayResumable = "resumable"
	wayPresigned = "presigned"
)

func wayOf(up *upload.Upload) string {
	if up.Way == upload.Presigned {
		return wayPresigned
	}
	return wayResumable
}

func uploadPath(id string) string { return root + "/uploads/" + id }

// registerUploads adds the resumable uploads: the protocol tus, whose requests
// have no JSON, and what says how an upload stands.
func (s *server) registerUploads(e *echo.Echo) error {
	tus, err := s.newTus()
	if err != nil {
		return err
	}
	e.Match([]string{http.MethodPost, http.MethodOptions}, root+"/uploads", tus.serve)
	e.Match([]string{http.MethodPost, http.MethodHead, http.MethodPatch, http.MethodDelete, http.MethodOptions}, root+"/uploads/:id", tus.serve)
	register(s, operation(tagUploads, "GET /uploads", "list-uploads", "List unfinished uploads",
		`The newest first, so that one can go on that was broken off.`), func(ctx context.Context, in *struct{ Paging }) (*pageOutput[Upload], error) {
		page, err := s.resumable.List(ctx, callerOf(ctx).Tenant, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return pageOf(ctx, page.Items, page.Next, viewUpload), nil
	})
	register(s, operation(tagUploads, "GET /uploads/{id}", "get-upload", "Look at an upload",
		`How much of it has arrived, and what became of it. Looking at one of which everything has arrived finishes it, if the process that should have done so is gone.`,
		http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests),
		func(ctx context.Context, in *UploadRef) (*uploadOutput, error) {
			up, err := s.resumable.Get(ctx, callerOf(ctx).Tenant, in.ID)
			if err != nil {
				return nil, err
			}
			out := &uploadOutput{Body: viewUpload(up)}
			out.Body.Offset = &up.Offset
			return out, nil
		})
	s.describeTus()
	s.registerPresign()
	return nil
}

// The headers of tus.
const (
	headerTus        = "Tus-Resumable"
	headerLength     = "Upload-Length"
	headerOffset     = "Upload-Offset"
	headerMetadata   = "Upload-Metadata"
	headerDefer      = "Upload-Defer-Length"
	headerConcat     = "Upload-Concat"
	headerChecksum   = "Upload-Checksum"
	headerExpires    = "Upload-Expires"
	headerDataset    = "X-Narrative-Dataset"
	headerJob        = "X-Narrative-Job"
	headerOverride   = "X-HTTP-Method-Override"
	contentOffset    = "application/offset+octet-stream"
	tusVersion       = "1.0.0"
	tusExtensions    = "creation,creation-with-upload,termination,expiration"
	maxMetadataValue = maxAfterBytes
)

// describeTus adds the requests of tus to the document; huma does not route them.
func (s *server) describeTus() {
	text := func(description, example string) *huma.Param {
		return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
	}
	header := func(name, description, example string, required bool) *huma.Param {
		return &huma.Param{Name: name, In: "header", Description: description, Required: required, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
	}
	version := header(headerTus, "The version of the protocol", tusVersion, true)
	id := &huma.Param{
		Name: "id", In: "path", Required: true, Description: "The upload's identifier", Example: exampleUploadID,
		Schema: &huma.Schema{Type: huma.TypeString, Pattern: "^upl_[0-9a-f]{32}$"},
	}
	made := func() map[string]*huma.Param {
		return map[string]*huma.Param{
			headerTus:     text("The version of the protocol", tusVersion),
			headerOffset:  text("Bytes that have arrived", "1048576"),
			headerExpires: text("When it is forgotten, unless more arrives", "Mon, 02 Jun 2025 09:00:00 GMT"),
			headerDataset: text("The data set; when everything has arrived", exampleDatasetID),
			headerJob:     text("The ingest job; when everything has arrived", exampleJobID),
		}
	}
	idempotency, _ := reflect.TypeFor[Idempotency]().FieldByName("Key")
	create := operation(tagUploads, "POST /uploads", "create-upload", "Begin an upload",
		`The creation of tus 1.0 (https://tus.io). Send no body, or the first bytes as `+contentOffset+`. Upload-Metadata has pairs of a name and a value in Base64, with commas between them: filename, and every field that the form of an upload may have before the file; sha256, in hexadecimal, is compared by the ingest job. Send the bytes to Location by PATCH; after a break, ask by HEAD how many have arrived and go on there.`,
		http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests)
	create.Parameters = []*huma.Param{
		version, header(headerLength, "Bytes of the whole file", "104857600", true),
		header(headerMetadata, "What the file is", "filename Y3VzdG9tZXJzLmNzdg==,header dHJ1ZQ==", false),
		header("Idempotency-Key", idempotency.Tag.Get("doc"), idempotency.Tag.Get("example"), false),
	}
	created := made()
	created["Location"] = text("Where the bytes go", uploadPath(exampleUploadID))
	created["Idempotency-Replayed"] = text(`"true" when the Idempotency-Key was seen before and no new upload has begun`, "true")
	create.Responses = map[string]*huma.Response{"201": {Description: "It has begun; Location is where it is", Headers: created}}

	look := operation(tagUploads, "HEAD /uploads/{id}", "head-upload", "Ask how much has arrived",
		`Offset retrieval of tus 1.0. A request that adds to the upload is asked to end, so that the answer holds.`, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
	look.Parameters = []*huma.Param{id}
	looked := made()
	looked[headerLength] = text("Bytes of the whole file", "104857600")
	looked[headerMetadata] = text("As it was sent", "filename Y3VzdG9tZXJzLmNzdg==")
	look.Responses = map[string]*huma.Response{"200": {Description: "Here it is", Headers: looked}}

	add := operation(tagUploads, "PATCH /uploads/{id}", "append-upload", "Send bytes of the file",
		`Bytes from Upload-Offset on. What has arrived when a connection breaks is kept. When the last byte is there, the upload becomes a data set, once, and the answer names it and its ingest job. A second PATCH asks the first to end and goes on where that has come to.`,
		http.StatusNotFound, http.StatusConflict, http.StatusRequestTimeout, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests)
	add.Parameters = []*huma.Param{id, version, header(headerOffset, "Where the bytes belong: what has arrived before", "1048576", true)}
	add.RequestBody = &huma.RequestBody{Required: true, Description: "Bytes of the file", Content: map[string]*huma.MediaType{
		contentOffset: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
	add.Metadata[metaStreams] = true
	add.Responses = map[string]*huma.Response{"204": {Description: "They have arrived", Headers: made()}}

	drop := operation(tagUploads, "DELETE /uploads/{id}", "delete-upload", "Give an upload up",
		`What has arrived is deleted at once. A finished upload is a data set: delete that.`, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed)
	drop.Parameters = []*huma.Param{id, version}
	drop.Responses = map[string]*huma.Response{"204": {Description: "It is gone", Headers: map[string]*huma.Param{headerTus: made()[headerTus]}}}

	for _, op := range []huma.Operation{create, look, add, drop} {
		s.api.OpenAPI().AddOperation(&op)
	}
}

// exampleUploadID is an upload's identifier.
const exampleUploadID = "upl_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"

// uploadID checks an identifier in a path.
func uploadID(id string) error {
	rest, found := strings.CutPrefix(id, "upl_")
	const digits = 32
	if !found || len(rest) != digits || strings.Trim(rest, "0123456789abcdef") != "" {
		return fault.Invalid("invalid_request", "the path names %q; an upload's identifier is upl_ and 32 hexadecimal digits", shorten(id)).
			With(fault.Field{Location: "path.id", Message: "must be upl_ and 32 hexadecimal digits", Value: shorten(id)})
	}
	return nil
}
