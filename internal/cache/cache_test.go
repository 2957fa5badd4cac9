package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/narrativeml/narrative/internal/cache"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
)

// bundle is a cache on a Redis of its own.
type bundle struct {
	*cache.Cache
	redis *miniredis.Miniredis

	mu       sync.Mutex
	outcomes []cache.Outcome
}

func (b *bundle) observe(_ string, o cache.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outcomes = append(b.outcomes, o)
}

// last returns the newest outcome.
func (b *bundle) last() cache.Outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.outcomes[len(b.outcomes)-1]
}

func setup(t *testing.T, change ...func(*cache.Config)) *bundle {
	t.Helper()
	b := &bundle{redis: miniredis.RunT(t)}
	c := cache.DefaultConfig()
	c.URL, c.Observe, c.Timeout = secret.New("redis://"+b.redis.Addr()), b.observe, 5*time.Second
	for _, f := range change {
		f(&c)
	}
	var err error
	if b.Cache, err = cache.New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func key() cache.Key {
	return cache.Key{Release: "1", Tenant: "acme", Dataset: "ds_1", Version: 1, Content: "c", Form: cache.Plain, Answer: "chart", Parameters: "x=1"}
}

// ask returns the answer, and whether it had to be made. What is being kept is
// waited for.
func (b *bundle) ask(t *testing.T, k cache.Key, text string) (answer string, made bool) {
	t.Helper()
	got, err := b.Do(t.Context(), k, func(context.Context) ([]byte, error) { made = true; return []byte(text), nil })
	if err != nil {
		t.Fatal(err)
	}
	if made && b.last() == cache.Miss {
		b.settle(t)
	}
	return string(got), made
}

// settle waits until what was made is kept: until Redis has heard a script.
func (b *bundle) settle(t *testing.T) {
	t.Helper()
	b.WaitKept()
}

func TestKeptAnswersAreGivenAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("a long answer ", 10_000)
	for _, text := range []string{"short", long, ""} {
		k := key()
		k.Parameters = fmt.Sprint(len(text))
		if got, made := b.ask(t, k, text); got != text || !made || b.last() != cache.Miss {
			t.Errorf("first %.20q, made %v, %s", got, made, b.last())
		}
		if got, made := b.ask(t, k, "another"); got != text || made || b.last() != cache.Hit {
			t.Errorf("then %.20q, made %v, %s", got, made, b.last())
		}
	}
	if used := size(b); used > len(long)/10 {
		t.Errorf("%d bytes are kept of %d that repeat themselves", used, len(long))
	}
}

// size is that of all answers that Redis has.
func size(b *bundle) int {
	n := 0
	for _, name := range b.redis.Keys() {
		if v, err := b.redis.Get(name); err == nil {
			n += len(v)
		}
	}
	return n
}

// Every part of the key keeps answers apart, above all the tenant and the form.
func TestKeysKeepAnswersApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	changes := map[string]func(*cache.Key){
		"nothing":      func(*cache.Key) {},
		"a release":    func(k *cache.Key) { k.Release = "2" },
		"a tenant":     func(k *cache.Key) { k.Tenant = "globex" },
		"a data set":   func(k *cache.Key) { k.Dataset = "ds_2" },
		"a version":    func(k *cache.Key) { k.Version = 2 },
		"the content":  func(k *cache.Key) { k.Content = "d" },
		"the form":     func(k *cache.Key) { k.Form = "masked" },
		"an answer":    func(k *cache.Key) { k.Answer = "profile" },
		"a parameter":  func(k *cache.Key) { k.Parameters = "x=2" },
		"parts joined": func(k *cache.Key) { k.Tenant, k.Dataset = "acmed", "s_1" },
	}
	tags := map[string]string{}
	for name, change := range changes {
		k := key()
		change(&k)
		if _, made := b.ask(t, k, name); !made {
			t.Errorf("%s makes no other key", name)
		}
		tag, err := k.Tag()
		if err != nil || len(tag) != 34 || tags[tag] != "" {
			t.Errorf("the tag of %s is %s, error %v; %q has it, too", name, tag, err, tags[tag])
		}
		tags[tag] = name
	}
	for name, change := range changes {
		k := key()
		change(&k)
		if got, made := b.ask(t, k, "new"); got != name || made {
			t.Errorf("%s: %q, made %v", name, got, made)
		}
	}
}

func TestIncompleteKeysAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for part, change := range map[string]func(*cache.Key){
		"release": func(k *cache.Key) { k.Release = "" },
		"tenant":  func(k *cache.Key) { k.Tenant = "" },
		"dataset": func(k *cache.Key) { k.Dataset = "" },
		"version": func(k *cache.Key) { k.Version = 0 },
		"content": func(k *cache.Key) { k.Content = "" },
		"form":    func(k *cache.Key) { k.Form = "" },
		"answer":  func(k *cache.Key) { k.Answer = "" },
	} {
		k := key()
		change(&k)
		_, err := b.Do(t.Context(), k, func(context.Context) ([]byte, error) {
			t.Errorf("an answer without %s was made", part)
			return nil, nil
		})
		if e, ok := errors.AsType[*cache.IncompleteError](err); !ok || e.Part != part || !strings.Contains(err.Error(), part) {
			t.Errorf("without %s: %v", part, err)
		}
		if _, err := k.Tag(); err == nil {
			t.Errorf("a key without %s has a tag", part)
		}
	}
}

func TestWhatIsDamagedIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := strings.Repeat("answer ", 1000)
	k, other := key(), key()
	other.Tenant = "globex"
	b.ask(t, k, text)
	b.ask(t, other, strings.ToUpper(text))
	names := b.redis.Keys()
	var answers []string
	for _, name := range names {
		if _, err := b.redis.Get(name); err == nil {
			answers = append(answers, name)
		}
	}
	if len(answers) != 2 {
		t.Fatalf("kept: %q", names)
	}
	one, _ := b.redis.Get(answers[0])
	two, _ := b.redis.Get(answers[1])
	spoilt := []byte(one)
	spoilt[len(spoilt)/2] ^= 1
	for name, value := range map[string]string{
		"nothing": "", "short": "x", "cut off": one[:len(one)/2], "a bit": string(spoilt), "too much": one + "x",
		"other layout": "\x63" + one[1:], "other packing": one[:1] + "\x07" + one[2:], "a length": one[:6] + "\x00\x00\x00\x01" + one[10:],
		"huge": one[:6] + "\xff\xff\xff\xff" + one[10:],
	} {
		for _, at := range answers {
			_ = b.redis.Set(at, value)
		}
		if got, made := b.ask(t, k, text); got != text || !made || b.last() != cache.Failed {
			t.Errorf("%s: %.20q, made %v, %s", name, got, made, b.last())
		}
		b.settle(t)
	}
	// One's answer in the other's place is nobody's.
	_ = b.redis.Set(answers[0], two)
	_ = b.redis.Set(answers[1], one)
	for _, k := range []cache.Key{k, other} {
		if got, made := b.ask(t, k, "made"); got != "made" || !made {
			t.Errorf("%s got %.20q from another key", k.Tenant, got)
		}
	}
}

func TestErrorsAndLargeAnswersAreNotKept(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *cache.Config) { c.EntryBytes = 100 })
	wrong := fault.Invalid("chart_invalid", "no")
	for range 2 {
		if _, err := b.Do(t.Context(), key(), func(context.Context) ([]byte, error) { return nil, wrong }); !errors.Is(err, wrong) {
			t.Errorf("error %v", err)
		}
	}
	if _, made := b.ask(t, key(), strings.Repeat("x", 101)); !made {
		t.Error("an error was kept")
	}
	if _, made := b.ask(t, key(), "y"); !made {
		t.Error("a large answer was kept")
	}
	if _, err := b.Do(t.Context(), cache.Key{}, nil); err == nil {
		t.Error("an empty key was taken")
	}
	k := key()
	k.Parameters = "panic"
	if _, err := b.Do(t.Context(), k, func(context.Context) ([]byte, error) { panic("at the disco") }); err == nil || !strings.Contains(err.Error(), "at the disco") {
		t.Errorf("a panic is %v", err)
	}
}

// The bound holds whatever is kept, the oldest go first, and what is too old goes.
func TestTheBoundHolds(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	const most = 20_000
	b := setup(t, func(c *cache.Config) {
		c.Bytes, c.TTL = most, time.Minute
		c.Now = func() time.Time { return time.UnixMilli(clock.Add(1)) }
	})
	random := bytes.Repeat([]byte{0}, 900) // below what is compressed
	of := func(i int) cache.Key { k := key(); k.Parameters = fmt.Sprint(i); return k }
	for i := range 60 {
		b.ask(t, of(i), string(random))
		if n := size(b); n > most {
			t.Fatalf("%d bytes are kept, more than %d", n, most)
		}
	}
	if _, made := b.ask(t, of(59), ""); made {
		t.Error("the newest is gone")
	}
	if _, made := b.ask(t, of(0), string(random)); !made {
		t.Error("the oldest is there")
	}
	if n := size(b); n < most/2 {
		t.Errorf("only %d bytes are kept of %d", n, most)
	}
	b.redis.FastForward(2 * time.Minute)
	clock.Add(time.Minute.Milliseconds() + 1)
	if n := size(b); n != 0 {
		t.Errorf("%d bytes are kept after their time", n)
	}
	for i := range 60 {
		b.ask(t, of(i), string(random))
	}
	if n := size(b); n < most/2 || n > most {
		t.Errorf("%d bytes are kept after others had gone by themselves", n)
	}
	k := key()
	if _, made := b.ask(t, k, strings.Repeat("\x00", most)); !made {
		t.Error("what nobody asked for was kept")
	}
}

// Ten who ask together have it made once.
func TestOneMakingForAll(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*cache.Config){
		"kept": func(*cache.Config) {}, "not kept": func(c *cache.Config) { c.Bytes = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			var made atomic.Int64
			release, entered := make(chan struct{}), make(chan struct{})
			var wg sync.WaitGroup
			ask := func() {
				got, err := b.Do(t.Context(), key(), func(context.Context) ([]byte, error) {
					made.Add(1)
					close(entered)
					<-release
					return []byte("once"), nil
				})
				if err != nil || string(got) != "once" {
					t.Errorf("%q, error %v", got, err)
				}
			}
			wg.Go(ask)
			<-entered
			var asked sync.WaitGroup
			for range 9 {
				asked.Add(1)
				wg.Go(func() { asked.Done(); ask() })
			}
			asked.Wait()
			b.WaitJoined(key(), 10)
			close(release)
			wg.Wait()
			if n := made.Load(); n != 1 {
				t.Errorf("it was made %d times", n)
			}
		})
	}
}

// A caller who goes does not take the answer from the others; when all have
// gone, nobody works on it.
func TestCallersMayGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	entered, ended := make(chan struct{}), make(chan error, 1)
	release := make(chan struct{})
	first, leave := context.WithCancel(t.Context())
	fill := func(ctx context.Context) ([]byte, error) {
		close(entered)
		select {
		case <-ctx.Done():
			ended <- ctx.Err()
			return nil, ctx.Err()
		case <-release:
			ended <- nil
			return []byte("there"), nil
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := b.Do(first, key(), fill); !errors.Is(err, context.Canceled) {
			t.Errorf("who has gone got %v", err)
		}
	})
	<-entered
	wg.Go(func() {
		got, err := b.Do(t.Context(), key(), nil)
		if err != nil || string(got) != "there" {
			t.Errorf("who stayed got %q, error %v", got, err)
		}
	})
	b.WaitJoined(key(), 2)
	leave()
	b.WaitJoined(key(), 1)
	close(release)
	wg.Wait()
	if err := <-ended; err != nil {
		t.Errorf("the making ended with %v", err)
	}

	k := key()
	k.Parameters = "alone"
	entered, release = make(chan struct{}), make(chan struct{})
	alone, leave := context.WithCancel(t.Context())
	wg.Go(func() { _, _ = b.Do(alone, k, fill) })
	<-entered
	leave()
	wg.Wait()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a making for nobody ended with %v", err)
	}
	if got, made := b.ask(t, k, "afresh"); got != "afresh" || !made {
		t.Errorf("afterwards %q, made %v", got, made)
	}
}

// deaf is a server that takes connections and never answers.
func deaf(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// tripping counts calls, and refuses after the first that failed.
type tripping struct {
	mu    sync.Mutex
	calls int
	open  bool
}

func (g *tripping) Do(ctx context.Context, call func(context.Context) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open {
		return fault.Unavailable("cache_unavailable", "open")
	}
	g.calls++
	err := call(ctx)
	g.open = fault.ClassOf(err) == fault.ClassUnavailable
	return err
}

func TestItWorksWithoutRedis(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *bundle, *cache.Config){
		"off":      func(_ *testing.T, _ *bundle, c *cache.Config) { c.Bytes = 0 },
		"killed":   func(_ *testing.T, b *bundle, _ *cache.Config) { b.redis.Close() },
		"hanging":  func(t *testing.T, _ *bundle, c *cache.Config) { c.URL = secret.New("redis://" + deaf(t)) },
		"in error": func(_ *testing.T, b *bundle, _ *cache.Config) { b.redis.SetError("OOM command not allowed") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guard := &tripping{}
			b := &bundle{redis: miniredis.RunT(t)}
			c := cache.DefaultConfig()
			c.URL, c.Observe, c.Guard = secret.New("redis://"+b.redis.Addr()), b.observe, guard
			c.Timeout = 20 * time.Millisecond
			change(t, b, &c)
			var err error
			if b.Cache, err = cache.New(c); err != nil {
				t.Fatal(err)
			}
			for range 100 {
				if got, made := b.ask(t, key(), "made"); got != "made" || !made {
					t.Fatalf("%q, made %v", got, made)
				}
				b.WaitKept()
			}
			code := "cache_unavailable"
			if name == "off" {
				code = "not_configured"
			}
			if err := b.Ping(t.Context()); fault.CodeOf(err) != code || fault.ClassOf(err) != fault.ClassUnavailable {
				t.Errorf("a look at it says %v", err)
			}
			want, calls := cache.Failed, 1
			switch name {
			case "off":
				want, calls = cache.Off, 0
			case "in error":
				calls = 201 // with the look at it
			}
			if b.last() != want || guard.calls != calls {
				t.Errorf("%s after %d calls; want %s after %d", b.last(), guard.calls, want, calls)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	// Redis that comes back is used.
	b := setup(t)
	b.redis.SetError("LOADING Redis is loading the dataset in memory")
	b.ask(t, key(), "made")
	b.WaitKept()
	b.redis.SetError("")
	b.ask(t, key(), "kept")
	if err := b.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if got, made := b.ask(t, key(), "again"); got != "kept" || made {
		t.Errorf("%q, made %v", got, made)
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*cache.Config){
		"no URL":       func(c *cache.Config) { c.URL = secret.String{} },
		"other scheme": func(c *cache.Config) { c.URL = secret.New("http://user:hunter2@host") },
		"negative":     func(c *cache.Config) { c.Bytes = -1 },
		"no answer":    func(c *cache.Config) { c.EntryBytes = 0 },
		"no time":      func(c *cache.Config) { c.TTL = 0 },
		"no timeout":   func(c *cache.Config) { c.Timeout = 0 },
	} {
		c := cache.DefaultConfig()
		c.URL = secret.New("redis://127.0.0.1:1")
		change(&c)
		if _, err := cache.New(c); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := cache.New(cache.Config{}); err != nil {
		t.Errorf("without anything: %v", err)
	}
}
