package resume_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/drill/resume"
)

// TestRun is the drill with a small file and small parts.
func TestRun(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "narrative")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../../cmd/narrative").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var out bytes.Buffer
	const size = 24 << 20
	found, err := resume.Run(t.Context(), resume.Options{
		Program: program, Size: size, Seed: 1, Piece: 11 << 20, Environ: []string{"NARRATIVE_S3_PART_SIZE=5MiB"}, Out: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	if found.Bytes < size || found.Sent != found.Stored || found.Cuts != 1 || found.Restarts != 1 || len(found.Resumed) < 1 || found.Peak <= 0 {
		t.Errorf("the outcome is %+v", found)
	}
	if !strings.HasSuffix(out.String(), "the upload arrived as it was sent\n") {
		t.Errorf("the report ends otherwise:\n%s", out.String())
	}
	t.Logf("\n%s", out.String())
	if _, err := resume.Run(t.Context(), resume.Options{Program: program}); err == nil {
		t.Error("a file of no bytes was taken")
	}
	if _, err := resume.Run(t.Context(), resume.Options{Program: "/no/such/program", Size: 1}); err == nil {
		t.Error("no program was started")
	}
}
