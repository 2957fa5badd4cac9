package peer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/narrativeml/narrative/internal/drill/peer"
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
	scripts, err := peer.Install(t.TempDir(), python)
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
	if _, err := peer.Install(t.TempDir(), "/no/such/python"); err == nil || !strings.Contains(err.Error(), "/no/such/python") {
		t.Errorf("error is %v", err)
	}
	if _, err := peer.Install("/no/such/folder", ""); err == nil {
		t.Error("scripts were written to no folder")
	}
}

// TestWithoutPython checks that a machine without Python is told of, and no
// failure.
func TestWithoutPython(t *testing.T) {
	t.Parallel()
	o, err := peer.Scripts{}.Forest().Run(t.Context(), peer.Trial{})
	if err != nil || o.Absent != "scikit-learn: install python3" {
		t.Errorf("%+v, %v", o, err)
	}
}
