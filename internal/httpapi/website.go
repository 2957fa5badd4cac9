package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"

	"github.com/labstack/echo/v4"

	"github.com/narrativeml/narrative/web"
)

const kindPage = "text/html; charset=utf-8"

// servePages adds the pages for browsers, which are made once, and their parts.
func (s *server) servePages(e *echo.Echo) error {
	files := web.Files()
	pages, err := template.ParseFS(files, "*.html")
	if err != nil {
		return err
	}
	for _, p := range []struct {
		path, name string
		data       any
	}{
		{"/", "index.html", nil},
		{"/dataset", "dataset.html", nil},
		{"/docs", "docs.html", viewDocs(s.api.OpenAPI())},
	} {
		var out bytes.Buffer
		if err := pages.ExecuteTemplate(&out, p.name, p.data); err != nil {
			return err
		}
		servePage(e, p.path, kindPage, out.Bytes())
	}
	return serveAssets(e, files)
}

// serveAssets adds what the pages load: all files but the pages.
func serveAssets(e *echo.Echo, files fs.FS) error {
	kinds := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if path.Ext(name) == ".html" {
			continue
		}
		kind, ok := kinds[path.Ext(name)]
		if !ok {
			return fmt.Errorf("serve %s: of what kind it is, is not known", name)
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		servePage(e, "/assets/"+name, kind, content)
	}
	return nil
}

// servePage adds a page, or a part of one. Browsers ask each time whether it is still
// the same, since the next release may have another.
func servePage(e *echo.Echo, address, kind string, content []byte) {
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	e.Match([]string{http.MethodGet, http.MethodHead}, address, func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", policyPage)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if has := (Revalidation{c.Request().Header.Get("If-None-Match")}); has.matches(tag) || has.anything() {
			return c.NoContent(http.StatusNotModified)
		}
		if c.Request().Method == http.MethodHead {
			h.Set("Content-Type", kind)
			return c.NoContent(http.StatusOK)
		}
		return c.Blob(http.StatusOK, kind, content)
	})
}
