package app_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/demo"
)

// Three messy data sets go from a file to a table that is ready to learn from; and
// the walk finds out when the platform says something else than what is so.
func TestTheWalk(t *testing.T) { //nolint:paralleltest // one platform at a time
	b := setup(t)
	var out bytes.Buffer
	if err := demo.Walk(t.Context(), demo.Options{BaseURL: b.url, Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"cells missing 336 → 11", "repeated rows 24 → 0", "cells missing 7,624 → 0", "columns 30 → 26",
		"It would be read as jsonl, utf-8, gzip, with 30 columns", "● 4 engineer features  done", "○ 5 train              ready", "done, left out", "every check held",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}

	for name, tt := range map[string]struct{ path, old, replaced, want string }{
		"a row":     {"/profile", `"rows":344`, `"rows":343`, "343 rows"},
		"a version": {"/versions", `"number":1`, `"number":7`, "version 1 is not what it was"},
		"the next":  {"/workflow/", `"operation":"change-schema"`, `"operation":"train"`, "instead of change-schema"},
	} {
		said := walkThrough(t, b.url, tt.path, tt.old, tt.replaced)
		if _, ok := errors.AsType[*demo.MismatchError](said); !ok || !strings.Contains(said.Error(), tt.want) {
			t.Errorf("%s: the walk says %v, want %q", name, said, tt.want)
		}
	}
}

// walkThrough walks with a server in front that changes answers.
func walkThrough(t *testing.T, to, path, old, replaced string) error {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			if !strings.Contains(r.Request.URL.Path, path) {
				return nil
			}
			text, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			text = bytes.ReplaceAll(text, []byte(old), []byte(replaced))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
			r.Header.Set("Content-Length", strconv.Itoa(len(text)))
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	defer server.Close()
	return demo.Walk(t.Context(), demo.Options{BaseURL: server.URL, Out: io.Discard})
}
