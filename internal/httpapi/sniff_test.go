package httpapi_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
)

func (b *bench) sniff(t *testing.T, token string, parts ...string) reply {
	t.Helper()
	body, contentType := form(t, parts...)
	return b.ask(t, http.MethodPost, datasetsPath+"/sniff", token, body, "Content-Type", contentType)
}

func TestSniff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.sniff(t, ada, "file", "name;since\ncaf\xe9;2024-01-02\n;2024-01-03\nx\n")
	if r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	got := decode[httpapi.Sniffed](t, r)
	want := httpapi.Sniffed{
		Format:  httpapi.Format{Kind: "csv", Encoding: "windows-1252", Delimiter: ";", Quote: `"`, Header: true},
		Columns: []httpapi.Column{{Name: "name", Type: "string", Storage: "string", Nullable: true}, {Name: "since", Type: "datetime", Storage: "datetime"}},
		Rows:    [][]any{{"café", "2024-01-02"}, {nil, "2024-01-03"}},
	}
	if len(got.Bad) != 1 || got.Bad[0].Line != 4 || got.Bad[0].Code != "csv_ragged_row" {
		t.Errorf("bad rows %+v", got.Bad)
	}
	if got.Bad = nil; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	told := []string{"encoding", "latin-1", "delimiter", `\t`, "quote", "'", "header", "false", "kind", "csv", "compression", "none", "part", "true"}
	got = decode[httpapi.Sniffed](t, b.sniff(t, ada, append(told, "file", "1;2\t'x\ty'\n3\t4\n5")...))
	if f := got.Format; f.Delimiter != "\t" || f.Quote != "'" || f.Header || f.Encoding != "iso-8859-1" || len(got.Rows) != 2 || got.Rows[0][1] != "x\ty" {
		t.Errorf("told: %+v", got)
	}
	got = decode[httpapi.Sniffed](t, b.sniff(t, ada, "sheet", "2", "file", "PK\x03\x04 and so on"))
	if got.Format.Kind != "xlsx" || len(got.Columns) > 0 || len(got.Rows) > 0 {
		t.Errorf("a workbook: %+v", got)
	}
	if len(b.datasets.got) > 0 {
		t.Errorf("something was stored: %+v", b.datasets.got)
	}
}

func TestSniffRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		parts  []string
		status int
		code   string
	}{
		"no file":           {[]string{"kind", "csv"}, http.StatusUnprocessableEntity, "file_missing"},
		"a name":            {[]string{"name", "x", "file", "a"}, http.StatusUnprocessableEntity, "unknown_field"},
		"no truth":          {[]string{"part", "yes", "file", "a"}, http.StatusUnprocessableEntity, "invalid_request"},
		"empty":             {[]string{"file", ""}, http.StatusUnprocessableEntity, "csv_empty"},
		"a picture":         {[]string{"file", "\x89PNG\r\n\x1a\n"}, http.StatusUnprocessableEntity, "csv_not_text"},
		"an unknown kind":   {[]string{"kind", "xml", "file", "a"}, http.StatusUnprocessableEntity, "invalid_kind"},
		"a bomb":            {[]string{"compression", "gzip", "file", "a"}, http.StatusUnprocessableEntity, "compression_damaged"},
		"more than a part":  {[]string{"file", strings.Repeat("a", 1<<20+1)}, http.StatusRequestEntityTooLarge, "sample_too_large"},
		"a field behind it": {[]string{"file", "a,b\n1,2\n", "kind", "csv"}, http.StatusUnprocessableEntity, "field_after_file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, b.sniff(t, ada, c.parts...), c.status, c.code)
		})
	}
	wantProblem(t, b.sniff(t, "", "file", "a"), http.StatusUnauthorized, "token_missing")
	wantProblem(t, b.send(t, datasetsPath+"/sniff", ada, "{}"), http.StatusUnsupportedMediaType, "unsupported_media_type")
}

func TestUploadWithAFormat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.upload(t, ada, nil, "kind", "xlsx", "sheet", "Übersicht", "compression", "none", "encoding", "utf-8", "file", "PK")
	if r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	if o := b.datasets.got[0].Options; o.Kind != "xlsx" || o.Sheet != "Übersicht" || o.Compression != "none" || o.Encoding != "utf-8" {
		t.Errorf("the service got %+v", o)
	}
}
