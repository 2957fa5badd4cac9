package httpapi_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/narrativeml/narrative/internal/cache"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/resilience"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/secret"
	"github.com/narrativeml/narrative/internal/tabular"
)

// shared is a cache that keeps answers in a Redis of its own.
func shared(t *testing.T) (*cache.Cache, *miniredis.Miniredis) {
	t.Helper()
	redis := miniredis.RunT(t)
	config := cache.DefaultConfig()
	config.URL, config.Timeout = secret.New("redis://"+redis.Addr()), 5*time.Second
	c, err := cache.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, redis
}

// looks are the answers that are made of a version.
func looks(id string) []string {
	at := datasetsPath + "/" + id
	return []string{at + "/profile", at + "/preview?limit=3", at + "/charts/histogram?x=x", at + "/suggestions"}
}

// settled waits until an answer is kept.
func settled(redis *miniredis.Miniredis, answers int) {
	for kept := 0; kept < answers; runtime.Gosched() {
		kept = 0
		for _, name := range redis.Keys() {
			if !strings.HasSuffix(name, ":kept") && !strings.HasSuffix(name, ":sizes") {
				kept++
			}
		}
	}
}

// What is kept is not made again, by this process or another; a new version, or a
// role, makes it another.
func TestAnswersAreKeptUntilTheyAreOthers(t *testing.T) {
	t.Parallel()
	answers, redis := shared(t)
	b := setup(t, func(b *bench) { b.deps.Answers = answers })
	d := b.datasets.add("ada", dataset.Ready)
	for i, at := range looks(d.ID) {
		first := b.get(t, at, ada)
		settled(redis, i+1)
		again := b.get(t, at, ada)
		if first.status != http.StatusOK || string(first.body) != string(again.body) || first.header.Get("ETag") != again.header.Get("ETag") {
			t.Errorf("%s: %s, then %s", at, first.body, again.body)
		}
		if unchanged := b.get(t, at, ada, "If-None-Match", `"x", W/`+first.header.Get("ETag")); unchanged.status != http.StatusNotModified || len(unchanged.body) > 0 {
			t.Errorf("%s with its tag: status %d", at, unchanged.status)
		}
		if whatever := b.get(t, at, ada, "If-None-Match", "*"); whatever.status != http.StatusNotModified {
			t.Errorf("%s with any tag: status %d", at, whatever.status)
		}
	}
	if n := b.datasets.charts; n != 1 {
		t.Errorf("the chart was drawn %d times", n)
	}
	address := looks(d.ID)[2]
	old := b.get(t, address, ada)
	b.datasets.change(d.ID, func(d *dataset.Dataset) { v := *d.Version; v.Number, v.Rows, v.Hash = 2, 7, "other"; d.Version = &v })
	fresh := b.get(t, address, ada, "If-None-Match", old.header.Get("ETag"))
	if fresh.status != http.StatusOK || !strings.Contains(string(fresh.body), `"rows":7`) || b.datasets.charts != 2 {
		t.Errorf("of the new version: status %d, %s", fresh.status, fresh.body)
	}
	b.change(t, datasetsPath+"/"+d.ID+"/schema", ada, `{"columns":[{"name":"x","role":"target"}]}`)
	if r := b.get(t, address, ada, "If-None-Match", fresh.header.Get("ETag")); r.status != http.StatusOK {
		t.Errorf("after a role was set: status %d", r.status)
	}
}

// change changes the record as the store does.
func (f *datasets) change(id string, change func(*dataset.Dataset)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := *f.all[id]
	change(&d)
	d.Revision++
	f.all[id] = &d
}

// While versions come and go, nobody is shown an older one than was there when
// the request began, and a body is always that of its tag.
func TestNoAnswerIsOlderThanItsQuestion(t *testing.T) {
	t.Parallel()
	answers, _ := shared(t)
	b := setup(t, func(b *bench) { b.deps.Answers = answers })
	d := b.datasets.add("ada", dataset.Ready)
	address := looks(d.ID)[2]
	var version atomic.Int64
	version.Store(2)
	b.datasets.change(d.ID, func(d *dataset.Dataset) { v := *d.Version; v.Rows = 2; d.Version = &v })
	var mu sync.Mutex
	tags := map[string]string{}
	asked := make(chan struct{}, 8) // each question has a version made beside it
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for range asked {
			next := version.Load() + 1
			b.datasets.change(d.ID, func(d *dataset.Dataset) { v := *d.Version; v.Rows, v.Number = next, int(next); d.Version = &v })
			version.Store(next)
		}
	})
	for range 4 {
		readers.Go(func() {
			for range 40 {
				asked <- struct{}{}
				before := version.Load()
				r := b.get(t, address, ada)
				c := decode[chart.Chart](t, r)
				if c.Rows < before {
					t.Errorf("version %d is shown after %d was there", c.Rows, before)
				}
				mu.Lock()
				if other, ok := tags[r.header.Get("ETag")]; ok && other != string(r.body) {
					t.Errorf("a tag has two bodies: %s and %s", other, r.body)
				}
				tags[r.header.Get("ETag")] = string(r.body)
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	close(asked)
	writer.Wait()
	if len(tags) < 2 {
		t.Errorf("only %d versions were seen", len(tags))
	}
}

// Two tenants with records that differ in nothing but the tenant have nothing
// together.
func TestAnswersAreNotSharedBetweenTenants(t *testing.T) {
	t.Parallel()
	answers, redis := shared(t)
	const id = "ds_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"
	of := func(tenant, name string) *bench {
		return setup(t, func(b *bench) {
			b.deps.Answers = answers
			d := b.datasets.add(tenant, dataset.Ready)
			d.ID = id
			b.datasets.all[id] = d
			b.datasets.view = dataset.Preview{Schema: tabular.Schema{{Name: name, Type: tabular.String}}, Rows: [][]any{{name}}, RowsTotal: 1}
		})
	}
	one, two := of("ada", "ada's"), of("bob", "bob's")
	at := datasetsPath + "/" + id + "/preview"
	first := one.get(t, at, ada)
	settled(redis, 1)
	second := two.get(t, at, bob, "If-None-Match", first.header.Get("ETag"))
	if second.status != http.StatusOK || strings.Contains(string(second.body), "ada") || !strings.Contains(string(second.body), "bob") {
		t.Errorf("the other tenant: status %d, %s", second.status, second.body)
	}
	wantProblem(t, one.get(t, at, bob), http.StatusNotFound, "dataset_not_found")
}

// An answer that is compressed has a weak tag, by which it is found unchanged.
func TestTagsOfCompressedAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) {
		for range 200 {
			b.datasets.view.Rows = append(b.datasets.view.Rows, []any{1.5})
		}
	})
	d := b.datasets.add("ada", dataset.Ready)
	at := datasetsPath + "/" + d.ID + "/preview?limit=200"
	zipped := b.get(t, at, ada, "Accept-Encoding", "gzip")
	plain := b.get(t, at, ada, "Accept-Encoding", "identity")
	tag, strong := zipped.header.Get("ETag"), plain.header.Get("ETag")
	if zipped.header.Get("Content-Encoding") != "gzip" || tag != "W/"+strong || !strings.HasPrefix(strong, `"`) {
		t.Errorf("tags %s and %s", tag, strong)
	}
	for _, tag := range []string{tag, strong} {
		if r := b.get(t, at, ada, "Accept-Encoding", "gzip", "If-None-Match", tag); r.status != http.StatusNotModified {
			t.Errorf("%s: status %d", tag, r.status)
		}
	}
}

var _ httpapi.Answers = (*cache.Cache)(nil)

// Faults of the making reach all who asked, as they are.
func TestFaultsOfSharedAnswers(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	d := b.upload(t, ada, nil, "file", "a,b\n1,2\n")
	id := decode[httpapi.Accepted](t, d).DatasetID
	for _, at := range looks(id) {
		wantProblem(t, b.get(t, at, ada, "If-None-Match", "*"), http.StatusConflict, "dataset_not_ready")
	}
}

// away is a Redis that takes connections and never answers.
func away(tb testing.TB) string {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// Without Redis, or with one that hangs, answers are as they are with it, and the
// breaker sees to it that nobody waits for long.
func TestAnswersWithoutRedis(t *testing.T) {
	t.Parallel()
	gone := miniredis.RunT(t)
	at := map[string]string{"killed": gone.Addr(), "hanging": away(t)}
	gone.Close()
	for name, address := range at {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guarded := resilience.DefaultConfig()
			guarded.Name, guarded.Code, guarded.Calls, guarded.Delay, guarded.Wait = "cache", "cache_unavailable", 3, time.Hour, 0
			guard, err := resilience.New(guarded)
			if err != nil {
				t.Fatal(err)
			}
			config := cache.DefaultConfig()
			config.URL, config.Timeout, config.Guard = secret.New("redis://"+address), 10*time.Millisecond, guard
			answers, err := cache.New(config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = answers.Close() })
			with, without := setup(t, func(b *bench) { b.deps.Answers = answers }), setup(t)
			for i := range 6 {
				d, same := with.datasets.add("ada", dataset.Ready), without.datasets.add("ada", dataset.Ready)
				for k, look := range looks(d.ID) {
					got, want := with.get(t, look, ada), without.get(t, looks(same.ID)[k], ada)
					if got.status != http.StatusOK || string(got.body) != string(want.body) {
						t.Errorf("%d, %s: status %d, %s; want %s", i, look, got.status, got.body, want.body)
					}
				}
			}
			if state := guard.State(); state != resilience.Open {
				t.Errorf("the breaker is %s", state)
			}
		})
	}
}

// BenchmarkAnswers measures a chart and a preview of a real table that are made for
// each who asks, that are kept, and that the client has.
func BenchmarkAnswers(b *testing.B) {
	redis := miniredis.RunT(b)
	config := cache.DefaultConfig()
	config.URL, config.Timeout = secret.New("redis://"+redis.Addr()), 5*time.Second
	kept, err := cache.New(config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = kept.Close() })
	handler, id := served(b, kept)
	bare, same := served(b, answers())
	for _, look := range []string{"/preview?limit=100", "/charts/scatter?x=age&y=family", "/charts/box_plot?y=age&by=region", "/profile"} {
		ask := func(b *testing.B, h http.Handler, id, tag string) string {
			b.Helper()
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, datasetsPath+"/"+id+look, nil)
			r.Header.Set("Authorization", "Bearer "+ada)
			r.Header.Set("If-None-Match", tag)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if want := http.StatusOK; w.Code != want && tag == "" || tag != "" && w.Code != http.StatusNotModified {
				b.Fatalf("status %d: %s", w.Code, w.Body)
			}
			return w.Header().Get("ETag")
		}
		tag := ask(b, handler, id, "")
		for _, way := range []struct {
			name string
			ask  func(*testing.B)
		}{
			{"made", func(b *testing.B) { b.Helper(); ask(b, bare, same, "") }},
			{"kept", func(b *testing.B) { b.Helper(); ask(b, handler, id, "") }},
			{"unchanged", func(b *testing.B) { b.Helper(); ask(b, handler, id, tag) }},
		} {
			b.Run(way.name+strings.ReplaceAll(look, "/", " "), func(b *testing.B) {
				for b.Loop() {
					way.ask(b)
				}
			})
		}
	}
}

// served is an API with the real services over one of the bundled data sets.
func served(tb testing.TB, a httpapi.Answers) (h http.Handler, id string) {
	tb.Helper()
	set, _ := sample.Lookup("insurance")
	file, err := set.Open()
	if err != nil {
		tb.Fatal(err)
	}
	d := newDomain(tb, deaf{})
	b := newBench()
	d.behind(b)
	b.deps.Answers = a
	if h, err = httpapi.New(b.config, b.deps); err != nil {
		tb.Fatal(err)
	}
	made, j, err := d.datasets.Create(tb.Context(), dataset.Upload{Tenant: "ada", User: "ada", Name: "insurance", Filename: set.Filename, Body: file})
	if err != nil {
		tb.Fatal(err)
	}
	runner := job.NewRunner(job.RunnerConfig{Worker: "wkr_1", Driver: d.driver, Files: d.files, Handlers: d.handlers()})
	if err := runner.Handle(tb.Context(), job.Delivery{JobID: j.ID, Tenant: "ada", Epoch: j.Epoch, Kind: j.Kind, Pool: j.Pool}); err != nil {
		tb.Fatal(err)
	}
	return h, made.ID
}
