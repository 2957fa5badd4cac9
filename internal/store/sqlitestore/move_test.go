package sqlitestore_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

func parcels(more ...store.Index) store.Collection {
	return store.Collection{Name: "parcels", Indexes: append([]store.Index{
		{Name: "owner", Fields: []store.IndexField{{Name: "owner"}}},
		{Name: "state", Fields: []store.IndexField{{Name: "state"}, {Name: "due", Type: store.Int}}},
		{Name: "label", Fields: []store.IndexField{{Name: "label"}}, Unique: true},
	}, more...)}
}

func parcel(id string, revision int64, owner, state string, due int64) store.Record {
	return store.Record{ID: id, Revision: revision, Body: []byte(`"` + state + `"`), Keys: map[string]any{
		"owner": owner, "state": state, "due": due, "label": id,
	}}
}

// TestReplaceSetsWhatMoves checks that a replacement touches only the indexes
// whose fields have ever changed, and still changes whatever is to change.
func TestReplaceSetsWhatMoves(t *testing.T) {
	t.Parallel()
	d := open(t, sqlitestore.Config{Path: filepath.Join(t.TempDir(), "records.db")})
	defer func() {
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := d.Ensure(t.Context(), parcels()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Insert(t.Context(), "parcels", parcel("a", 0, "ann", "new", 1), parcel("b", 0, "bob", "new", 2)); err != nil {
		t.Fatal(err)
	}
	labelled := parcel("a", 5, "cid", "sent", 3)
	labelled.Keys["label"] = "b"
	steps := []struct {
		what   string
		record store.Record
		err    error
		moving []string
	}{
		{"nothing but the body", parcel("a", 1, "ann", "new", 1), nil, nil},
		{"a stale one with another state", parcel("a", 1, "ann", "old", 1), store.ErrStale, nil},
		{"one that is not there", parcel("x", 1, "ann", "old", 1), store.ErrNotFound, nil},
		{"state and time", parcel("a", 2, "ann", "sent", 3), nil, []string{"due", "state"}},
		{"nothing again", parcel("a", 3, "ann", "sent", 3), nil, []string{"due", "state"}},
		{"the time of another record", parcel("b", 1, "bob", "new", 9), nil, []string{"due", "state"}},
		{"the owner", parcel("a", 4, "cid", "sent", 3), nil, []string{"due", "owner", "state"}},
		{"the label, to one that is taken", labelled, store.ErrDuplicate, []string{"due", "label", "owner", "state"}},
		{"the time, beside a label that could move", parcel("a", 5, "cid", "sent", 4), nil, []string{"due", "label", "owner", "state"}},
	}
	for _, s := range steps {
		errs, err := d.Replace(t.Context(), "parcels", s.record)
		if err != nil || !errors.Is(errs[0], s.err) || (s.err == nil) != (errs[0] == nil) {
			t.Fatalf("%s: %v, %v, want %v", s.what, errs, err, s.err)
		}
		moving, err := d.Moving(t.Context(), "parcels")
		if slices.Sort(moving); err != nil || !slices.Equal(moving, s.moving) {
			t.Errorf("%s: %v moves, %v, want %v", s.what, moving, err, s.moving)
		}
		if s.err != nil {
			continue
		}
		checkStored(t, d, s.what, s.record)
	}
	// A field that comes later is one of those that do not move yet.
	added := store.Index{Name: "weight", Fields: []store.IndexField{{Name: "weight", Type: store.Int}}}
	if err := d.Ensure(t.Context(), parcels(added)); err != nil {
		t.Fatal(err)
	}
	heavy := parcel("b", 2, "bob", "new", 9)
	heavy.Keys["weight"] = int64(7)
	if errs, err := d.Replace(t.Context(), "parcels", heavy); err != nil || errs[0] != nil {
		t.Fatalf("%v, %v", errs, err)
	}
	if moving, err := d.Moving(t.Context(), "parcels"); err != nil || !slices.Equal(moving, []string{"weight"}) {
		t.Errorf("%v moves, %v", moving, err)
	}
	checkStored(t, d, "a new field", heavy)
}

// checkStored checks that the record, as replaced, is found by its identifier
// and by each of its index values.
func checkStored(t *testing.T, d *sqlitestore.Driver, what string, want store.Record) {
	t.Helper()
	got, err := d.Get(t.Context(), "parcels", want.ID)
	if err != nil || got.Revision != want.Revision+1 || string(got.Body) != string(want.Body) {
		t.Errorf("%s: stored is %+v, %v", what, got, err)
	}
	for _, index := range parcels().Indexes {
		var equal []any
		for _, f := range index.Fields {
			equal = append(equal, want.Keys[f.Name])
		}
		found, err := d.Find(t.Context(), "parcels", store.Scan{Index: index, Equal: equal, Limit: 10})
		if err != nil || !slices.ContainsFunc(found, func(r store.Record) bool { return r.ID == want.ID }) {
			t.Errorf("%s: not found by %s: %+v, %v", what, index.Name, found, err)
		}
	}
}
