package upload_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/upload"
)

func TestUploadInPieces(t *testing.T) {
	t.Parallel()
	b := setup(t)
	up := b.begin(t)
	b.add(t, up, 0, 5)
	n, err := b.Append(t.Context(), up, 5, jobtest.Cut(text[5:7]))
	if !errors.Is(err, jobtest.ErrCut) || n != 2 {
		t.Fatalf("a broken connection: %d bytes, %v", n, err)
	}
	found, err := b.Get(t.Context(), tenant, up.ID)
	if err != nil || found.Offset != 7 || found.State != upload.Open {
		t.Fatalf("after a break: %+v, %v", found, err)
	}
	_, err = b.Append(t.Context(), found, 5, strings.NewReader("x"))
	wantCode(t, "another offset", err, "offset_moved")
	_, err = b.Finish(t.Context(), found)
	wantCode(t, "too early", err, "file_incomplete")
	b.add(t, found, 7, len(text))
	if up, err = b.Finish(t.Context(), found); err != nil {
		t.Fatal(err)
	}
	b.made(t, up)
	again, err := b.Get(t.Context(), tenant, up.ID)
	if err != nil || again.JobID != up.JobID || again.Offset != again.Size {
		t.Errorf("a finished upload: %+v, %v", again, err)
	}
	_, err = b.Append(t.Context(), again, again.Size, strings.NewReader("x"))
	wantCode(t, "more", err, "upload_finished")
	wantCode(t, "terminate", b.Terminate(t.Context(), again), "upload_finished")
	if _, err := b.Finish(t.Context(), again); err != nil {
		t.Error(err)
	}
	b.made(t, again)
}

// TestFinishAfterCrash breaks each step between the last byte and the record, and
// finds one data set and one job afterwards.
func TestFinishAfterCrash(t *testing.T) {
	t.Parallel()
	for name, broken := range crashes() {
		for who, finish := range map[string]func(*bundle, *upload.Upload) error{
			"by the client": func(b *bundle, up *upload.Upload) error { _, err := b.Get(t.Context(), tenant, up.ID); return err },
			"by the sweep": func(b *bundle, _ *upload.Upload) error {
				b.now = b.now.Add(2 * time.Hour)
				_, _, err := b.Sweep(t.Context(), false)
				return err
			},
		} {
			t.Run(name+" "+who, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				up := b.begin(t)
				b.add(t, up, 0, len(text))
				broken.crash(b)
				if _, err := b.Finish(t.Context(), up); fault.ClassOf(err) != fault.ClassUnavailable {
					t.Fatalf("a crash is %v", err)
				}
				broken.mend(b)
				if err := finish(b, up); err != nil {
					t.Fatal(err)
				}
				found, err := b.Get(t.Context(), tenant, up.ID)
				if err != nil {
					t.Fatal(err)
				}
				b.made(t, found)
			})
		}
	}
}

func TestSeveralFinish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	up := b.begin(t)
	b.add(t, up, 0, len(text))
	together(t, func() (*upload.Upload, error) { return b.Get(t.Context(), tenant, up.ID) })
	found, err := b.Get(t.Context(), tenant, up.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.made(t, found)
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, created, err := b.Create(t.Context(), request("k"), nil, int64(len(text)))
	if err != nil || !created {
		t.Fatal(created, err)
	}
	b.add(t, first, 0, 4)
	second, created, err := b.Create(t.Context(), request("k"), nil, int64(len(text)))
	if err != nil || created || second.ID != first.ID || second.Offset != 4 {
		t.Errorf("the same again: %+v, %v, %v", second, created, err)
	}
	for what, change := range map[string]func(*dataset.Upload) int64{
		"another size": func(*dataset.Upload) int64 { return 3 },
		"another name": func(u *dataset.Upload) int64 { u.Name = "x"; return int64(len(text)) },
		"another kind": func(u *dataset.Upload) int64 { u.Options.Kind = "csv"; return int64(len(text)) },
	} {
		u := request("k")
		size := change(&u)
		_, _, err := b.Create(t.Context(), u, nil, size)
		wantCode(t, what, err, "idempotency_key_reused")
	}
	other := request("k")
	other.Tenant = "other"
	if up, created, err := b.Create(t.Context(), other, nil, int64(len(text))); err != nil || !created || up.ID == first.ID {
		t.Errorf("another tenant's key: %+v, %v, %v", up, created, err)
	}

	// Of many at once one begins, and nothing is left of the others.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, err := b.Create(t.Context(), request("race"), nil, int64(len(text))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if page, err := b.List(t.Context(), tenant, "", 10); err != nil || len(page.Items) != 2 || len(b.files.Keys("assembly:")) != 3 {
		t.Errorf("%d uploads, %v, and %q", len(page.Items), err, b.files.Keys("assembly:"))
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *upload.ServiceConfig) { c.MaxSize, c.MaxOpen = 100, 2 })
	for code, tt := range map[string]struct {
		change func(*dataset.Upload)
		size   int64
	}{
		"upload_too_large":        {func(*dataset.Upload) {}, 101},
		"csv_empty":               {func(*dataset.Upload) {}, 0},
		"name_too_long":           {func(u *dataset.Upload) { u.Name = repeated(201) }, 5},
		"invalid_sha256":          {func(u *dataset.Upload) { u.SHA256 = "abc" }, 5},
		"job_not_found":           {func(u *dataset.Upload) { u.After = []string{"job_x"} }, 5},
		"invalid_idempotency_key": {func(u *dataset.Upload) { u.IdempotencyKey = repeated(256) }, 5},
	} {
		u := request("")
		tt.change(&u)
		_, _, err := b.Create(t.Context(), u, nil, tt.size)
		wantCode(t, code, err, code)
	}
	if keys := b.files.Keys(""); len(keys) != 0 {
		t.Errorf("what was refused has left %q", keys)
	}
	first := b.begin(t)
	b.begin(t)
	_, _, err := b.Create(t.Context(), request(""), nil, 5)
	wantCode(t, "a third", err, "too_many_uploads")
	if err := b.Terminate(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	b.begin(t)
}

func TestTenantsAndTimes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	up := b.begin(t)
	_, err := b.Get(t.Context(), "other", up.ID)
	wantCode(t, "another tenant", err, "upload_not_found")
	wantCode(t, "another tenant", b.Known(t.Context(), "other", up.ID), "upload_not_found")
	if page, err := b.List(t.Context(), "other", "", 10); err != nil || len(page.Items) != 0 {
		t.Errorf("another tenant sees %v, %v", page.Items, err)
	}
	for range 3 { // as long as bytes arrive it stays
		b.now = b.now.Add(20 * time.Hour)
		found, err := b.Get(t.Context(), tenant, up.ID)
		if err != nil {
			t.Fatal(err)
		}
		b.add(t, found, int(found.Offset), int(found.Offset)+2)
	}
	if held, err := b.Holds(t.Context(), up.DatasetID); err != nil || !held {
		t.Errorf("its files are held: %v, %v", held, err)
	}
	b.now = b.now.Add(23 * time.Hour)
	if finished, removed, err := b.Sweep(t.Context(), false); err != nil || finished+removed != 0 {
		t.Errorf("too early %d and %d, %v", finished, removed, err)
	}
	b.now = b.now.Add(2 * time.Hour)
	wantCode(t, "expired", b.Known(t.Context(), tenant, up.ID), "upload_not_found")
	if page, err := b.List(t.Context(), tenant, "", 10); err != nil || len(page.Items) != 0 {
		t.Errorf("an expired one is listed: %v, %v", page.Items, err)
	}
	if _, removed, err := b.Sweep(t.Context(), true); err != nil || removed != 1 || len(b.files.Keys("assembly:")) != 1 {
		t.Errorf("a dry run: %d, %v, %q", removed, err, b.files.Keys(""))
	}
	if _, removed, err := b.Sweep(t.Context(), false); err != nil || removed != 1 || len(b.files.Keys("")) != 0 {
		t.Errorf("a sweep: %d, %v, %q", removed, err, b.files.Keys(""))
	}
	if held, err := b.Holds(t.Context(), up.DatasetID); err != nil || held {
		t.Errorf("its files are held: %v, %v", held, err)
	}
}

// TestSweepLeavesWhatIsHeld checks that no upload is given up at which a request
// works, and that finished ones are forgotten without harm to their data sets.
func TestSweepLeavesWhatIsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	up := b.begin(t)
	locker := upload.NewLocker(upload.LockerConfig{Driver: b.driver, TTL: 100 * time.Hour, Poll: time.Hour, Now: func() time.Time { return b.now }})
	lock := locker.NewLock(up.ID)
	if err := lock.Lock(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(30 * time.Hour)
	if _, removed, err := b.Sweep(t.Context(), false); err != nil || removed != 0 {
		t.Errorf("%d removed, %v", removed, err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	done := b.begin(t)
	b.add(t, done, 0, len(text))
	done, err := b.Finish(t.Context(), done)
	if err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(48 * time.Hour)
	if _, removed, err := b.Sweep(t.Context(), false); err != nil || removed != 1 {
		t.Errorf("%d removed, %v", removed, err)
	}
	wantCode(t, "forgotten", b.Known(t.Context(), tenant, done.ID), "upload_not_found")
	b.made(t, done)
}

// TestGoneBelow checks what is said of an upload that the file store has lost.
func TestGoneBelow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	up := b.begin(t)
	if err := b.files.Abandon(t.Context(), dataset.RawKey(tenant, up.DatasetID), up.Token); err != nil {
		t.Fatal(err)
	}
	_, err := b.Get(t.Context(), tenant, up.ID)
	wantCode(t, "get", err, "upload_not_found")
	_, err = b.Finish(t.Context(), up)
	wantCode(t, "finish", err, "upload_not_found")
	b.files.Fail("#assembled", fault.Unavailable("storage_unavailable", "away"))
	_, err = b.Get(t.Context(), tenant, up.ID)
	wantCode(t, "away", err, "storage_unavailable")
	_, _, err = b.Sweep(t.Context(), false)
	if err != nil {
		t.Errorf("a sweep looks at what is not idle: %v", err)
	}
	b.now = b.now.Add(30 * time.Hour)
	_, _, err = b.Sweep(t.Context(), false)
	wantCode(t, "a sweep while the storage is away", err, "storage_unavailable")
}

// TestSweepIsNotHeldUp checks that a data set that is refused, as of a tenant with
// too many jobs, holds up nobody else's upload, and is not tried for ever.
func TestSweepIsNotHeldUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	whole, part := b.begin(t), b.begin(t)
	b.add(t, whole, 0, len(text))
	b.jobs.fail = fault.New(fault.ClassExhausted, "too_many_waiting_jobs", "too many")
	b.now = b.now.Add(2 * time.Hour)
	if _, _, err := b.Sweep(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := b.Known(t.Context(), tenant, whole.ID); err != nil {
		t.Errorf("it is tried again: %v", err)
	}
	b.now = b.now.Add(30 * time.Hour)
	if _, removed, err := b.Sweep(t.Context(), false); err != nil || removed != 1 {
		t.Errorf("%d removed, %v", removed, err)
	}
	for _, up := range []*upload.Upload{whole, part} {
		wantCode(t, "after its time", b.Known(t.Context(), tenant, up.ID), "upload_not_found")
	}
	b.jobs.fail = nil
	if d, err := b.datasets.Get(t.Context(), tenant, whole.DatasetID); err != nil || d.JobID == "" {
		t.Errorf("the data set is %+v, %v", d, err)
	}
	if keys := b.files.Keys("assembly:"); len(keys) != 0 {
		t.Errorf("left are %q", keys)
	}
}

// TestKeyOfAnExpiredUpload checks that a key whose upload has expired can be used
// again at once, and that one whose upload was whole gives the data set.
func TestKeyOfAnExpiredUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, _, err := b.Create(t.Context(), request("k"), nil, int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(25 * time.Hour)
	second, created, err := b.Create(t.Context(), request("k"), nil, int64(len(text)))
	if err != nil || !created || second.ID == first.ID || len(b.files.Keys("assembly:")) != 1 {
		t.Fatalf("%+v, %v, %v, %q", second, created, err, b.files.Keys(""))
	}
	b.add(t, second, 0, len(text))
	b.now = b.now.Add(25 * time.Hour)
	third, created, err := b.Create(t.Context(), request("k"), nil, int64(len(text)))
	if err != nil || created || third.ID != second.ID {
		t.Fatalf("%+v, %v, %v", third, created, err)
	}
	b.made(t, third)
}
