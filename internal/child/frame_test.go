package child_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/child"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// framed makes a frame by hand.
func framed(head string, data ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(head)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return append(append(b, head...), data...)
}

// unframe takes the frame apart.
func unframe(t *testing.T, r io.Reader) (head map[string]any) {
	t.Helper()
	var lengths [8]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint32(lengths[:4])+binary.BigEndian.Uint32(lengths[4:]))
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b[:binary.BigEndian.Uint32(lengths[:4])], &head); err != nil {
		t.Fatal(err)
	}
	return head
}

// beginning tells a child to do the kind of job.
func beginning(kind string) []byte {
	return framed(`{"type":"start","start":{"settings":{"Greeting":"x"},"id":"job_1","job":{"kind":"` + kind + `","tenant":"acme","payload":{"N":1}},"prefix":"jobs/job_1/1/"}}`)
}

func TestWhatIsNoFrame(t *testing.T) {
	t.Parallel()
	for name, said := range map[string][]byte{
		"nothing":         {},
		"half a length":   {0, 0, 0},
		"half a head":     framed(`{"type":"start"}`)[:12],
		"half the data":   framed(`{"type":"start"}`, 1, 2, 3)[:25],
		"a huge head":     {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"huge data":       {0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, '{', '}'},
		"data that fails": {0, 0, 0, 2, 0x0f, 0xff, 0xff, 0xff, '{', '}'},
		"no JSON":         framed(`{"type":`),
		"no type":         framed(`{}`),
		"no job":          framed(`{"type":"start","start":{}}`),
		"another type":    framed(`{"type":"drain"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := child.Serve(t.Context(), bytes.NewReader(said), &out, open); err == nil || out.Len() > 0 {
				t.Errorf("error %v, and it says %q", err, out.String())
			}
		})
	}
}

// A child whose worker is gone ends at once, whatever its handler does.
func TestOrphan(t *testing.T) {
	t.Parallel()
	in, worker := io.Pipe()
	heard, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- child.Serve(context.Background(), in, out, open) }()
	if _, err := worker.Write(beginning("hang")); err != nil {
		t.Fatal(err)
	}
	unframe(t, heard) // its line
	unframe(t, heard) // its progress
	if err := worker.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, child.ErrOrphaned) {
		t.Errorf("it ended with %v", err)
	}
}

// What the worker says that the child does not know is passed over, so that a
// call that nobody waits for does no harm.
func TestWhatAChildPassesOver(t *testing.T) {
	t.Parallel()
	in, worker := io.Pipe()
	heard, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- child.Serve(context.Background(), in, out, open) }()
	go func() {
		for _, b := range [][]byte{beginning("obey"), framed(`{"type":"answer","call":99}`), framed(`{"type":"news"}`), framed(`{"type":"limit","bytes":1073741824}`), framed(`{"type":"cancel","text":"enough"}`)} {
			if _, err := worker.Write(b); err != nil {
				return
			}
		}
	}()
	if m := unframe(t, heard); m["type"] != "progress" {
		t.Errorf("it says %v", m)
	}
	m := unframe(t, heard)
	failure, _ := m["failure"].(map[string]any)
	if text, _ := failure["text"].(string); m["type"] != "failure" || !strings.Contains(text, "context canceled") || !strings.Contains(text, "enough") {
		t.Errorf("it says %v", m)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	_ = worker.Close()
}

// A child reads records by their identifiers, and that is all.
func TestRecordsAreReadOnly(t *testing.T) {
	t.Parallel()
	var link child.Link
	r, ctx := link.Records(), t.Context()
	errs := map[string]error{"ensure": r.Ensure(ctx), "delete": r.Delete(ctx, "jobs", "a", 0)}
	_, errs["insert"] = r.Insert(ctx, "jobs", store.Record{})
	_, errs["replace"] = r.Replace(ctx, "jobs", store.Record{})
	_, errs["find"] = r.Find(ctx, "jobs", store.Scan{})
	_, errs["count"] = r.Count(ctx, "jobs", store.Scan{}, 0)
	for name, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "reads records by their identifiers") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(r.Ping(ctx), r.Close(ctx)); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.Get(ended, "jobs", "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("get when all is over: %v", err)
	}
}

func TestEnviron(t *testing.T) {
	t.Parallel()
	got := child.Environ([]string{
		"PATH=/bin", "HOME=/root", "GOMAXPROCS=2", "SSL_CERT_FILE=/etc/ca", "https_proxy=http://p", "NO_PROXY=x", "TZ=UTC",
		"NARRATIVE_S3_SECRET_ACCESS_KEY=secret", "AUTH_SECRET=secret", "AWS_SECRET_ACCESS_KEY=secret", "LD_PRELOAD=x", "empty",
	})
	want := []string{"PATH=/bin", "HOME=/root", "GOMAXPROCS=2", "SSL_CERT_FILE=/etc/ca", "https_proxy=http://p", "NO_PROXY=x", "TZ=UTC"}
	if !slices.Equal(got, want) {
		t.Errorf("a child gets %q", got)
	}
}

// This process is no child, and says so when it is asked to be one.
func TestNobodysChild(t *testing.T) {
	t.Parallel()
	h, err := child.NewHost(child.Config{Settings: func() {}})
	if err == nil {
		t.Errorf("settings that are no JSON make %v", h)
	}
}

// FuzzServe: whatever a worker says, a child does not break over it.
func FuzzServe(f *testing.F) {
	f.Add(beginning("internal"))
	f.Add(append(beginning("snooze"), framed(`{"type":"drain"}`)...))
	f.Add(framed(`{"type":"start","start":{"job":{}}}`, 1, 2))
	f.Add(framed(`{"type":"start","start":{"memory":-1,"settings":{"Greeting":"x"},"job":{"kind":"invalid","history":null}}}`))
	quiet := func(_ context.Context, _ json.RawMessage, link *child.Link) (map[string]job.Handler, func(), error) {
		return map[string]job.Handler{"internal": job.HandlerFunc(func(ctx context.Context, t *job.Task) (any, error) {
			t.Report.Progress("x", 2, -1, -1)
			if err := t.Decode(&struct{ N int }{}); err != nil {
				return nil, err
			}
			return nil, fault.Conflict("odd", "%s", t.Prefix)
		})}, func() {}, link.Event("began", 1)
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		var out lockedBuffer
		_ = child.Serve(t.Context(), bytes.NewReader(said), &out, quiet)
	})
}
