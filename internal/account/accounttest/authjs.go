package accounttest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Session is a session that Auth.js is asked to make a token of.
type Session struct {
	Key    string         `json:"key"`  // the front end's secret
	Salt   string         `json:"salt"` // the cookie's name
	Token  map[string]any `json:"token"`
	MaxAge int            `json:"max_age"` // in seconds
	HS256  bool           `json:"hs256,omitempty"`
}

// Minted is what Auth.js makes of a session.
type Minted struct {
	Token   string   `json:"token"`
	Cookies []Cookie `json:"cookies"` // one, or chunks named .0, .1 … of a long token
}

// Cookie is a cookie that Auth.js has a browser keep.
type Cookie struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// patience bounds one run of Node.js.
const patience = time.Minute

// Mint has Auth.js make the tokens and the cookies of the sessions, in their
// order. Where it is not installed the test is skipped, and fails where CI is
// set.
func Mint(tb testing.TB, sessions ...Session) []Minted {
	tb.Helper()
	folder := installed(tb)
	in, err := json.Marshal(sessions)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "mint.mjs")
	cmd.Dir = folder
	cmd.Stdin = bytes.NewReader(in)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		tb.Fatalf("node mint.mjs: %v\n%s", err, stderr.String())
	}
	var made []Minted
	if err := json.Unmarshal(stdout.Bytes(), &made); err != nil || len(made) != len(sessions) {
		tb.Fatalf("mint.mjs wrote %q (%v)", stdout.String(), err)
	}
	return made
}

// installed returns the folder in which Auth.js is installed.
func installed(tb testing.TB) string {
	tb.Helper()
	folder := filepath.Join(root(tb), "internal", "account", "testdata", "authjs")
	_, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json"))
	if err == nil {
		_, err = exec.LookPath("node")
	}
	if err != nil {
		if os.Getenv("CI") != "" { //nolint:forbidigo // a test asks where it runs
			tb.Fatalf("Auth.js is not installed, and a continuous integration run must not skip this test: %v", err)
		}
		tb.Skipf("Auth.js is not installed; run scripts/test-needs.sh, as make test does: %v", err)
	}
	return folder
}

// root returns the folder of the module, above the one that the test runs in.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		above := filepath.Dir(dir)
		if above == dir {
			tb.Fatal("there is no go.mod above the test's folder")
		}
		dir = above
	}
}
