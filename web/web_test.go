package web_test

import (
	"io/fs"
	"testing"

	"github.com/narrativeml/narrative/web"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"layout.html", "index.html", "docs.html", "page.js", "workflow.js", "app.js", "upload.js", "dataset.html", "dataset.js", "draw.js", "profile.js", "chart.js", "prepare.js", "difference.js", "version.js", "private.js", "style.css", "icon.svg"} {
		if b, err := fs.ReadFile(web.Files(), name); err != nil || len(b) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}
