package upload

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
)

// Direct lets clients send the parts of a file to the file store themselves. Its
// files become whole as those of Files do.
type Direct interface {
	// DirectPart is how long the parts of a file of that size are.
	DirectPart(size int64) (int64, error)
	// AssembleDirect begins a file, of which parts may carry the checksum sum:
	// "sha256", "crc32" or none.
	AssembleDirect(ctx context.Context, key, contentType string, size int64, sum string) (token string, err error)
	// PresignPart returns where a client sends a part, and the headers that go with
	// it. The sums, in hexadecimal, are what the part must have.
	PresignPart(ctx context.Context, key, token string, number int, sums map[string]string, ttl time.Duration) (address string, headers map[string]string, err error)
	// EachPart calls fn for the parts behind the number that are there, or says
	// that the whole file has appeared.
	EachPart(ctx context.Context, key, token string, after int, fn func(number int, size int64, etag string) bool) (whole bool, err error)
}

// The checksums that the file store compares.
const (
	sumMD5    = "md5"
	sumSHA256 = "sha256"
	sumCRC32  = "crc32"
)

// File is a file that a client wants to send to the file store itself.
type File struct {
	dataset.Upload

	Size        int64
	ContentType string // empty: any bytes
	MD5         string // in hexadecimal, of a file of one part; empty: not said
	CRC32       string // likewise
}

// Part is a part of a presigned upload.
type Part struct {
	Number int // from 1
	Size   int64
	MD5    string // that it must have, in hexadecimal; empty: any
	ETag   string // that the file store gave it; empty: not known
}

// Address is where a client sends a part, by PUT.
type Address struct {
	Part      Part
	URL       string
	Headers   map[string]string
	ExpiresAt time.Time
}

// Presign begins an upload whose parts the client sends to the file store. A
// repeated idempotency key is as with Create.
func (s *Service) Presign(ctx context.Context, f File) (up *Upload, created bool, err error) {
	if s.direct == nil {
		return nil, false, fault.Conflict("presign_needs_s3", "the file storage of this installation is not reached by clients, so that no address of it would work; send the file to the API, by the protocol tus or as a form")
	}
	if err := s.admit(ctx, f.Upload, f.Size, "body.bytes"); err != nil {
		return nil, false, err
	}
	if err := f.check(); err != nil {
		return nil, false, err
	}
	up = s.draft(f.Upload, f.Size)
	up.Way, up.MD5, up.CRC32 = Presigned, f.MD5, f.CRC32
	if f.ContentType != "" {
		up.ContentType = f.ContentType
	}
	if up.PartSize, err = s.direct.DirectPart(f.Size); err != nil {
		return nil, false, fmt.Errorf("plan upload %s: %w", up.ID, err)
	}
	if up.Parts() > 1 && (up.MD5 != "" || up.CRC32 != "") {
		return nil, false, fault.Invalid("checksum_of_parts", "a file of %d bytes is sent in %d parts, and no %s of the whole file is compared then; give the md5 of each part, or the sha256 of the file", up.Size, up.Parts(), firstOf(up)).
			With(fault.Field{Location: "body." + firstOf(up), Message: fmt.Sprintf("is for files of at most %d bytes", up.PartSize)})
	}
	return s.begin(ctx, up, func() (string, error) {
		return s.direct.AssembleDirect(ctx, up.key(), up.ContentType, up.Size, up.sum())
	})
}

// firstOf is the checksum that a file of several parts cannot have.
func firstOf(up *Upload) string {
	if up.MD5 != "" {
		return sumMD5
	}
	return sumCRC32
}

// sum is the checksum, beside an MD5, that the one part carries.
func (u *Upload) sum() string {
	switch {
	case u.Parts() > 1:
		return ""
	case u.SHA256 != "":
		return sumSHA256
	case u.CRC32 != "":
		return sumCRC32
	default:
		return ""
	}
}

const (
	maxContentType = 200
	md5Size        = 16
	crc32Size      = 4
)

// check refuses what cannot be said of a file.
func (f File) check() error {
	if f.CRC32 != "" && f.SHA256 != "" {
		return fault.Invalid("too_many_checksums", "both sha256 and crc32 are given; the file storage compares one of them").
			With(fault.Field{Location: "body.crc32", Message: "leave it out, or sha256"})
	}
	if err := checkSum("body.md5", f.MD5, md5Size); err != nil {
		return err
	}
	if err := checkSum("body.crc32", f.CRC32, crc32Size); err != nil {
		return err
	}
	if f.ContentType == "" {
		return nil
	}
	kind, _, err := mime.ParseMediaType(f.ContentType)
	if err != nil || !strings.Contains(kind, "/") || len(f.ContentType) > maxContentType || strings.ContainsFunc(f.ContentType, notPrinted) {
		return fault.Invalid("invalid_content_type", "the content type %.60q is none; it must be like text/csv", f.ContentType).
			With(fault.Field{Location: "body.content_type", Message: "must be a media type such as text/csv"})
	}
	return nil
}

// notPrinted reports whether the rune cannot be in a header.
func notPrinted(r rune) bool { return r < ' ' || r > '~' }

// checkSum refuses what is no checksum of so many bytes.
func checkSum(where, sum string, size int) error {
	raw, err := hex.DecodeString(sum)
	if sum == "" || err == nil && len(raw) == size && strings.ToLower(sum) == sum {
		return nil
	}
	_, name, _ := strings.Cut(where, ".")
	return fault.Invalid("invalid_checksum", "%s is %.80q; it must be %d hexadecimal digits in lower case", name, sum, 2*size).
		With(fault.Field{Location: where, Message: fmt.Sprintf("must be %d hexadecimal digits", 2*size)})
}

// presigned returns the tenant's upload, which has to be a presigned one.
func (s *Service) presigned(ctx context.Context, tenant, id string) (*Upload, error) {
	up, err := s.find(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if up.Way != Presigned {
		return nil, fault.Conflict("upload_not_presigned", "the upload %s did not begin as a presigned one; send its bytes to the API by PATCH", id)
	}
	if s.direct == nil {
		return nil, fault.Conflict("presign_needs_s3", "the file storage of this installation is not reached by clients any more; delete the upload and send the file to the API")
	}
	return up, nil
}

// MaxAddresses is how many addresses are given at a time.
const MaxAddresses = 100

// First is how many addresses of an upload are given before any was asked for.
const First = 10

// FirstParts are the first parts of an upload.
func FirstParts(up *Upload) []Part {
	parts := make([]Part, min(up.Parts(), First))
	for i := range parts {
		parts[i].Number = i + 1
	}
	return parts
}

// Addresses returns where the client sends the parts, of which only number and
// MD5 are looked at. It keeps the upload for longer.
func (s *Service) Addresses(ctx context.Context, tenant, id string, parts []Part) ([]Address, error) {
	up, err := s.presigned(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if up.State == Finished {
		return nil, fault.Conflict("upload_finished", "the upload is finished; it is the data set %s", up.DatasetID)
	}
	if len(parts) > MaxAddresses {
		return nil, fault.Invalid("too_many_parts", "%d addresses are asked for; at most %d are given at a time", len(parts), MaxAddresses).
			With(fault.Field{Location: "body.parts", Message: fmt.Sprintf("at most %d", MaxAddresses)})
	}
	out := make([]Address, len(parts))
	seen := make(map[int]bool, len(parts))
	for i, p := range parts {
		where := fmt.Sprintf("body.parts[%d]", i)
		if err := up.hasPart(p.Number, where, seen); err != nil {
			return nil, err
		}
		if err := checkSum(where+".md5", p.MD5, md5Size); err != nil {
			return nil, err
		}
		if out[i], err = s.address(ctx, up, p); err != nil {
			return nil, err
		}
	}
	return out, s.touch(ctx, up)
}

// hasPart refuses a number that no part has, or that was named before.
func (u *Upload) hasPart(number int, where string, seen map[int]bool) error {
	if number < 1 || number > u.Parts() {
		return fault.Invalid("invalid_part", "the upload has no part %d; its parts are 1 to %d", number, u.Parts()).
			With(fault.Field{Location: where + ".number", Message: fmt.Sprintf("must be between 1 and %d", u.Parts()), Value: number})
	}
	if seen[number] {
		return fault.Invalid("duplicate_part", "part %d is named twice", number).
			With(fault.Field{Location: where + ".number", Message: "is named before", Value: number})
	}
	seen[number] = true
	return nil
}

// address signs where a part goes.
func (s *Service) address(ctx context.Context, up *Upload, p Part) (Address, error) {
	sums := map[string]string{}
	if up.Parts() == 1 {
		for name, sum := range map[string]string{sumMD5: up.MD5, sumSHA256: up.SHA256, sumCRC32: up.CRC32} {
			if sum != "" {
				sums[name] = sum
			}
		}
	}
	if p.MD5 != "" {
		sums[sumMD5] = p.MD5
	}
	p.Size = up.length(p.Number)
	a := Address{Part: p, ExpiresAt: s.now().UTC().Add(s.addressTTL)}
	var err error
	a.URL, a.Headers, err = s.direct.PresignPart(ctx, up.key(), up.Token, p.Number, sums, s.addressTTL)
	if err != nil {
		return Address{}, fmt.Errorf("sign part %d of upload %s: %w", p.Number, up.ID, err)
	}
	return a, nil
}

// MaxParts is how many parts are listed at a time.
const MaxParts = 1000

// Arrived lists the parts behind the number that are there, at most limit, and
// says whether there may be more. Of an upload that is done nothing is listed:
// everything is there.
func (s *Service) Arrived(ctx context.Context, tenant, id string, after, limit int) (_ *Upload, parts []Part, more bool, err error) {
	up, err := s.presigned(ctx, tenant, id)
	if err != nil || up.State == Finished {
		return up, nil, false, err
	}
	whole, err := s.direct.EachPart(ctx, up.key(), up.Token, after, func(number int, size int64, etag string) bool {
		if more = len(parts) == limit; more {
			return false
		}
		parts = append(parts, Part{Number: number, Size: size, ETag: etag})
		return true
	})
	if err != nil {
		return nil, nil, false, s.partsFault(up, err)
	}
	up.whole = whole
	return up, parts, more, nil
}

// partsFault says what it means that the parts could not be listed.
func (*Service) partsFault(up *Upload, err error) error {
	if fault.ClassOf(err) == fault.ClassNotFound {
		return errNotFound(up.ID)
	}
	return fmt.Errorf("list the parts of upload %s: %w", up.ID, err)
}

// Complete makes a data set of a presigned upload of which everything has
// arrived. The parts that are given must be those that are there, by their ETags.
// It may be repeated, and replayed says that it had been done. When a part is not
// as long as it has to be, whoever sent it did not send what was agreed, and the
// upload is given up. The caller holds the upload's lock.
func (s *Service) Complete(ctx context.Context, tenant, id string, given []Part) (up *Upload, replayed bool, err error) {
	if up, err = s.presigned(ctx, tenant, id); err != nil {
		return nil, false, err
	}
	want := make(map[int]string, len(given))
	seen := make(map[int]bool, len(given))
	for i, p := range given {
		if err := up.hasPart(p.Number, fmt.Sprintf("body.parts[%d]", i), seen); err != nil {
			return nil, false, err
		}
		want[p.Number] = strings.Trim(p.ETag, `"`)
	}
	if up.State == Finished {
		return up, true, nil
	}
	if err := s.complete(ctx, up, want); err != nil {
		return nil, false, err
	}
	up, err = s.Finish(ctx, up)
	return up, false, err
}

// complete refuses an upload that is not what was agreed.
func (s *Service) complete(ctx context.Context, up *Upload, want map[int]string) error {
	if up.Size > s.maxSize {
		return s.admit(ctx, up.made(), up.Size, "body.bytes")
	}
	l := &look{up: up, want: want, next: 1}
	whole, err := s.direct.EachPart(ctx, up.key(), up.Token, 0, l.part)
	if err != nil {
		return s.partsFault(up, err)
	}
	if whole { // an earlier call did not come to its end
		return nil
	}
	if l.wrong != nil {
		if err := s.remove(ctx, up); err != nil {
			return errors.Join(l.wrong, err)
		}
		return l.wrong
	}
	l.gap(up.Parts() + 1)
	if l.lacking > 0 {
		return fault.Conflict("file_incomplete", "%d of the %d parts have not arrived; send them, then complete the upload again", l.lacking, up.Parts()).With(l.gaps...)
	}
	if l.changed != nil {
		return l.changed
	}
	return s.datasets.Room(ctx, up.Tenant)
}

// look is one look at the parts that are there.
type look struct {
	up      *Upload
	want    map[int]string // ETags by number
	next    int            // the number that comes next when none is missing
	lacking int
	gaps    []fault.Field // where the first missing parts are
	changed *fault.Error  // the first part that is not what the client has sent
	wrong   *fault.Error  // the first part that is not as long as it has to be
}

const maxGaps = 20

// part looks at one part.
func (l *look) part(number int, size int64, etag string) bool {
	if number > l.up.Parts() || size != l.up.length(number) {
		length := int64(0)
		if number <= l.up.Parts() {
			length = l.up.length(number)
		}
		l.wrong = fault.Invalid("upload_size_mismatch", "part %d has %d bytes and must have %d, by the size that was said; the upload has been given up: begin a new one", number, size, length).
			With(fault.Field{Location: fmt.Sprintf("part %d", number), Message: fmt.Sprintf("has %d bytes instead of %d", size, length), Value: size})
		return false
	}
	l.gap(number)
	l.next = number + 1
	if want, told := l.want[number]; told && want != etag && l.changed == nil {
		l.changed = fault.Conflict("part_changed", "part %d has arrived with the ETag %q, and you name %.80q; send it again", number, etag, want).
			With(fault.Field{Location: fmt.Sprintf("part %d", number), Message: "is not the one that you have sent"})
	}
	return true
}

// gap counts the parts that are missing before the number.
func (l *look) gap(number int) {
	n := number - l.next
	if n <= 0 {
		return
	}
	l.lacking += n
	if len(l.gaps) < maxGaps {
		where := fmt.Sprintf("part %d", l.next)
		if n > 1 {
			where = fmt.Sprintf("parts %d to %d", l.next, number-1)
		}
		l.gaps = append(l.gaps, fault.Field{Location: where, Message: "missing"})
	}
}

// GiveUp ends the tenant's presigned upload; what has arrived is deleted. The
// caller holds the upload's lock.
func (s *Service) GiveUp(ctx context.Context, tenant, id string) error {
	up, err := s.find(ctx, tenant, id)
	if err != nil {
		return err
	}
	if up.Way != Presigned {
		return fault.Conflict("upload_not_presigned", "the upload %s did not begin as a presigned one; give it up by DELETE /uploads/{id}", id)
	}
	if up, err = s.Get(ctx, tenant, id); err != nil { // which finishes one that is done
		return err
	}
	return s.Terminate(ctx, up)
}
