package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/client/clienttest"
)

// remembered returns the files in which uploads are remembered.
func (sh *shell) remembered(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(sh.path("state/narrative/uploads/*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestUploadGoesOn breaks an upload off, and goes on with it by the same command.
func TestUploadGoesOn(t *testing.T) {
	t.Parallel()
	down := false
	sh := setup(t, func(s *clienttest.Server) {
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			if n, _ := s.Arrived("upl_1"); down && r.Method == http.MethodPatch && n >= 100 {
				clienttest.Problem(w, http.StatusForbidden, "role_required", "no") // ends the command at once
				return true
			}
			return false
		}
	})
	sh.servers.Environ = append(sh.servers.Environ, "XDG_STATE_HOME="+sh.path("state"))
	down = true
	args := []string{"upload", sh.path("t.csv"), "--resumable", "--piece-bytes", "50", "--detach"}
	code, _, errs := sh.run(t.Context(), args...)
	if code == 0 || !strings.Contains(errs, "goes on with it") || len(sh.remembered(t)) != 1 {
		t.Fatalf("code %d: %s; remembered are %q", code, errs, sh.remembered(t))
	}
	down = false
	code, out, errs := sh.run(t.Context(), args...)
	if code != 0 || !strings.HasPrefix(out, "ds_1 job_1") || !strings.Contains(errs, "resumed at 100 B") || len(sh.remembered(t)) != 0 {
		t.Fatalf("code %d: %s%s; remembered are %q", code, out, errs, sh.remembered(t))
	}
	// Afterwards it is a new upload.
	if code, out, errs := sh.run(t.Context(), args...); code != 0 || !strings.HasPrefix(out, "ds_2 ") || strings.Contains(errs, "resumed") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
}

// TestUploadIsNotResumed checks what --resume=false and a spoiled memory do.
func TestUploadIsNotResumed(t *testing.T) {
	t.Parallel()
	down := true
	sh := setup(t, func(s *clienttest.Server) {
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			if down && r.Method == http.MethodPatch {
				clienttest.Problem(w, http.StatusForbidden, "role_required", "no")
				return true
			}
			return false
		}
	})
	sh.servers.Environ = append(sh.servers.Environ, "HOME="+sh.dir)
	args := []string{"upload", sh.path("t.csv"), "--resumable", "--detach"}
	if code, _, errs := sh.run(t.Context(), args...); code == 0 {
		t.Fatal(errs)
	}
	files, err := filepath.Glob(sh.path(".local/state/narrative/uploads/*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	down = false
	if code, _, errs := sh.run(t.Context(), append(args, "--resume=false")...); code != 0 || strings.Contains(errs, "resumed") {
		t.Errorf("code %d: %s", code, errs)
	}
	if err := os.WriteFile(files[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := sh.run(t.Context(), args...); code != 0 || strings.Contains(errs, "resumed") {
		t.Errorf("code %d: %s", code, errs)
	}
}

func TestUploadInPiecesRefuses(t *testing.T) {
	t.Parallel()
	sh := setup(t, nil)
	sh.in = strings.NewReader(table)
	for args, want := range map[string]string{
		"upload - --resumable":                                         "standard input cannot be read again",
		"upload " + sh.path("t.csv") + " --resumable":                  "set XDG_STATE_HOME or HOME",
		"upload " + sh.path("t.csv") + " --resumable --piece-bytes -1": "must be positive",
	} {
		if code, _, errs := sh.run(t.Context(), strings.Fields(args)...); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%s: code %d: %s", args, code, errs)
		}
	}
}

// TestUploadPresigned sends a file past the server, is broken off and goes on.
func TestUploadPresigned(t *testing.T) {
	t.Parallel()
	down := true
	sh := setup(t, func(s *clienttest.Server) {
		s.PartBytes = 50
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			if _, requests := s.Arrived("upl_1"); down && requests == 2 {
				clienttest.Problem(w, http.StatusForbidden, "role_required", "no")
				return true
			}
			return false
		}
	})
	sh.servers.Environ = append(sh.servers.Environ, "XDG_STATE_HOME="+sh.path("state"))
	args := []string{"upload", sh.path("t.csv"), "--presigned", "--detach"}
	code, _, errs := sh.run(t.Context(), args...)
	if code == 0 || !strings.Contains(errs, "goes on with it") || len(sh.remembered(t)) != 1 {
		t.Fatalf("code %d: %s; remembered are %q", code, errs, sh.remembered(t))
	}
	down = false
	// What was begun one way is not gone on with the other.
	if code, out, errs := sh.run(t.Context(), "upload", sh.path("t.csv"), "--resumable", "--detach"); code != 0 || !strings.HasPrefix(out, "ds_1 ") || strings.Contains(errs, "resumed") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	code, out, errs := sh.run(t.Context(), args...)
	if code != 0 || !strings.HasPrefix(out, "ds_2 job_2") || !strings.Contains(errs, "resumed at 100 B") || len(sh.remembered(t)) != 0 {
		t.Fatalf("code %d: %s%s; remembered are %q", code, out, errs, sh.remembered(t))
	}
	sh.in = strings.NewReader(table)
	if err := os.WriteFile(sh.path("empty.csv"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"upload - --presigned":                                      "standard input cannot be read again",
		"upload " + sh.path("empty.csv") + " --presigned":           "is no file that has a length",
		"upload " + sh.path("t.csv") + " --presigned --resumable":   "leave out --resumable",
		"upload " + sh.path("t.csv") + " --presigned --piece-bytes": "flag needs an argument",
	} {
		if code, _, errs := sh.run(t.Context(), strings.Fields(args)...); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%s: code %d: %s", args, code, errs)
		}
	}
}
