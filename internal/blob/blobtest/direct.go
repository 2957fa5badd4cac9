package blobtest

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what file stores compare
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// refused is a part that was not taken, for a reason of the client's. A store may
// say so before it has read the part, and break the connection.
func refused(status int) bool { return status == broken || status >= 400 && status < 500 }

const broken = 0

// send puts the data at the address and returns the status of the answer.
func send(t *testing.T, address string, headers map[string]string, data []byte) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return broken
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// address returns where the part goes.
func (b *bundle) address(t *testing.T, token string, number int, sums map[string]string) (address string, headers map[string]string) {
	t.Helper()
	address, headers, err := b.PresignPart(t.Context(), key, token, number, sums, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return address, headers
}

// begin begins a file of so many bytes whose parts are sent to the store.
func (b *bundle) begin(t *testing.T, size int64, sum string) (token string) {
	t.Helper()
	if part, err := b.DirectPart(size); err != nil || part != b.part {
		t.Fatalf("parts have %d bytes, %v; want %d", part, err, b.part)
	}
	token, err := b.AssembleDirect(t.Context(), key, "text/csv", size, sum)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// there lists the numbers of the parts behind one.
func (b *bundle) there(t *testing.T, token string, after int) []int {
	t.Helper()
	var numbers []int
	whole, err := b.EachPart(t.Context(), key, token, after, func(number int, size int64, etag string) bool {
		if size <= 0 || etag == "" {
			t.Errorf("part %d has %d bytes and the ETag %q", number, size, etag)
		}
		numbers = append(numbers, number)
		return true
	})
	if err != nil || whole {
		t.Errorf("whole is %v, %v", whole, err)
	}
	return numbers
}

func testDirect(t *testing.T, b *bundle) {
	data := noise(2*b.part + 3)
	token := b.begin(t, int64(len(data)), "")
	addresses := make([]string, 4)
	for i, step := range []struct {
		number int
		want   []int
		offset int64
	}{{3, []int{3}, 0}, {1, []int{1, 3}, b.part}, {1, []int{1, 3}, b.part}, {2, []int{1, 2, 3}, int64(len(data))}} {
		from := int64(step.number-1) * b.part
		addresses[step.number], _ = b.address(t, token, step.number, nil)
		if status := send(t, addresses[step.number], nil, data[from:min(from+b.part, int64(len(data)))]); status != http.StatusOK {
			t.Fatalf("part %d: %d", step.number, status)
		}
		if got := b.there(t, token, 0); !slices.Equal(got, step.want) {
			t.Errorf("step %d: there are %v, want %v", i, got, step.want)
		}
		b.at(t, token, step.offset, false)
		if err := b.Finish(t.Context(), key, token); i < 3 {
			wantClass(t, "finished too early", err, fault.ClassConflict)
		}
	}
	b.finish(t, token, data)
	whole, err := b.EachPart(t.Context(), key, token, 0, func(int, int64, string) bool { t.Error("a part is left"); return true })
	if err != nil || !whole {
		t.Errorf("whole is %v, %v", whole, err)
	}
	if status := send(t, addresses[1], nil, data[:b.part]); !refused(status) {
		t.Errorf("a part of a whole file: %d", status)
	}
	if got := b.get(t, key); got != string(data) {
		t.Error("the file has changed")
	}
}

func testDirectRefuses(t *testing.T, b *bundle) {
	data := noise(b.part + 3)
	token := b.begin(t, int64(len(data)), "")
	address, _ := b.address(t, token, 1, nil)
	for what, wrong := range map[string][]byte{"shorter": data[:b.part-1], "longer": data[:b.part+1], "empty": nil} {
		if status := send(t, address, nil, wrong); !refused(status) {
			t.Errorf("%s: %d", what, status)
		}
	}
	if got := b.there(t, token, 0); len(got) != 0 {
		t.Errorf("there are %v", got)
	}
	for _, number := range []int{-1, 0, 3} {
		_, _, err := b.PresignPart(t.Context(), key, token, number, nil, time.Minute)
		wantClass(t, fmt.Sprintf("part %d", number), err, fault.ClassInvalid)
	}
	_, _, err := b.PresignPart(t.Context(), key, token, 1, nil, 0)
	wantClass(t, "no time", err, fault.ClassInvalid)
	if _, _, err := b.PresignPart(t.Context(), key, token, 1, map[string]string{"sha1": "00"}, time.Minute); err == nil {
		t.Error("an unknown checksum was taken")
	}
	for number := 1; number <= 2; number++ { // a listing begins where it is told to, and ends
		address, _ := b.address(t, token, number, nil)
		from := int64(number-1) * b.part
		if status := send(t, address, nil, data[from:min(from+b.part, int64(len(data)))]); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	if got := b.there(t, token, 1); !slices.Equal(got, []int{2}) {
		t.Errorf("behind the first are %v", got)
	}
	seen := 0
	if _, err := b.EachPart(t.Context(), key, token, 0, func(int, int64, string) bool { seen++; return false }); err != nil || seen != 1 {
		t.Errorf("%d were seen, %v", seen, err)
	}
}

func testDirectAbandoned(t *testing.T, b *bundle) {
	token := b.begin(t, 4, "")
	address, _ := b.address(t, token, 1, nil)
	if status := send(t, address, nil, []byte("abcd")); status != http.StatusOK {
		t.Fatal(status)
	}
	b.abandoned(t, token)
	_, err := b.EachPart(t.Context(), key, token, 0, func(int, int64, string) bool { return true })
	wantClass(t, "parts", err, fault.ClassNotFound)
	if status := send(t, address, nil, []byte("abcd")); !refused(status) {
		t.Errorf("a part of an abandoned file: %d", status)
	}
}

func testSums(t *testing.T, b *bundle) {
	data := []byte("abcd")
	md := md5.Sum(data) //nolint:gosec // what file stores compare
	sha := sha256.Sum256(data)
	for sum, hexadecimal := range map[string]string{
		"md5": hex.EncodeToString(md[:]), "sha256": hex.EncodeToString(sha[:]), "crc32": fmt.Sprintf("%08x", crc32.ChecksumIEEE(data)),
	} {
		algorithm := sum
		if sum == "md5" {
			algorithm = ""
		}
		token := b.begin(t, int64(len(data)), algorithm)
		address, headers := b.address(t, token, 1, map[string]string{sum: hexadecimal})
		if status := send(t, address, headers, []byte("abce")); !refused(status) {
			t.Errorf("%s: other bytes: %d", sum, status)
		}
		if status := send(t, address, nil, data); !refused(status) {
			t.Errorf("%s: without its header: %d", sum, status)
		}
		if status := send(t, address, headers, data); status != http.StatusOK {
			t.Errorf("%s: %d", sum, status)
		}
		b.finish(t, token, data)
		if err := b.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
}
