package dataset_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

const people = "name,age,joined\nann,31,2024-01-02\nbob,NA,2024-03-04\ncid,45,\n"

// An ingest may come after other jobs, which are looked for before the file is
// read.
func TestAfterOtherJobs(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, first := b.create(t, people)
	upload := func(body io.Reader, after ...string) (*dataset.Dataset, *job.Job, error) {
		return b.Create(t.Context(), dataset.Upload{Tenant: "acme", User: "ann", Filename: "p.csv", IdempotencyKey: "k", After: after, Body: body})
	}
	unread := iotest.ErrReader(errors.New("the file was read"))
	_, _, err := upload(unread, first.ID, "job_none")
	checkCode(t, err, fault.ClassNotFound, "job_not_found")
	d, j, err := upload(strings.NewReader(people), first.ID)
	if err != nil || !slices.Equal(j.After, []string{first.ID}) || !slices.Equal(d.After, j.After) {
		t.Fatalf("data set %+v, job %+v, %v", d, j, err)
	}
	again, _, err := upload(strings.NewReader(people), first.ID)
	if err != nil || again.ID != d.ID {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	_, _, err = upload(strings.NewReader(people))
	checkCode(t, err, fault.ClassConflict, "idempotency_key_reused")
}

func TestMainWay(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *dataset.ServiceConfig) { c.Retention = time.Hour })
	d, j := b.create(t, people)
	sum := sha256.Sum256([]byte(people))
	if d.State != dataset.Uploaded || d.JobID != j.ID || d.Size != int64(len(people)) || d.SHA256 != hex.EncodeToString(sum[:]) ||
		d.Name != "people" || d.RawKey != "uploads/acme/"+d.ID+"/raw" || !d.ExpiresAt.Equal(b.now.Add(time.Hour)) {
		t.Errorf("data set %+v", d)
	}
	if j.Kind != "ingest" || j.Subject != d.ID || j.User != "ann" || dataset.Kind().Pool != "data" {
		t.Errorf("job %+v", j)
	}
	_, err := b.Preview(t.Context(), "acme", d.ID, 10)
	checkCode(t, err, fault.ClassConflict, "dataset_not_ready")
	_, err = b.Profile(t.Context(), "acme", d.ID)
	checkCode(t, err, fault.ClassConflict, "dataset_not_ready")
	_, err = b.Frame(t.Context(), d, nil)
	checkCode(t, err, fault.ClassConflict, "dataset_not_ready")

	made := b.finish(t, j)
	if made.Rows != 3 || made.Columns != 3 || len(made.Files()) != 3 || !strings.HasPrefix(made.Version.TableKey, j.Prefix()) {
		t.Errorf("result %+v", made)
	}
	d, err = b.Get(t.Context(), "acme", d.ID)
	if err != nil || d.State != dataset.Ready || d.Version == nil {
		t.Fatalf("data set %+v, error %v", d, err)
	}
	want := tabular.Schema{
		{Name: "name", Type: tabular.String},
		{Name: "age", Type: tabular.Integer, Nullable: true},
		{Name: "joined", Type: tabular.Datetime, Nullable: true},
	}
	if !reflect.DeepEqual(d.Version.Schema, want) || !reflect.DeepEqual(d.Version.Format, tabular.Format{Kind: "csv", Encoding: "utf-8", Delimiter: ",", Quote: `"`, Header: true}) {
		t.Errorf("version %+v", d.Version)
	}
	p, err := b.Preview(t.Context(), "acme", d.ID, 2)
	if err != nil {
		t.Fatal(err)
	}
	if rows := [][]any{{"ann", int64(31), "2024-01-02T00:00:00Z"}, {"bob", nil, "2024-03-04T00:00:00Z"}}; !reflect.DeepEqual(p.Rows, rows) || p.RowsTotal != 3 {
		t.Errorf("preview %+v", p)
	}
	for _, limit := range []int{-1, 1001} {
		_, err := b.Preview(t.Context(), "acme", d.ID, limit)
		checkCode(t, err, fault.ClassInvalid, "limit_out_of_range")
	}
	if p, err = b.Preview(t.Context(), "acme", d.ID, 0); err != nil || len(p.Rows) != 3 {
		t.Errorf("preview %+v, error %v", p, err)
	}
	text, err := b.Profile(t.Context(), "acme", d.ID)
	if err != nil {
		t.Fatal(err)
	}
	var described profile.Profile
	if err := json.Unmarshal(text, &described); err != nil || described.Rows != 3 || described.Columns[1].Missing != 1 {
		t.Errorf("profile %s, error %v", text, err)
	}
	f, err := b.Frame(t.Context(), d, []string{"age", "name"})
	if err != nil || f.Rows() != 3 || !slices.Equal(f.Names(), []string{"age", "name"}) {
		t.Errorf("frame %v, error %v", f, err)
	}
	_, err = b.Frame(t.Context(), d, []string{"nope"})
	checkCode(t, err, fault.ClassInvalid, "unknown_column")
	keys, err := b.References(t.Context(), d.ID, b.now)
	if err != nil || !slices.Equal(keys, []string{d.RawKey, d.Version.TableKey, d.Version.ProfileKey, d.Version.SampleKey}) {
		t.Errorf("references %v, error %v", keys, err)
	}
	if keys, err = b.References(t.Context(), d.ID, b.now.Add(time.Hour)); err != nil || len(keys) > 0 {
		t.Errorf("references after expiry %v, error %v", keys, err)
	}
	b.now = b.now.Add(2 * time.Hour)
	_, err = b.Get(t.Context(), "acme", d.ID)
	checkCode(t, err, fault.ClassNotFound, "dataset_not_found")
	if page, err := b.List(t.Context(), "acme", "", 0); err != nil || len(page.Items) != 0 {
		t.Errorf("list after expiry %v, error %v", page, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	tests := []struct {
		name   string
		change func(*dataset.Upload)
		class  fault.Class
		code   string
	}{
		{"empty", func(u *dataset.Upload) { u.Body = strings.NewReader("") }, fault.ClassInvalid, "csv_empty"},
		{"too large", func(u *dataset.Upload) { u.Body = strings.NewReader(strings.Repeat("x", 101)) }, fault.ClassTooLarge, "upload_too_large"},
		{"delimiter", func(u *dataset.Upload) { u.Options.Delimiter = "x" }, fault.ClassInvalid, "invalid_delimiter"},
		{"long name", func(u *dataset.Upload) { u.Name = strings.Repeat("n", 201) }, fault.ClassInvalid, "name_too_long"},
		{"key", func(u *dataset.Upload) { u.IdempotencyKey = "a\nb" }, fault.ClassInvalid, "invalid_idempotency_key"},
		{"broken body", func(u *dataset.Upload) { u.Body = iotest.ErrReader(broken) }, fault.ClassInternal, "internal"},
		{"no tenant", func(u *dataset.Upload) { u.Tenant = "" }, fault.ClassInternal, "internal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *dataset.ServiceConfig) { c.MaxUpload = 100 })
			u := upload(people)
			tt.change(&u)
			_, _, err := b.Create(t.Context(), u)
			checkCode(t, err, tt.class, tt.code)
			if tt.name == "broken body" && !errors.Is(err, broken) {
				t.Errorf("error %v hides its cause", err)
			}
			if keys := b.files.keys(); len(keys) > 0 {
				t.Errorf("left behind: %v", keys)
			}
			if page, err := b.List(t.Context(), "acme", "", 0); err != nil || len(page.Items) > 0 {
				t.Errorf("recorded: %v, error %v", page.Items, err)
			}
		})
	}
}

func TestCreateWhenTheFileStoreFails(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.files.fail = errors.New("disk full")
	_, _, err := b.Create(t.Context(), upload(people))
	if !errors.Is(err, b.files.fail) || len(b.files.keys()) > 0 {
		t.Errorf("error %v, left %v", err, b.files.keys())
	}
}

func TestCreateWhenTheStoreIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if err := b.driver.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.Create(t.Context(), upload(people))
	checkCode(t, err, fault.ClassUnavailable, "store_unavailable")
	if len(b.files.keys()) != 1 { // nobody knows whether a record names it
		t.Errorf("left %v", b.files.keys())
	}
	_, err = b.Get(t.Context(), "acme", "ds_1")
	checkCode(t, err, fault.ClassUnavailable, "store_unavailable")
	_, err = b.List(t.Context(), "acme", "", 0)
	checkCode(t, err, fault.ClassUnavailable, "store_unavailable")
	_, err = b.References(t.Context(), "ds_1", b.now)
	checkCode(t, err, fault.ClassUnavailable, "store_unavailable")
}

// lossy is a driver that stores records and loses its first reply: the caller
// hears the error, or what a repeated call is told.
type lossy struct {
	store.Driver
	reply error
	lost  atomic.Bool
}

func (l *lossy) Insert(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	errs, err := l.Driver.Insert(ctx, collection, records...)
	if err != nil || l.lost.Swap(true) {
		return errs, err
	}
	if errors.Is(l.reply, store.ErrDuplicate) {
		return []error{l.reply}, nil
	}
	return nil, l.reply
}

// The record may be there though nobody heard of it: its file has to be, too,
// for the repeated request.
func TestTheReplyIsLost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply error
		heard bool // by the first request
	}{
		"away":     {reply: fault.Unavailable("store_unavailable", "the reply was lost")},
		"repeated": {reply: store.ErrDuplicate, heard: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *dataset.ServiceConfig) { c.Driver = &lossy{Driver: c.Driver, reply: tt.reply} })
			u := upload(people)
			u.IdempotencyKey = "k"
			d, j, err := b.Create(t.Context(), u)
			if tt.heard != (err == nil) {
				t.Fatal(err)
			}
			if !tt.heard {
				checkCode(t, err, fault.ClassUnavailable, "store_unavailable")
				u.Body = strings.NewReader(people)
				if d, j, err = b.Create(t.Context(), u); err != nil {
					t.Fatal(err)
				}
			}
			b.finish(t, j)
			if _, ok := b.files.objects[d.RawKey]; !ok || len(b.jobs.all) != 1 {
				t.Errorf("%d jobs, files %v", len(b.jobs.all), b.files.keys())
			}
		})
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	keyed := func(body, key string) dataset.Upload {
		u := upload(body)
		u.IdempotencyKey = key
		return u
	}
	first, j, err := b.Create(t.Context(), keyed(people, "k1"))
	if err != nil {
		t.Fatal(err)
	}
	again, k, err := b.Create(t.Context(), keyed(people, "k1"))
	if err != nil || again.ID != first.ID || k.ID != j.ID {
		t.Errorf("again %v %v, error %v", again, k, err)
	}
	if len(b.files.keys()) != 1 {
		t.Errorf("files %v", b.files.keys())
	}
	_, _, err = b.Create(t.Context(), keyed(people+"dan,5,\n", "k1"))
	checkCode(t, err, fault.ClassConflict, "idempotency_key_reused")
	other := keyed(people, "k1")
	other.Name = "another"
	_, _, err = b.Create(t.Context(), other)
	checkCode(t, err, fault.ClassConflict, "idempotency_key_reused")
	stranger := keyed(people, "k1")
	stranger.Tenant = "other"
	if d, _, err := b.Create(t.Context(), stranger); err != nil || d.ID == first.ID {
		t.Errorf("another tenant: %v, error %v", d, err)
	}
	if err := b.Delete(t.Context(), "acme", first.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.Create(t.Context(), keyed(people, "k1"))
	checkCode(t, err, fault.ClassConflict, "idempotency_key_reused")
}

func TestIdempotencyInParallel(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var group sync.WaitGroup
	ids := make([]string, 20)
	for i := range ids {
		group.Go(func() {
			u := upload(people)
			u.IdempotencyKey = "k"
			d, _, err := b.Create(t.Context(), u)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = d.ID
		})
	}
	group.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("data sets %v", ids)
			break
		}
	}
	if len(b.jobs.all) != 1 || len(b.files.keys()) != 1 {
		t.Errorf("%d jobs, files %v", len(b.jobs.all), b.files.keys())
	}
}

func TestAJobThatWasNotSubmittedIsSubmittedLater(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.jobs.fail = fault.Unavailable("store_unavailable", "away")
	u := upload(people)
	u.IdempotencyKey = "k"
	_, _, err := b.Create(t.Context(), u)
	checkCode(t, err, fault.ClassUnavailable, "store_unavailable")
	b.jobs.fail = nil
	u.Body = strings.NewReader(people)
	d, j, err := b.Create(t.Context(), u)
	if err != nil || d.JobID != j.ID || len(b.jobs.all) != 1 {
		t.Fatalf("data set %+v, error %v", d, err)
	}
	b.finish(t, j)

	b.jobs.fail = fault.Unavailable("store_unavailable", "away")
	_, _, err = b.Create(t.Context(), upload(people))
	checkCode(t, err, fault.ClassUnavailable, "store_unavailable")
	b.jobs.fail = nil
	page, err := b.List(t.Context(), "acme", "", 0)
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("list %v, error %v", page, err)
	}
	for _, d := range page.Items {
		if d, err := b.Get(t.Context(), "acme", d.ID); err != nil || d.JobID == "" {
			t.Errorf("data set %+v, error %v", d, err)
		}
	}
}

func TestRejectedFollowsTheJob(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d, j := b.create(t, "a,b\n1\n")
	_, err := b.ingest(t.Context(), j)
	checkCode(t, err, fault.ClassInvalid, "csv_ragged_row")
	for state, want := range map[job.State]dataset.State{
		job.Failed: dataset.Rejected, job.Cancelled: dataset.Rejected, job.Pending: dataset.Uploaded, job.Running: dataset.Uploaded,
	} {
		j.State = state
		got, err := b.Get(t.Context(), "acme", d.ID)
		if err != nil || got.State != want {
			t.Errorf("%s: %v, error %v", state, got, err)
		}
		page, err := b.List(t.Context(), "acme", "", 0)
		if err != nil || page.Items[0].State != want {
			t.Errorf("%s: %v, error %v", state, page.Items, err)
		}
	}
	b.jobs.all = nil // cleaned up
	if got, err := b.Get(t.Context(), "acme", d.ID); err != nil || got.State != dataset.Uploaded {
		t.Errorf("%v, error %v", got, err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d, j := b.create(t, people)
	b.jobs.active = true
	checkCode(t, b.Delete(t.Context(), "acme", d.ID), fault.ClassConflict, "dataset_in_use")
	checkCode(t, b.Delete(t.Context(), "other", d.ID), fault.ClassNotFound, "dataset_not_found")
	b.jobs.active = false
	made, err := b.ingest(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), "acme", d.ID); err != nil {
		t.Fatal(err)
	}
	b.publish(t, j, made) // comes late
	_, err = b.Get(t.Context(), "acme", d.ID)
	checkCode(t, err, fault.ClassNotFound, "dataset_not_found")
	checkCode(t, b.Delete(t.Context(), "acme", d.ID), fault.ClassNotFound, "dataset_not_found")
	if page, err := b.List(t.Context(), "acme", "", 0); err != nil || len(page.Items) > 0 {
		t.Errorf("list %v, error %v", page, err)
	}
	if keys, err := b.References(t.Context(), d.ID, b.now); err != nil || len(keys) > 0 {
		t.Errorf("references %v, error %v", keys, err)
	}
	if keys, err := b.References(t.Context(), "ds_none", b.now); err != nil || len(keys) > 0 {
		t.Errorf("references %v, error %v", keys, err)
	}
	_, err = b.ingest(t.Context(), j)
	checkCode(t, err, fault.ClassNotFound, "dataset_not_found")
}

func TestListPages(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var want []string
	for i := range 5 {
		b.now = b.now.Add(time.Second)
		d, _ := b.create(t, fmt.Sprintf("a,b\n%d,2\n", i))
		want = append([]string{d.ID}, want...)
	}
	var got []string
	for cursor := ""; ; {
		page, err := b.List(t.Context(), "acme", cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			got = append(got, d.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if page, err := b.List(t.Context(), "other", "", 2); err != nil || len(page.Items) > 0 {
		t.Errorf("another tenant sees %v, error %v", page, err)
	}
	_, err := b.List(t.Context(), "acme", "garbage", 2)
	checkCode(t, err, fault.ClassInvalid, "invalid_cursor")
}

func TestGetOfAStrangeID(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d, _ := b.create(t, people)
	for _, id := range []string{"", "x", strings.Repeat("y", 500)} {
		_, err := b.Get(t.Context(), "acme", id)
		checkCode(t, err, fault.ClassNotFound, "dataset_not_found")
	}
	_, err := b.Get(t.Context(), "other", d.ID)
	checkCode(t, err, fault.ClassNotFound, "dataset_not_found")
}

func TestUploadIsStreamed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	u := upload("")
	u.Body = iotest.OneByteReader(io.MultiReader(strings.NewReader(people), strings.NewReader("dan,5,\n")))
	d, j, err := b.Create(t.Context(), u)
	if err != nil || d.Size != int64(len(people))+7 {
		t.Fatalf("data set %+v, error %v", d, err)
	}
	if made := b.finish(t, j); made.Rows != 4 {
		t.Errorf("rows %d", made.Rows)
	}
}
