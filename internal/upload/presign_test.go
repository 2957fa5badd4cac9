package upload_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/upload"
)

const partSize = 5

// withStorage is setup and a file store that clients reach.
func withStorage(t *testing.T, change ...func(*upload.ServiceConfig)) *bundle {
	t.Helper()
	b := setup(t, append([]func(*upload.ServiceConfig){func(c *upload.ServiceConfig) { c.Direct, _ = c.Files.(upload.Direct) }}, change...)...)
	b.files.Parts(partSize)
	server := httptest.NewServer(b.files)
	t.Cleanup(server.Close)
	b.files.Serve(server.URL)
	return b
}

// presign begins an upload of the text that goes past the API.
func (b *bundle) presign(t *testing.T, key string) *upload.Upload {
	t.Helper()
	up, created, err := b.Presign(t.Context(), upload.File{Upload: request(key), Size: int64(len(text))})
	if err != nil || !created {
		t.Fatalf("created is %v, %v", created, err)
	}
	return up
}

// send sends the parts of the upload to their addresses.
func (b *bundle) send(t *testing.T, up *upload.Upload, numbers ...int) {
	t.Helper()
	parts := make([]upload.Part, len(numbers))
	for i, n := range numbers {
		parts[i].Number = n
	}
	addresses, err := b.Addresses(t.Context(), tenant, up.ID, parts)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		from := int64(a.Part.Number-1) * partSize
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, a.URL, strings.NewReader(text[from:from+a.Part.Size]))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close() // it was read
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("part %d: %s, %v", a.Part.Number, response.Status, err)
		}
	}
}

// TestCompleteAfterCrash breaks each step of completing an upload, and finds one
// data set and one job afterwards, when the client asks again, when somebody looks,
// or when nobody does.
func TestCompleteAfterCrash(t *testing.T) {
	t.Parallel()
	for name, broken := range crashes() {
		for who, finish := range map[string]func(*bundle, *upload.Upload) error{
			"by the client": func(b *bundle, up *upload.Upload) error {
				_, _, err := b.Complete(t.Context(), tenant, up.ID, nil)
				return err
			},
			"by a look": func(b *bundle, up *upload.Upload) error { _, err := b.Get(t.Context(), tenant, up.ID); return err },
			"by the sweep": func(b *bundle, _ *upload.Upload) error {
				b.now = b.now.Add(23*time.Hour + 30*time.Minute) // shortly before its time is over
				_, _, err := b.Sweep(t.Context(), false)
				return err
			},
		} {
			t.Run(name+" "+who, func(t *testing.T) {
				t.Parallel()
				b := withStorage(t)
				up := b.presign(t, "")
				b.send(t, up, 1, 2, 3)
				broken.crash(b)
				if _, _, err := b.Complete(t.Context(), tenant, up.ID, nil); fault.ClassOf(err) != fault.ClassUnavailable {
					t.Fatalf("a crash is %v", err)
				}
				broken.mend(b)
				if err := finish(b, up); err != nil {
					t.Fatal(err)
				}
				found, err := b.Get(t.Context(), tenant, up.ID)
				if !broken.appeared && who != "by the client" {
					if err == nil && found.State == upload.Finished || len(b.jobs.jobs) > 0 {
						t.Errorf("what nobody has completed is finished: %+v", found)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				b.made(t, found)
			})
		}
	}
}

func TestSeveralComplete(t *testing.T) {
	t.Parallel()
	b := withStorage(t)
	up := b.presign(t, "")
	b.send(t, up, 3, 1, 2)
	together(t, func() (*upload.Upload, error) {
		found, _, err := b.Complete(t.Context(), tenant, up.ID, nil)
		return found, err
	})
	found, replayed, err := b.Complete(t.Context(), tenant, up.ID, nil)
	if err != nil || !replayed {
		t.Fatal(replayed, err)
	}
	b.made(t, found)
}

// TestPresignedTimes checks that asking for addresses keeps an upload, and that
// one that was not completed is given up with all that came of it.
func TestPresignedTimes(t *testing.T) {
	t.Parallel()
	b := withStorage(t)
	up, half := b.presign(t, ""), b.presign(t, "k")
	for range 3 {
		b.now = b.now.Add(20 * time.Hour)
		if err := b.Known(t.Context(), tenant, up.ID); err != nil {
			t.Fatal(err)
		}
		b.send(t, up, 1)
	}
	wantCode(t, "nobody asked for more", b.Known(t.Context(), tenant, half.ID), "upload_not_found")
	b.send(t, up, 2, 3)
	if held, err := b.Holds(t.Context(), up.DatasetID); err != nil || !held {
		t.Errorf("its parts are held: %v, %v", held, err)
	}
	if finished, removed, err := b.Sweep(t.Context(), false); err != nil || finished != 0 || removed != 1 {
		t.Errorf("%d and %d, %v", finished, removed, err)
	}
	b.now = b.now.Add(23*time.Hour + 59*time.Minute)
	if finished, removed, err := b.Sweep(t.Context(), false); err != nil || finished+removed != 0 {
		t.Errorf("%d and %d, %v", finished, removed, err)
	}
	b.now = b.now.Add(time.Hour)
	if finished, removed, err := b.Sweep(t.Context(), false); err != nil || finished != 0 || removed != 1 {
		t.Errorf("%d and %d, %v", finished, removed, err)
	}
	if left := b.files.Keys(""); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
	again, created, err := b.Presign(t.Context(), upload.File{Upload: request("k"), Size: int64(len(text))})
	if err != nil || !created || again.ID == half.ID {
		t.Errorf("the key of one that expired: %v, %v", created, err)
	}
}

// TestPresignedRoom checks the limits before an address is given, and again when
// the upload is completed.
func TestPresignedRoom(t *testing.T) {
	t.Parallel()
	b := withStorage(t, func(c *upload.ServiceConfig) { c.MaxOpen = 2 })
	up := b.presign(t, "k")
	b.send(t, up, 1, 2, 3)
	b.jobs.full = fault.New(fault.ClassExhausted, "too_many_waiting_jobs", "too many")
	_, _, err := b.Presign(t.Context(), upload.File{Upload: request(""), Size: 5})
	wantCode(t, "begin", err, "too_many_waiting_jobs")
	_, _, err = b.Create(t.Context(), request(""), nil, 5)
	wantCode(t, "begin the other way", err, "too_many_waiting_jobs")
	if found, created, err := b.Presign(t.Context(), upload.File{Upload: request("k"), Size: int64(len(text))}); err != nil || created || found.ID != up.ID {
		t.Errorf("one that has begun: %v, %v", created, err)
	}
	_, _, err = b.Complete(t.Context(), tenant, up.ID, nil)
	wantCode(t, "complete", err, "too_many_waiting_jobs")
	b.jobs.full = nil
	second := b.presign(t, "")
	_, _, err = b.Presign(t.Context(), upload.File{Upload: request(""), Size: 5})
	wantCode(t, "a third", err, "too_many_uploads")
	if err := b.GiveUp(t.Context(), tenant, second.ID); err != nil {
		t.Fatal(err)
	}
	found, _, err := b.Complete(t.Context(), tenant, up.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.made(t, found)
	wantCode(t, "give up", b.GiveUp(t.Context(), tenant, up.ID), "upload_finished")
}

// TestPresignedGaps names what is missing, in few words however much it is.
func TestPresignedGaps(t *testing.T) {
	t.Parallel()
	b := withStorage(t)
	up, _, err := b.Presign(t.Context(), upload.File{Upload: request(""), Size: 100 * partSize})
	if err != nil {
		t.Fatal(err)
	}
	for number := 3; number < 100; number += 3 {
		b.files.Lie(up.Token, number, bytes.Repeat([]byte("x"), partSize))
	}
	_, _, err = b.Complete(t.Context(), tenant, up.ID, nil)
	wantCode(t, "gaps", err, "file_incomplete")
	if f, ok := fault.As(err); !ok || len(f.Fields) != 20 || f.Fields[0].Location != "parts 1 to 2" || !strings.Contains(f.Message, "67 of the 100") {
		t.Errorf("%+v", f)
	}
	if _, parts, more, err := b.Arrived(t.Context(), tenant, up.ID, 6, 2); err != nil || len(parts) != 2 || parts[0].Number != 9 || !more {
		t.Errorf("%+v, %v, %v", parts, more, err)
	}
	if _, parts, more, err := b.Arrived(t.Context(), tenant, up.ID, 96, 1); err != nil || len(parts) != 1 || more {
		t.Errorf("%+v, %v, %v", parts, more, err)
	}
	b.files.Lie(up.Token, 101, []byte("xxxxx"))
	_, _, err = b.Complete(t.Context(), tenant, up.ID, nil)
	wantCode(t, "a part too many", err, "upload_size_mismatch")
	if left := b.files.Keys(""); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}

// TestPresignedGoneBelow checks what is said of an upload that the file store has
// lost, and of the largest that is taken when that was made smaller.
func TestPresignedGoneBelow(t *testing.T) {
	t.Parallel()
	b := withStorage(t)
	up := b.presign(t, "")
	smaller := upload.NewService(upload.ServiceConfig{Driver: b.driver, Files: b.files, Direct: b.files, Datasets: b.datasets, MaxSize: 3, Now: func() time.Time { return b.now }})
	_, _, err := smaller.Complete(t.Context(), tenant, up.ID, nil)
	wantCode(t, "too large by now", err, "upload_too_large")
	unreached := upload.NewService(upload.ServiceConfig{Driver: b.driver, Files: b.files, Datasets: b.datasets, Now: func() time.Time { return b.now }})
	_, _, err = unreached.Complete(t.Context(), tenant, up.ID, nil)
	wantCode(t, "not reached by now", err, "presign_needs_s3")
	if err := b.files.Abandon(t.Context(), dataset.RawKey(tenant, up.DatasetID), up.Token); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.Complete(t.Context(), tenant, up.ID, nil)
	wantCode(t, "complete", err, "upload_not_found")
	_, _, _, err = b.Arrived(t.Context(), tenant, up.ID, 0, 1)
	wantCode(t, "arrived", err, "upload_not_found")
	_, err = b.Addresses(t.Context(), tenant, up.ID, make([]upload.Part, 101))
	wantCode(t, "addresses", err, "too_many_parts")
}
