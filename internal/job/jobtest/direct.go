package jobtest

import (
	"context"
	"crypto/md5" //nolint:gosec // what file stores compare
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// partBytes is how long parts are that clients send themselves, unless Parts says
// something else.
const partBytes = 64 << 20

// direct is a file whose parts clients send themselves.
type direct struct {
	key      string
	partSize int64
	parts    map[int][]byte
}

// Parts sets how long the parts are that clients send themselves.
func (f *Files) Parts(size int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.partSize = size
}

// Serve sets the address under which clients reach the store, which is an
// http.Handler.
func (f *Files) Serve(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.address = address
}

// DirectPart returns how long the parts of a file are.
func (f *Files) DirectPart(int64) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.partSize == 0 {
		return partBytes, nil
	}
	return f.partSize, nil
}

// AssembleDirect begins a file whose parts clients send themselves.
func (f *Files) AssembleDirect(ctx context.Context, key, contentType string, size int64, _ string) (string, error) {
	partSize, err := f.DirectPart(size)
	if err != nil {
		return "", err
	}
	token, err := f.Assemble(ctx, key, contentType, size)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.direct[token] = &direct{key: key, partSize: partSize, parts: map[int][]byte{}}
	return token, nil
}

// headers of the checksums.
var sumHeaders = map[string]string{"md5": "Content-Md5", "sha256": "X-Amz-Checksum-Sha256", "crc32": "X-Amz-Checksum-Crc32"} //nolint:gochecknoglobals // a constant table

// PresignPart returns where a client sends the part.
func (f *Files) PresignPart(_ context.Context, key, token string, number int, sums map[string]string, ttl time.Duration) (string, map[string]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure(key + "#presign"); err != nil {
		return "", nil, err
	}
	d := f.direct[token]
	if d == nil {
		return "", nil, gone(key)
	}
	if length := d.length(number, sizeOf(token)); number < 1 || length <= 0 {
		return "", nil, fault.Invalid("invalid_part", "the file has no part %d", number)
	}
	if ttl < time.Second {
		return "", nil, fault.Invalid("invalid_ttl", "an address cannot live for %s", ttl)
	}
	headers := map[string]string{}
	signed := []string{}
	for name, sum := range sums {
		raw, err := hex.DecodeString(sum)
		if err != nil || sumHeaders[name] == "" {
			return "", nil, fmt.Errorf("jobtest: %s %q is no checksum of a part", name, sum)
		}
		headers[sumHeaders[name]] = base64.StdEncoding.EncodeToString(raw)
		signed = append(signed, name+"="+headers[sumHeaders[name]])
	}
	slices.Sort(signed)
	address := fmt.Sprintf("%s/%s/%d/%s", f.address, token, number, hex.EncodeToString([]byte(strings.Join(signed, " "))))
	return address, headers, nil
}

// length is that of the part of the number.
func (d *direct) length(number, size int) int64 {
	return min(d.partSize, int64(size)-int64(number-1)*d.partSize)
}

// EachPart calls fn for the parts that are there, or says that the whole file has
// appeared.
func (f *Files) EachPart(_ context.Context, key, token string, after int, fn func(number int, size int64, etag string) bool) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure(key + "#parts"); err != nil {
		return false, err
	}
	d := f.direct[token]
	if _, unfinished := f.objects[unfinished(key, token)]; !unfinished || d == nil {
		if whole, ok := f.objects[key]; ok && len(whole) == sizeOf(token) {
			return true, nil
		}
		return false, gone(key)
	}
	for _, number := range slices.Sorted(maps.Keys(d.parts)) {
		if number > after && !fn(number, int64(len(d.parts[number])), etag(d.parts[number])) {
			break
		}
	}
	return false, nil
}

func etag(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // what file stores compare
	return hex.EncodeToString(sum[:])
}

// ServeHTTP takes the part that a client sends to its address.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	steps := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method != http.MethodPut || len(steps) != 3 {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	number, _ := strconv.Atoi(steps[1])
	signed, _ := hex.DecodeString(steps[2])
	w.WriteHeader(f.take(w.Header(), steps[0], number, string(signed), r.Header, data))
}

// take keeps the part and returns the status of the answer.
func (f *Files) take(head http.Header, token string, number int, signed string, given http.Header, data []byte) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.direct[token]
	if d == nil {
		return http.StatusNotFound
	}
	if _, open := f.objects[unfinished(d.key, token)]; !open {
		return http.StatusNotFound
	}
	if f.failure(d.key+"#put") != nil {
		return http.StatusServiceUnavailable
	}
	if int64(len(data)) != d.length(number, sizeOf(token)) {
		return http.StatusForbidden // its length is signed
	}
	sha := sha256.Sum256(data)
	crc := crc32.NewIEEE()
	_, _ = crc.Write(data) // never fails
	md := md5.Sum(data)    //nolint:gosec // what file stores compare
	for name, sum := range map[string][]byte{"md5": md[:], "sha256": sha[:], "crc32": crc.Sum(nil)} {
		is := base64.StdEncoding.EncodeToString(sum)
		told := given.Get(sumHeaders[name])
		if strings.Contains(signed, name+"=") && !slices.Contains(strings.Fields(signed), name+"="+told) {
			return http.StatusForbidden
		}
		if told != "" && told != is {
			return http.StatusBadRequest
		}
	}
	d.parts[number] = data
	f.objects[unfinished(d.key, token)] = d.prefix()
	head.Set("ETag", `"`+etag(data)+`"`)
	return http.StatusOK
}

// prefix is what is there from the beginning up to the first gap.
func (d *direct) prefix() []byte {
	var out []byte
	for number := 1; d.parts[number] != nil; number++ {
		out = append(out, d.parts[number]...)
	}
	return out
}

// Lie puts a part there that is not as long as it has to be, as a file store
// takes it that does not look at what was signed.
func (f *Files) Lie(token string, number int, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.direct[token].parts[number] = data
}
