package web

import (
	"embed"
	"io/fs"
)

//go:embed page
var page embed.FS

// Files returns the pages: index.html with app.js and upload.js; dataset.html with
// dataset.js, which loads its parts and follows jobs, and a script for each of these;
// page.js and workflow.js of both; docs.html; and style.css and icon.svg of all. What ends
// in .html is a template of html/template; layout.html defines what pages share, the
// templates "head" with its title and "bar". Pages but docs.html need no data.
func Files() fs.FS {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // "page" is a valid path
	}
	return files
}
