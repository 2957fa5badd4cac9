package sqlitestore_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

const crashVariable = "NARRATIVE_TEST_CRASH_STORE"

func logs() store.Collection {
	return store.Collection{Name: "logs", Indexes: []store.Index{
		{Name: "by_writer", Fields: []store.IndexField{{Name: "writer"}, {Name: "step", Type: store.Int}}},
	}}
}

func logRecord(writer string, step int) store.Record {
	return store.Record{
		ID:   fmt.Sprintf("%s-%06d", writer, step),
		Keys: map[string]any{"writer": writer, "step": int64(step)},
		Body: []byte(`"` + strings.Repeat("x", 500) + `"`),
	}
}

// TestCrashWriter is the process that TestCrash kills. It writes from several
// goroutines and says on its standard output what was acknowledged.
func TestCrashWriter(t *testing.T) {
	setting, ok := os.LookupEnv(crashVariable)
	if !ok {
		t.Skip("runs as a child of TestCrash only")
	}
	path, durability, _ := strings.Cut(setting, "|")
	ctx := context.Background()
	d := open(t, sqlitestore.Config{Path: path, Durability: sqlitestore.Durability(durability)})
	if err := d.Ensure(ctx, logs()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	say := func(id string, revision int) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(os.Stdout, "ack %s %d\n", id, revision)
	}
	var group sync.WaitGroup
	for writer := range 8 {
		group.Go(func() {
			for step := range 1_000_000 {
				r := logRecord(fmt.Sprintf("w%d.%d", os.Getpid(), writer), step)
				if errs, err := d.Insert(ctx, "logs", r); err != nil || errs[0] != nil {
					t.Error(errs, err)
					return
				}
				say(r.ID, 1)
				if step%3 == 0 {
					r.Revision = 1
					if errs, err := d.Replace(ctx, "logs", r); err != nil || errs[0] != nil {
						t.Error(errs, err)
						return
					}
					say(r.ID, 2)
				}
			}
		})
	}
	group.Wait()
}

// TestCrash kills a writing process several times and checks that everything it
// had acknowledged is there.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, durability := range []sqlitestore.Durability{sqlitestore.Full, sqlitestore.Normal} {
		t.Run(string(durability), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "records.db")
			acknowledged := map[string]int64{}
			for round := range 3 {
				killWriter(t, path+"|"+string(durability), 300+round*200, acknowledged)
				d := open(t, sqlitestore.Config{Path: path})
				if err := d.Ensure(t.Context(), logs()); err != nil {
					t.Fatal(err)
				}
				for id, revision := range acknowledged {
					r, err := d.Get(t.Context(), "logs", id)
					if err != nil || r.Revision < revision {
						t.Errorf("round %d: %s was acknowledged at revision %d: %v, revision %d", round, id, revision, err, r.Revision)
					}
					if writer, _, _ := strings.Cut(id, "-0"); r.Keys["writer"] != writer || len(r.Body) != 502 {
						t.Errorf("round %d: %s is damaged: %v", round, id, r.Keys)
					}
				}
				var verdict string
				if err := raw(t, path).QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
					t.Errorf("round %d: the file is %s, %v", round, verdict, err)
				}
				if err := d.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// killWriter starts a writer and kills it after so many acknowledgements, which
// it adds to the map.
func killWriter(t *testing.T, setting string, after int, acknowledged map[string]int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCrashWriter$")
	child.Env = append(os.Environ(), crashVariable+"="+setting)
	var stderr bytes.Buffer
	child.Stderr = &stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var id string
		var revision int64
		if n, err := fmt.Sscanf(lines.Text(), "ack %s %d", &id, &revision); n != 2 || err != nil {
			continue // cut off by the end
		}
		acknowledged[id] = max(acknowledged[id], revision)
		if seen++; seen == after {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || seen < after {
		t.Fatalf("the writer ended by itself after %d acknowledgements: %v %s", seen, err, stderr.String())
	}
}
