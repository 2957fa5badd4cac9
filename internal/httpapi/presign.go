package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/upload"
)

// PresignRequest describes a file that its client sends to the file storage.
type PresignRequest struct {
	Filename    string `json:"filename" minLength:"1" maxLength:"1024" doc:"The file's name; folders before it are dropped" example:"customers.csv"`
	Bytes       int64  `json:"bytes" doc:"Of the whole file. It is signed: nothing longer or shorter is taken" example:"48211"`
	Name        string `json:"name,omitempty" maxLength:"200" doc:"A name for the data set; default: the file's"`
	ContentType string `json:"content_type,omitempty" maxLength:"200" doc:"Media type of the file; default: application/octet-stream" example:"text/csv"`
	SHA256      string `json:"sha256,omitempty" maxLength:"64" doc:"Of the file, 64 hexadecimal digits. The ingest job compares it; of a file of one part the file storage does, too"`
	MD5         string `json:"md5,omitempty" maxLength:"32" doc:"Of a file of one part, 32 hexadecimal digits: the file storage takes nothing else"`
	CRC32       string `json:"crc32,omitempty" maxLength:"8" doc:"Of a file of one part, 8 hexadecimal digits, instead of sha256"`
	FileFormat
	job.Order
}

// PresignedUpload is an upload whose parts go to the file storage.
type PresignedUpload struct {
	UploadID  string        `json:"upload_id" pattern:"^upl_[0-9a-f]{32}$"`
	State     string        `json:"state" enum:"open,finished" doc:"finished: the upload was completed before, by a request with the same Idempotency-Key"`
	Bytes     int64         `json:"bytes" doc:"Of the whole file"`
	PartBytes int64         `json:"part_bytes" doc:"Of every part but the last, which may be shorter"`
	PartCount int           `json:"part_count"`
	Parts     []PartAddress `json:"parts" nullable:"false" doc:"Where the first parts go, at most ten; ask for the others by POST /datasets/presign/{id}/parts"`
	DatasetID string        `json:"dataset_id,omitempty" doc:"Present when it is finished"`
	JobID     string        `json:"job_id,omitempty" doc:"The ingest job; present when it is finished"`
	ExpiresAt time.Time     `json:"expires_at" doc:"When the upload is given up; later with every time that addresses are asked for"`
	Links     PresignLinks  `json:"links"`
}

// PresignLinks are the addresses around a presigned upload.
type PresignLinks struct {
	Self     string `json:"self" doc:"How the upload stands; DELETE gives it up at /datasets/presign/{id}"`
	Parts    string `json:"parts" doc:"GET: what has arrived; POST: addresses"`
	Complete string `json:"complete"`
}

// PartAddress is where a part goes.
type PartAddress struct {
	Number    int               `json:"number" doc:"From 1"`
	Bytes     int64             `json:"bytes" doc:"Of the part, from part_bytes times (number - 1) on. It is signed"`
	Method    string            `json:"method" enum:"PUT"`
	URL       string            `json:"url" doc:"Where the bytes go, without the token of the API. Whoever has the address can send this part, and do nothing else"`
	Headers   map[string]string `json:"headers" nullable:"false" doc:"That the request has to carry, beside its Content-Length"`
	ExpiresAt time.Time         `json:"expires_at" doc:"Until when sending may begin; ask for another address then"`
}

// PartsRequest asks for the addresses of parts.
type PartsRequest struct {
	Parts []PartRequest `json:"parts" minItems:"1" maxItems:"100" nullable:"false"`
}

// PartRequest names a part.
type PartRequest struct {
	Number int    `json:"number" minimum:"1" maximum:"10000"`
	MD5    string `json:"md5,omitempty" maxLength:"32" doc:"Of the part, 32 hexadecimal digits: the file storage takes nothing else"`
}

// PartAddresses are where parts go.
type PartAddresses struct {
	Parts []PartAddress `json:"parts" nullable:"false"`
}

// ArrivedParts are the parts of an upload that lie in the file storage.
type ArrivedParts struct {
	Items     []ArrivedPart `json:"items" nullable:"false" doc:"By their numbers"`
	NextAfter int           `json:"next_after,omitempty" doc:"Send it as after for the next parts; missing at the end"`
	Finished  bool          `json:"finished" doc:"The upload was completed: everything is there, and no part is listed"`
}

// ArrivedPart is one of them.
type ArrivedPart struct {
	Number int    `json:"number"`
	Bytes  int64  `json:"bytes"`
	ETag   string `json:"etag" doc:"As the file storage answered it, without quotes"`
}

// CompleteRequest says which parts were sent.
type CompleteRequest struct {
	Parts []SentPart `json:"parts,omitempty" maxItems:"10000" nullable:"false" doc:"May be left out. A part that is named must lie there as it was sent"`
}

// SentPart is a part that a client has sent.
type SentPart struct {
	Number int    `json:"number" minimum:"1" maximum:"10000"`
	ETag   string `json:"etag" minLength:"1" maxLength:"200" doc:"Of the answer to its PUT"`
}

type presignInput struct {
	Idempotency
	Body PresignRequest
}

type presignOutput struct {
	Location string `header:"Location" doc:"Where the upload is" example:"/api/v1/uploads/upl_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
	Replayed string `header:"Idempotency-Replayed" doc:"\"true\" when the Idempotency-Key was seen before and no new upload has begun" enum:"true"`
	Body     PresignedUpload
}

type partsInput struct {
	UploadRef
	Body PartsRequest
}

type partsOutput struct{ Body PartAddresses }

type arrivedInput struct {
	UploadRef
	After int `query:"after" minimum:"0" maximum:"10000" default:"0" doc:"Parts behind this number"`
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"How many at most"`
}

type arrivedOutput struct{ Body ArrivedParts }

type completeInput struct {
	UploadRef
	Body *CompleteRequest
}

func presignPath(id string) string { return root + "/datasets/presign/" + id }

// registerPresign adds the uploads that go past the API.
func (s *server) registerPresign() {
	begin := operation(tagUploads, "POST /datasets/presign", "presign-upload", "Begin an upload to the file storage",
		`The answer says where to PUT the bytes of the file: straight to the file storage, in parts, at addresses that are good for a short time. A file of at most part_bytes is one part. Then complete the upload, and it becomes a data set as every other does. Where clients do not reach the file storage this is refused (presign_needs_s3): send the file to the API.`,
		http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests)
	begin.DefaultStatus = http.StatusCreated
	register(s, begin, s.presign)
	register(s, operation(tagUploads, "POST /datasets/presign/{id}/parts", "presign-parts", "Ask where parts go",
		`Addresses of up to 100 parts; also of ones that have arrived, which are replaced.`, http.StatusNotFound, http.StatusConflict), s.presignParts)
	register(s, operation(tagUploads, "GET /datasets/presign/{id}/parts", "get-upload-parts", "List the parts that have arrived",
		`So that an upload goes on after a break: send the others.`, http.StatusNotFound, http.StatusConflict), s.arrivedParts)
	register(s, accepted(operation(tagUploads, "POST /datasets/presign/{id}/complete", "complete-upload", "Complete an upload to the file storage",
		`The parts that lie there become the file, and the file a data set with its ingest job, once, however often this is asked. While parts are missing it is refused (file_incomplete), and names them; a part that is not the one that was sent is told (part_changed). When a part has another length than was agreed the upload is given up (upload_size_mismatch).`,
		http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests)), s.completeUpload)
	drop := operation(tagUploads, "DELETE /datasets/presign/{id}", "abandon-upload", "Give up an upload to the file storage",
		`What has arrived is deleted at once, and its addresses lead nowhere. A finished upload is a data set: delete that.`, http.StatusNotFound, http.StatusConflict)
	drop.DefaultStatus = http.StatusNoContent
	register(s, drop, func(ctx context.Context, in *UploadRef) (*struct{}, error) {
		return nil, s.holding(ctx, in.ID, func(ctx context.Context) error {
			return s.resumable.GiveUp(ctx, callerOf(ctx).Tenant, in.ID)
		})
	})
}

func (s *server) presign(ctx context.Context, in *presignInput) (*presignOutput, error) {
	caller, r := callerOf(ctx), in.Body
	up, created, err := s.resumable.Presign(ctx, upload.File{
		Upload: dataset.Upload{
			Tenant: caller.Tenant, User: caller.User, Name: r.Name, Filename: cleanFilename(r.Filename), IdempotencyKey: in.Key,
			Options: r.options(), Priority: r.Priority, After: r.After, SHA256: r.SHA256,
		},
		Size: r.Bytes, ContentType: r.ContentType, MD5: r.MD5, CRC32: r.CRC32,
	})
	if err != nil {
		return nil, err
	}
	out := &presignOutput{Location: uploadPath(up.ID), Body: viewPresigned(up)}
	if !created {
		out.Replayed = "true"
	}
	if up.State == upload.Finished {
		return out, nil
	}
	addresses, err := s.resumable.Addresses(ctx, caller.Tenant, up.ID, upload.FirstParts(up))
	if err != nil {
		return nil, err
	}
	out.Body.Parts = viewAddresses(addresses)
	return out, nil
}

func viewPresigned(up *upload.Upload) PresignedUpload {
	v := PresignedUpload{
		UploadID: up.ID, State: string(up.State), Bytes: up.Size, PartBytes: up.PartSize, PartCount: up.Parts(), Parts: []PartAddress{}, ExpiresAt: up.ExpiresAt,
		Links: PresignLinks{Self: uploadPath(up.ID), Parts: presignPath(up.ID) + "/parts", Complete: presignPath(up.ID) + "/complete"},
	}
	if up.State == upload.Finished {
		v.DatasetID, v.JobID = up.DatasetID, up.JobID
	}
	return v
}

func viewAddresses(addresses []upload.Address) []PartAddress {
	out := make([]PartAddress, len(addresses))
	for i, a := range addresses {
		out[i] = PartAddress{Number: a.Part.Number, Bytes: a.Part.Size, Method: http.MethodPut, URL: a.URL, Headers: a.Headers, ExpiresAt: a.ExpiresAt}
	}
	return out
}

func (s *server) presignParts(ctx context.Context, in *partsInput) (*partsOutput, error) {
	parts := make([]upload.Part, len(in.Body.Parts))
	for i, p := range in.Body.Parts {
		parts[i] = upload.Part{Number: p.Number, MD5: p.MD5}
	}
	addresses, err := s.resumable.Addresses(ctx, callerOf(ctx).Tenant, in.ID, parts)
	if err != nil {
		return nil, err
	}
	return &partsOutput{Body: PartAddresses{Parts: viewAddresses(addresses)}}, nil
}

func (s *server) arrivedParts(ctx context.Context, in *arrivedInput) (*arrivedOutput, error) {
	up, parts, more, err := s.resumable.Arrived(ctx, callerOf(ctx).Tenant, in.ID, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &arrivedOutput{Body: ArrivedParts{Items: make([]ArrivedPart, len(parts)), Finished: up.State == upload.Finished}}
	for i, p := range parts {
		out.Body.Items[i] = ArrivedPart{Number: p.Number, Bytes: p.Size, ETag: p.ETag}
	}
	if more {
		out.Body.NextAfter = parts[len(parts)-1].Number
	}
	return out, nil
}

func (s *server) completeUpload(ctx context.Context, in *completeInput) (*acceptedOutput, error) {
	caller := callerOf(ctx)
	var parts []upload.Part
	if in.Body != nil {
		for _, p := range in.Body.Parts {
			parts = append(parts, upload.Part{Number: p.Number, ETag: p.ETag})
		}
	}
	// A file of many parts takes the file storage its time, and is finished though
	// the client has gone.
	exchangeOf(ctx).allow(finishWithin)
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	var out *acceptedOutput
	err := s.holding(whole, in.ID, func(ctx context.Context) error {
		up, replayed, err := s.resumable.Complete(ctx, caller.Tenant, in.ID, parts)
		if err != nil {
			return err
		}
		j, err := s.jobs.Get(ctx, caller.Tenant, up.JobID)
		if err != nil {
			return err
		}
		out = acceptedJob(ctx, j, !replayed)
		out.Body.DatasetID = up.DatasetID
		return nil
	})
	return out, err
}

// holding does something while no other request works at the upload.
func (s *server) holding(ctx context.Context, id string, do func(context.Context) error) (err error) {
	if err := s.resumable.Known(ctx, callerOf(ctx).Tenant, id); err != nil {
		return err // nobody asks a stranger's request to let go
	}
	lock := s.locks.NewLock(id)
	waiting, cancel := context.WithTimeout(ctx, s.config.LockTimeout)
	err = lock.Lock(waiting, func() {}) // what is done here is short, or cannot be left half done
	cancel()
	if err != nil {
		return err
	}
	defer func() {
		if rest := lock.Unlock(); rest != nil && err == nil && fault.ClassOf(rest) != fault.ClassUnavailable {
			err = rest // else its time ends by itself
		}
	}()
	return do(ctx)
}
