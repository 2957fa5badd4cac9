package httpapi

import (
	"net/http"
	"time"
)

const (
	exampleETag = "5f4dcc3b5aa765d61d8327deb882cf99"
	exampleURL  = "https://s3.example.com/narrative/uploads/acme/ds_0197290c5e5b7c3a9d0e1f2a3b4c5d6e/raw?partNumber=1&uploadId=VXBsb2Fk&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=9c1d"
)

// presignRequests are bodies of requests about presigned uploads.
func presignRequests() map[string]any {
	return map[string]any{
		"presign-upload":  PresignRequest{Filename: "customers.csv", Bytes: 48211, ContentType: "text/csv", MD5: exampleETag},
		"presign-parts":   PartsRequest{Parts: []PartRequest{{Number: 11}, {Number: 12}}},
		"complete-upload": CompleteRequest{Parts: []SentPart{{Number: 1, ETag: exampleETag}}},
	}
}

// presignAnswers are bodies of answers about presigned uploads.
func presignAnswers(at time.Time, accepted Accepted) map[string]any {
	address := PartAddress{
		Number: 1, Bytes: 48211, Method: http.MethodPut, URL: exampleURL,
		Headers: map[string]string{"Content-Md5": "X03MO1qnZdYdgyfeuILPmQ=="}, ExpiresAt: at.Add(15 * time.Minute),
	}
	self := presignPath(exampleUploadID)
	return map[string]any{
		"presign-upload": PresignedUpload{
			UploadID: exampleUploadID, State: "open", Bytes: 48211, PartBytes: 64 << 20, PartCount: 1, Parts: []PartAddress{address}, ExpiresAt: at.Add(24 * time.Hour),
			Links: PresignLinks{Self: uploadPath(exampleUploadID), Parts: self + "/parts", Complete: self + "/complete"},
		},
		"presign-parts":    PartAddresses{Parts: []PartAddress{address}},
		"get-upload-parts": ArrivedParts{Items: []ArrivedPart{{Number: 1, Bytes: 48211, ETag: exampleETag}}},
		"complete-upload":  accepted,
	}
}
