package sqlitestore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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

// TestReplaceSetsWhatChanges checks that a replacement changes what is to change,
// whether the record was written a moment ago, long ago, or by another
// connection.
func TestReplaceSetsWhatChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.db")
	d := open(t, sqlitestore.Config{Path: path})
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
	}{
		{"nothing but the body", parcel("a", 1, "ann", "new", 1), nil},
		{"a stale one with another state", parcel("a", 1, "ann", "old", 1), store.ErrStale},
		{"one that is not there", parcel("x", 1, "ann", "old", 1), store.ErrNotFound},
		{"state and time", parcel("a", 2, "ann", "sent", 3), nil},
		{"nothing again", parcel("a", 3, "ann", "sent", 3), nil},
		{"the time of another record", parcel("b", 1, "bob", "new", 9), nil},
		{"the owner", parcel("a", 4, "cid", "sent", 3), nil},
		{"the label, to one that is taken", labelled, store.ErrDuplicate},
		{"the time, after a duplicate", parcel("a", 5, "cid", "sent", 4), nil},
	}
	for _, s := range steps {
		errs, err := d.Replace(t.Context(), "parcels", s.record)
		if err != nil || !errors.Is(errs[0], s.err) || (s.err == nil) != (errs[0] == nil) {
			t.Fatalf("%s: %v, %v, want %v", s.what, errs, err, s.err)
		}
		if s.err == nil {
			checkStored(t, d, s.what, s.record)
		}
	}
	added := store.Index{Name: "weight", Fields: []store.IndexField{{Name: "weight", Type: store.Int}}}
	if err := d.Ensure(t.Context(), parcels(added)); err != nil {
		t.Fatal(err)
	}
	heavy := parcel("b", 2, "bob", "new", 9)
	heavy.Keys["weight"] = int64(7)
	if errs, err := d.Replace(t.Context(), "parcels", heavy); err != nil || errs[0] != nil {
		t.Fatalf("%v, %v", errs, err)
	}
	checkStored(t, d, "a new field", heavy)

	execute(t, raw(t, path), "UPDATE c_parcels SET k_owner = 'eve', rev = 9 WHERE id = 'b'")
	heavy.Revision = 3
	if errs, err := d.Replace(t.Context(), "parcels", heavy); err != nil || !errors.Is(errs[0], store.ErrStale) {
		t.Errorf("after another connection has written: %v, %v", errs, err)
	}
	heavy.Revision = 9
	if errs, err := d.Replace(t.Context(), "parcels", heavy); err != nil || errs[0] != nil {
		t.Fatalf("%v, %v", errs, err)
	}
	checkStored(t, d, "what another connection has changed", heavy)

	for _, there := range []bool{true, false} { // a record under the name of one that is gone is another one
		if err := d.Delete(t.Context(), "parcels", "a", 0); there != (err == nil) || !there && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("delete: %v", err)
		}
	}
	if _, err := d.Insert(t.Context(), "parcels", withWeight(parcel("a", 0, "zoe", "new", 1), 1)); err != nil {
		t.Fatal(err)
	}
	again := withWeight(parcel("a", 1, "zoe", "sent", 1), 1)
	if errs, err := d.Replace(t.Context(), "parcels", again); err != nil || errs[0] != nil {
		t.Fatalf("%v, %v", errs, err)
	}
	checkStored(t, d, "one that was deleted before", again)

	if text := sqlitestore.ReplaceText(parcels(), "due"); strings.Contains(text, "k_state") || !strings.Contains(text, "k_due") {
		t.Errorf("a change of due alone is %s", text)
	}
}

// TestKnownRecordsAreBounded checks that a record is replaced rightly after many
// others were written.
func TestKnownRecordsAreBounded(t *testing.T) {
	t.Parallel()
	d := open(t, sqlitestore.Config{Path: filepath.Join(t.TempDir(), "records.db"), Durability: sqlitestore.Normal})
	defer func() {
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := d.Ensure(t.Context(), parcels()); err != nil {
		t.Fatal(err)
	}
	const many = 10_000
	records := make([]store.Record, many)
	for i := range records {
		records[i] = parcel(fmt.Sprintf("p%05d", i), 0, "ann", "new", int64(i))
	}
	if _, err := d.Insert(t.Context(), "parcels", records...); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, many / 2, many - 1} {
		r := parcel(records[i].ID, 1, "bob", "sent", -int64(i))
		if errs, err := d.Replace(t.Context(), "parcels", r); err != nil || errs[0] != nil {
			t.Fatalf("%v, %v", errs, err)
		}
		checkStored(t, d, r.ID, r)
	}
}

func withWeight(r store.Record, weight int64) store.Record {
	r.Keys["weight"] = weight
	return r
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
