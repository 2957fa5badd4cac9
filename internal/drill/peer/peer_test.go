package peer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/drill/peer"
	"github.com/narrativeml/narrative/internal/secret"
)

// program writes a program for a shell and returns its path. Nobody forks
// meanwhile, who would hold the file open and keep it from being started.
func program(tb testing.TB, script string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "program")
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		tb.Fatal(err)
	}
	return path
}

func TestRun(t *testing.T) {
	t.Parallel()
	python := program(t, `test -s "$1" || exit 1
		printf '{"version": "%s %s %s %s %s", "train": 1.5}' "$(basename "$1")" \
		"$OMP_WAIT_POLICY" "$OMP_NUM_THREADS" "$OPENBLAS_NUM_THREADS" "$(grep -c '"threads":3')"`)
	scripts, err := peer.Install(t.TempDir(), peer.Programs{Python: python})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{
		"LightGBM": "side_lightgbm.py", "LightGBM quantized": "side_lightgbm.py", "XGBoost": "side_xgboost.py", "scikit-learn": "side_sklearn.py",
	}
	for _, side := range scripts.Boosters() {
		o, err := side.Run(t.Context(), peer.Trial{Threads: 3})
		if want := names[side.Name] + " passive 3 3 1"; err != nil || o.Version != want || o.Train != 1.5 {
			t.Errorf("%s: %+v, error %v, want %q", side.Name, o, err, want)
		}
		delete(names, side.Name)
	}
	if len(names) > 0 {
		t.Errorf("there is nobody for %v", names)
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ script, want string }{
		"a failure": {"echo one >&2; echo two >&2; echo three >&2; echo four >&2; exit 3", "exit status 3: two; three; four"},
		"no answer": {"echo hello", "read what narrative measured"},
	} {
		if _, err := peer.Program(program(t, c.script)).Run(t.Context(), peer.Trial{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := peer.Program(program(t, "echo '{}'")).Run(ctx, peer.Trial{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestInstall(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]peer.Programs{
		"find the Python of the peers: /no/such/python": {Python: "/no/such/python"},
		"find the Node.js of the peers: /no/such/node":  {Node: "/no/such/node"},
	} {
		if _, err := peer.Install(t.TempDir(), p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	if _, err := peer.Install("/no/such/folder", peer.Programs{}); err == nil {
		t.Error("scripts were written to no folder")
	}
}

// TestWithoutPrograms checks that a machine without Python and Node.js is told
// of, and no failure.
func TestWithoutPrograms(t *testing.T) {
	t.Parallel()
	o, err := peer.Scripts{}.Forest().Run(t.Context(), peer.Trial{})
	if err != nil || o.Absent != "scikit-learn: install python3" {
		t.Errorf("%+v, %v", o, err)
	}
	var absent []string
	for _, q := range (peer.Scripts{}).Queues() {
		ran, err := q.Run(t.Context(), peer.Load{})
		if err != nil {
			t.Error(err)
		}
		absent = append(absent, ran.Absent)
	}
	if got := strings.Join(absent, ", "); got != "BullMQ: install nodejs and npm, Celery: install python3" {
		t.Error(got)
	}
}

func TestQueues(t *testing.T) {
	t.Parallel()
	program := program(t, `test -s "$1" || exit 1
		grep -q '{"url":"redis://:pw@h/0","tasks":9,"callers":2,"slots":3}' || exit 2
		printf '{"version": "%s", "how": "well", "seconds": 1.5}' "$(basename "$1")"`)
	scripts, err := peer.Install(t.TempDir(), peer.Programs{Python: program, Node: program})
	if err != nil {
		t.Fatal(err)
	}
	load := peer.Load{URL: secret.New("redis://:pw@h/0"), Tasks: 9, Callers: 2, Slots: 3}
	for _, q := range scripts.Queues() {
		ran, err := q.Run(t.Context(), load)
		want := peer.Ran{Version: map[string]string{"BullMQ": "side_bullmq.cjs", "Celery": "side_celery.py"}[q.Name], How: "well", Took: 1500 * time.Millisecond}
		if err != nil || ran != want {
			t.Errorf("%s: %+v, error %v", q.Name, ran, err)
		}
	}
	load.Tasks = 8
	if _, err := scripts.Queues()[0].Run(t.Context(), load); err == nil || !strings.Contains(err.Error(), "run BullMQ: exit status 2") {
		t.Errorf("error is %v", err)
	}
}
