package blob

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/narrativeml/narrative/internal/fault"
)

const (
	// directPart is how long the parts are that clients send to the service
	// themselves, where none is configured: each of them costs an address.
	directPart = 64 << 20
	// maxPart is what S3 takes of one part.
	maxPart = 5 << 30
)

// The checksums of a part that the service compares, in hexadecimal.
const (
	SumMD5    = "md5"
	SumSHA256 = "sha256"
	SumCRC32  = "crc32"
)

// DirectPart returns how long the parts of a file of that size are that clients
// send to the service themselves; only the last is shorter.
func (c *Client) DirectPart(size int64) (int64, error) {
	part := c.newAssembly("", size, directPart).partSize
	if part > maxPart {
		return 0, fault.TooLarge("file_too_large", "a file of %d bytes has parts of more than %d bytes, which the file storage does not take", size, int64(maxPart))
	}
	return part, nil
}

// AssembleDirect is Assemble for a file whose parts clients send to the service
// themselves, by PresignPart. The sum is SumSHA256, SumCRC32 or empty: the one
// that parts may carry beside SumMD5. A file does not appear before Finish, and
// nobody can change it afterwards, however long addresses are good.
func (c *Client) AssembleDirect(ctx context.Context, key, contentType string, size int64, sum string) (token string, err error) {
	defer c.observed("assemble_direct", time.Now(), &err)
	algorithms := map[string]types.ChecksumAlgorithm{"": "", SumSHA256: types.ChecksumAlgorithmSha256, SumCRC32: types.ChecksumAlgorithmCrc32}
	algorithm, known := algorithms[sum]
	if !known {
		return "", fmt.Errorf("blob: parts have no checksum %q", sum)
	}
	return c.assemble(ctx, c.newAssembly(key, size, directPart), contentType, algorithm)
}

// PresignPart returns an address on the public endpoint to which anyone can send
// the part of the number, from 1, by PUT with these headers, until ttl is over.
// Its length and the sums are signed: the service takes nothing else.
func (c *Client) PresignPart(ctx context.Context, key, token string, number int, sums map[string]string, ttl time.Duration) (address string, headers map[string]string, err error) {
	a, err := parseAssembly(key, token)
	if err != nil {
		return "", nil, err
	}
	if number < 1 || number > a.count() {
		return "", nil, fault.Invalid("invalid_part", "the file has no part %d; its parts are 1 to %d", number, a.count())
	}
	if ttl < time.Second || ttl > maxLinkTime {
		return "", nil, fault.Invalid("invalid_ttl", "an address cannot live for %s; choose from 1s to %s", ttl, maxLinkTime)
	}
	part := int32(number)
	input := &s3.UploadPartInput{
		Bucket: aws.String(c.config.Bucket), Key: aws.String(key), UploadId: a.id,
		PartNumber: aws.Int32(part), ContentLength: aws.Int64(a.length(part)),
	}
	for name, sum := range sums {
		raw, err := hex.DecodeString(sum)
		if err != nil {
			return "", nil, fmt.Errorf("blob: the %s %q of a part is not hexadecimal: %w", name, sum, err)
		}
		value := aws.String(base64.StdEncoding.EncodeToString(raw))
		switch name {
		case SumMD5:
			input.ContentMD5 = value
		case SumSHA256:
			input.ChecksumSHA256 = value
		case SumCRC32:
			input.ChecksumCRC32 = value
		default:
			return "", nil, fmt.Errorf("blob: a part has no checksum %q", name)
		}
	}
	request, err := c.presign.PresignUploadPart(ctx, input, s3.WithPresignExpires(ttl), s3.WithPresignClientFromClientOptions(plain))
	if err != nil {
		return "", nil, c.fail("presign_part", key, err)
	}
	return request.URL, sendable(request.SignedHeader), nil
}

// sendable are the signed headers that a client has to set; the others its HTTP
// library sets by the address and the body.
func sendable(signed http.Header) map[string]string {
	headers := map[string]string{}
	for name, values := range signed {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Content-Length":
		default:
			headers[http.CanonicalHeaderKey(name)] = strings.Join(values, ",")
		}
	}
	return headers
}

// EachPart calls fn for the parts behind the number that are there, in their
// order, until it returns false: also for those behind a gap, and those that are
// not as long as they should be. When the whole file has appeared there are no
// parts any more, and whole is true. It is fault.NotFound when the file was
// abandoned.
func (c *Client) EachPart(ctx context.Context, key, token string, after int, fn func(number int, size int64, etag string) bool) (whole bool, err error) {
	defer c.observed("each_part", time.Now(), &err)
	a, err := parseAssembly(key, token)
	if err != nil {
		return false, err
	}
	err = c.eachPart(ctx, a, after, func(p types.Part) bool {
		return fn(int(aws.ToInt32(p.PartNumber)), aws.ToInt64(p.Size), strings.Trim(aws.ToString(p.ETag), `"`))
	})
	if fault.ClassOf(err) == fault.ClassNotFound {
		err = c.appeared(ctx, a)
		return err == nil, err
	}
	return false, err
}
