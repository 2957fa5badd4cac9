package web

import (
	"embed"
	"io/fs"
)

//go:embed page
var page embed.FS

// Files returns the pages: index.html with app.js and upload.js; dataset.html with
// dataset.js and draw.js; style.css of all; and docs.html, which is a template of
// html/template.
func Files() fs.FS {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // "page" is a valid path
	}
	return files
}
