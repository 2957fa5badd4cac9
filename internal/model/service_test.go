package model_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

func TestGet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := b.publish(t, "acme", 1, func(m *model.Model) { m.ExpiresAt = b.now.Add(time.Hour) })
	got, err := b.Get(t.Context(), "acme", want.ID)
	if err != nil || got.Name != want.Name || got.Revision != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, id := range map[string]string{"none": "mdl_none", "no identifier": "../x\x00", "long": strings.Repeat("m", 5000)} {
		_, err := b.Get(t.Context(), "acme", id)
		checkFault(t, err, fault.ClassNotFound, "model_not_found")
		if len(err.Error()) > 200 {
			t.Errorf("%s: a message of %d bytes", name, len(err.Error()))
		}
	}
	_, err = b.Get(t.Context(), "rival", want.ID)
	checkFault(t, err, fault.ClassNotFound, "model_not_found")
	b.now = b.now.Add(time.Hour)
	_, err = b.Get(t.Context(), "acme", want.ID)
	checkFault(t, err, fault.ClassNotFound, "model_not_found")
}

func TestList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 7 {
		b.publish(t, "acme", n, func(m *model.Model) {
			if n == 2 {
				m.ExpiresAt = b.now
			}
		})
	}
	b.publish(t, "rival", 8, nil)
	if err := b.Delete(t.Context(), "acme", model.IDOf("job_acme4")); err != nil {
		t.Fatal(err)
	}
	var names []string
	for cursor, pages := "", 0; ; pages++ {
		page, err := b.List(t.Context(), "acme", cursor, 2)
		if err != nil || pages > 5 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, m := range page.Items {
			names = append(names, m.Name)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		if _, err := b.List(t.Context(), "rival", cursor, 2); fault.CodeOf(err) != "invalid_cursor" {
			t.Errorf("another tenant's cursor: %v", err)
		}
	}
	if want := []string{"model 6", "model 5", "model 3", "model 1", "model 0"}; !slices.Equal(names, want) {
		t.Errorf("listed %q, want %q", names, want)
	}
	if page, err := b.List(t.Context(), "nobody", "", 0); err != nil || len(page.Items) != 0 || page.Next != "" {
		t.Errorf("listed %+v, %v", page, err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.publish(t, "acme", 1, nil)
	checkFault(t, b.Delete(t.Context(), "rival", m.ID), fault.ClassNotFound, "model_not_found")
	j := b.submit(t, m.ID)
	checkFault(t, b.Delete(t.Context(), "acme", m.ID), fault.ClassConflict, "model_in_use")
	j.State = job.Succeeded
	if err := b.Delete(t.Context(), "acme", m.ID); err != nil {
		t.Fatal(err)
	}
	checkFault(t, b.Delete(t.Context(), "acme", m.ID), fault.ClassNotFound, "model_not_found")

	other := b.publish(t, "acme", 2, nil)
	b.line.Fail(fault.Unavailable("store_unavailable", "x"))
	checkFault(t, b.Delete(t.Context(), "acme", other.ID), fault.ClassUnavailable, "store_unavailable")
}

// clerk deletes a model while it is asked whether a job is about it.
type clerk struct{ delete func() }

func (c *clerk) Active(context.Context, string) (bool, error) {
	if first := c.delete; first != nil {
		c.delete = nil
		first()
	}
	return false, nil
}

func TestTwoDeleteAtOnce(t *testing.T) {
	t.Parallel()
	b, c := setup(t), &clerk{}
	s := model.NewService(model.ServiceConfig{Driver: b.driver, Files: b.files, Jobs: c})
	m := b.publish(t, "acme", 1, nil)
	c.delete = func() {
		if err := s.Delete(t.Context(), "acme", m.ID); err != nil {
			t.Error(err)
		}
	}
	if err := s.Delete(t.Context(), "acme", m.ID); err != nil {
		t.Error(err)
	}
}

func TestPublishingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.publish(t, "acme", 1, nil)
	if err := b.SetThreshold(t.Context(), m.ID, model.Threshold{Value: 0.3, CreatedAt: b.now}); err != nil {
		t.Fatal(err)
	}
	b.publish(t, "acme", 1, nil)
	got, err := b.Get(t.Context(), "acme", m.ID)
	if err != nil || got.Threshold == nil || got.Revision != 2 {
		t.Errorf("after publishing again: %+v, %v", got, err)
	}
	if err := b.Delete(t.Context(), "acme", m.ID); err != nil {
		t.Fatal(err)
	}
	b.publish(t, "acme", 1, nil)
	_, err = b.Get(t.Context(), "acme", m.ID)
	checkFault(t, err, fault.ClassNotFound, "model_not_found")
}

func TestTheLastTuningHolds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := model.Threshold{Value: 0.3, JobID: "job_1", CreatedAt: b.now}
	same := model.Threshold{Value: 0.4, JobID: "job_2", CreatedAt: b.now}
	last := model.Threshold{Value: 0.5, JobID: "job_0", CreatedAt: b.now.Add(time.Microsecond)}
	for i, tt := range []struct {
		order []model.Threshold
		want  float64
		moves int64
	}{
		{[]model.Threshold{first}, 0.3, 1},
		{[]model.Threshold{first, first}, 0.3, 1}, // published again
		{[]model.Threshold{first, last}, 0.5, 2},
		{[]model.Threshold{last, first}, 0.5, 1},
		{[]model.Threshold{last, first, last}, 0.5, 1},
		{[]model.Threshold{first, same}, 0.4, 2},
		{[]model.Threshold{same, first}, 0.4, 1},
	} {
		m := b.publish(t, "acme", i, nil)
		for _, threshold := range tt.order {
			if err := b.SetThreshold(t.Context(), m.ID, threshold); err != nil {
				t.Fatal(err)
			}
		}
		got, err := b.Get(t.Context(), "acme", m.ID)
		if err != nil || got.Threshold.Value != tt.want || got.Revision != 1+tt.moves {
			t.Errorf("%d: %+v at revision %d, %v, want %v after %d moves", i, got.Threshold, got.Revision, err, tt.want, tt.moves)
		}
	}
	if err := b.SetThreshold(t.Context(), "mdl_gone", first); err != nil {
		t.Errorf("the threshold of a model that is gone: %v", err)
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.publish(t, "acme", 1, func(m *model.Model) { m.ExpiresAt = b.now.Add(time.Hour) })
	for _, tt := range []struct {
		id   string
		at   time.Time
		want int
	}{{m.ID, b.now, 3}, {m.ID, b.now.Add(time.Hour), 0}, {"mdl_none", b.now, 0}} {
		keys, err := b.References(t.Context(), tt.id, tt.at)
		if err != nil || len(keys) != tt.want {
			t.Errorf("references of %s at %s: %q, %v", tt.id, tt.at, keys, err)
		}
	}
	if err := b.Delete(t.Context(), "acme", m.ID); err != nil {
		t.Fatal(err)
	}
	if keys, err := b.References(t.Context(), m.ID, b.now); err != nil || len(keys) != 0 {
		t.Errorf("references of a deleted model: %q, %v", keys, err)
	}
}

// A service passes on what the store says.
func TestTheStoreIsAway(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	if err := driver.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := model.NewService(model.ServiceConfig{Driver: driver})
	ctx := t.Context()
	_, get := s.Get(ctx, "acme", "mdl_1")
	_, list := s.List(ctx, "acme", "", 1)
	_, references := s.References(ctx, "mdl_1", time.Time{})
	for name, err := range map[string]error{
		"get": get, "list": list, "references": references,
		"delete":    s.Delete(ctx, "acme", "mdl_1"),
		"publish":   s.Publish(ctx, &model.Model{Meta: store.Meta{ID: "mdl_1"}}),
		"threshold": s.SetThreshold(ctx, "mdl_1", model.Threshold{}),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIDOf(t *testing.T) {
	t.Parallel()
	id := store.NewID("job")
	if got := model.IDOf(id); got != "mdl_"+strings.TrimPrefix(id, "job_") {
		t.Errorf("the model of %s is %s", id, got)
	}
}
