package app_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/app"
	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/fault"
)

func TestDemo(t *testing.T) { //nolint:paralleltest // one platform at a time
	var out bytes.Buffer
	c := load(t, config.RoleDev)
	if err := app.Demo(t.Context(), c, app.Program{Version: "test", Stdout: &out, Stderr: io.Discard}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"The profile of 8,802 rows", "The leaderboard", "tuned", "The first predictions", "every check held"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not print %q:\n%s", want, out.String())
		}
	}
}

func TestAFolderInUseIsRefused(t *testing.T) { //nolint:paralleltest // likewise
	dir := t.TempDir()
	c := load(t, config.RoleDev, "NARRATIVE_DATA_DIR="+dir, "NARRATIVE_HTTP_ADDR=127.0.0.1:0")
	first, stop := context.WithCancel(t.Context())
	log := &firstWrite{written: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- app.Dev(first, c, app.Program{Stdout: io.Discard, Stderr: log}) }()
	<-log.written // the folder is taken before anything is logged
	err := app.Dev(t.Context(), c, app.Program{Stdout: io.Discard, Stderr: io.Discard})
	if fault.CodeOf(err) != "data_folder_in_use" {
		t.Errorf("a second process on the folder: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// firstWrite tells when something was written to it.
type firstWrite struct {
	written chan struct{}
	once    bool
}

func (w *firstWrite) Write(b []byte) (int, error) {
	if !w.once {
		w.once = true
		close(w.written)
	}
	return len(b), nil
}

func TestPartsThatAreAwayAreNamed(t *testing.T) {
	t.Parallel()
	environ := []string{
		"AUTH_SECRET=a-secret-of-these-tests-only-and-long-enough",
		"NARRATIVE_MONGODB_URI=mongodb://user:hidden@127.0.0.1:1/?serverSelectionTimeoutMS=200&connectTimeoutMS=200",
		"NARRATIVE_REDIS_URL=redis://127.0.0.1:1", "NARRATIVE_S3_ENDPOINT=http://127.0.0.1:1",
		"NARRATIVE_S3_ACCESS_KEY_ID=a", "NARRATIVE_S3_SECRET_ACCESS_KEY=hidden-too",
		"NARRATIVE_HTTP_ADDR=127.0.0.1:0", "NARRATIVE_OPS_ADDR=127.0.0.1:0",
	}
	for role, run := range map[config.Role]func(context.Context, config.Config, app.Program) error{
		config.RoleAPI: app.API, config.RoleWorker: app.Worker, config.RoleScheduler: app.Scheduler,
	} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			err := run(t.Context(), load(t, role, environ...), app.Program{Stdout: io.Discard, Stderr: &log})
			if err == nil || !strings.Contains(err.Error(), "store") {
				t.Errorf("without a store: %v", err)
			}
			if text := err.Error() + log.String(); strings.Contains(text, "hidden") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
}
