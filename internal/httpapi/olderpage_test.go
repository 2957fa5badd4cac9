package httpapi_test

import (
	"slices"
	"strings"
	"testing"
)

// TestThePageShowsOlderVersions shows a version as it was, says that it is not the
// newest, and offers nothing that only the newest can.
func TestThePageShowsOlderVersions(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	id := b.ingested(t, ada, personal())
	b.finished(t, ada, b.send(t, "/api/v1/transforms", ada, `{"dataset_id":"`+id+`","steps":[{"name":"drop_columns","parameters":{"columns":["plan","email"]}}]}`))
	type version struct {
		Number, Href, Heard string
		Here                bool
	}
	type none struct {
		Text, Back, Note string
		Drawn            bool
	}
	var page struct {
		About        string
		Versions     []version
		Noted, Named bool
		Older        struct {
			Note, Back, About, Title, Whole string
			Versions                        []version
			Columns, Charts, Seen           []string
		}
		Address           string
		Again             struct{ Note, X string }
		Missing, Nonsense none
	}
	browse(t, b, "older", pageOfDataset(id), &page, nil)
	wantText(t, "the newest", page.About, "60 rows, 4 columns; the file was read as csv, utf-8")
	first := version{Number: "1", Href: "?id=" + id + "&version=1", Heard: "Look at version 1"}
	if want := []version{{Number: "2", Here: true}, first}; page.Noted || page.Named || !slices.Equal(page.Versions, want) {
		t.Errorf("of the newest it is said %v, %v that it is older; the versions are %+v", page.Noted, page.Named, page.Versions)
	}
	o := page.Older
	wantText(t, "the note", o.Note, "This is version 1", "it is not the newest", "To the newest, version 2")
	wantText(t, "the page", o.About, "60 rows, 6 columns; the file was read as csv, utf-8")
	wantText(t, "the title", o.Title, ", version 1 - Narrative")
	if want := []version{{Number: "2", Href: "?id=" + id, Heard: "Look at version 2"}, {Number: "1", Here: true}}; o.Back != "?id="+id || !slices.Equal(o.Versions, want) {
		t.Errorf("the way back is %q, the versions are %+v", o.Back, o.Versions)
	}
	if want := []string{"#described", "#versions-section", "#drawn"}; !slices.Equal(o.Seen, want) {
		t.Errorf("seen are %q", o.Seen)
	}
	if len(o.Columns) != 6 || !slices.Equal(o.Charts, []string{"amount", "plan"}) {
		t.Errorf("columns %q, charts of %q", o.Columns, o.Charts)
	}
	silentAbout(t, "the page", []byte(o.Whole))
	if !strings.Contains(page.Address, "version=1") || page.Again.X != "plan" {
		t.Errorf("the chart of %s is of %q", page.Address, page.Again.X)
	}
	wantText(t, "what was passed on", page.Again.Note, "This is version 1")
	for what, got := range map[string]none{"has no version 9; the newest is 2": page.Missing, "version": page.Nonsense} {
		wantText(t, "what is wrong", got.Text, what)
		if got.Back != "?id="+id || got.Drawn || strings.Contains(got.Note, "This is version") {
			t.Errorf("%+v", got)
		}
	}
}
