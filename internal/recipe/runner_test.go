package recipe_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/ml/preprocess"
)

func TestApply(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(5000))
	first, err := b.datasets.Revision(ctx, ann.Tenant, id, 0)
	if err != nil || first.Version.Number != 1 || first.Version.Hash == "" || first.Parent != 0 {
		t.Fatalf("version %+v: %v", first, err)
	}
	made := b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(trim(), median(),
		step("scale_numbers", map[string]any{"columns": []any{"price"}}), step("encode_one_hot", map[string]any{"columns": []any{"city"}}), step("sample_rows", map[string]any{"fraction": 0.5}),
		step("drop_columns", map[string]any{"columns": []any{"note"}}))}})
	second, err := b.datasets.Revision(ctx, ann.Tenant, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	v := second.Version
	if v.Number != 2 || second.Parent != 1 || v.Hash != made.Hash || v.Hash == first.Version.Hash || v.Rows != made.Rows || second.RowsBefore != 5000 || len(second.Steps) != 6 ||
		!slices.Equal(second.Removed, []string{"city", "note"}) || !slices.Equal(second.Added, []string{"city=Kyiv", "city=Oslo", "city=Rome"}) {
		t.Errorf("version %+v", second)
	}
	if c := second.Counts[4]; c.In != 5000 || c.Out != v.Rows || c.Out < 2300 || c.Out > 2700 {
		t.Errorf("counts %+v", second.Counts)
	}
	d, err := b.datasets.Get(ctx, ann.Tenant, id)
	if err != nil || d.Version.Number != 2 {
		t.Fatalf("data set %+v: %v", d, err)
	}
	x, err := b.datasets.Frame(ctx, d, nil)
	if err != nil || int64(x.Rows()) != v.Rows || !slices.Equal(x.Names(), []string{"id", "city=Kyiv", "city=Oslo", "city=Rome", "price"}) {
		t.Fatalf("table %v: %v", x.Names(), err)
	}
	// What was learned is kept in the format of steps.
	raw, err := b.files.Get(second.FittedKey)
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := preprocess.Decode(raw)
	if err != nil || len(fitted) != 6 {
		t.Fatalf("%d fitted steps: %v", len(fitted), err)
	}
	keys, err := b.datasets.References(ctx, id, b.now)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{first.Version.TableKey, v.TableKey, v.ProfileKey, v.SampleKey, second.FittedKey} {
		if !slices.Contains(keys, key) {
			t.Errorf("%s is not kept", key)
		}
	}
	c, err := b.datasets.Compare(ctx, ann.Tenant, id, 1, 2)
	if err != nil || c.Same || c.Rows != v.Rows-5000 || !slices.Equal(c.Removed, second.Removed) {
		t.Errorf("comparison %+v: %v", c, err)
	}
	filled := slices.IndexFunc(c.Columns, func(d dataset.ColumnDifference) bool { return d.Name == "price" })
	if filled < 0 || c.Columns[filled].From.Missing == 0 || c.Columns[filled].To.Missing != 0 || c.QualityFrom == nil || c.QualityTo == nil || *c.QualityTo <= *c.QualityFrom {
		t.Errorf("comparison %+v", c)
	}
	if same, err := b.datasets.Compare(ctx, ann.Tenant, id, 2, 2); err != nil || !same.Same || len(same.Columns) > 0 || same.Columns == nil {
		t.Errorf("with itself: %+v: %v", same, err)
	}
	for _, of := range []string{bob.Tenant, "nobody"} {
		_, err := b.datasets.Versions(ctx, of, id)
		checkFault(t, err, fault.ClassNotFound, "dataset_not_found", "")
	}
}

// TestSameHash makes a version again, also of a parent whose files are gone.
func TestSameHash(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id, cities := b.table(t, ann, shop(3000)), b.table(t, ann, "city,country\nOslo,Norway\nRome,Italy\n")
	join := step("join_table", map[string]any{"dataset": cities, "on": []any{"city"}})
	var made []*recipe.Result
	for _, s := range [][]recipe.Step{{trim(), median()}, {join}, {step("sort_rows", map[string]any{"columns": []any{"country"}, "descending": true})}} {
		made = append(made, b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: s}}))
	}
	// The other table changes; the lineage knows which version was joined.
	b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: cities, Steps: steps(step("change_case", map[string]any{"columns": []any{"country"}, "case": "upper"}))}})
	all, err := b.datasets.Versions(ctx, ann.Tenant, id)
	if err != nil || len(all) != 4 {
		t.Fatalf("%d versions: %v", len(all), err)
	}
	var gone []int
	for _, r := range all {
		if r.Gone {
			gone = append(gone, r.Version.Number)
		}
	}
	if !slices.Equal(gone, []int{2}) {
		t.Fatalf("versions %v are gone, want 2", gone)
	}
	_, _, err = b.datasets.At(ctx, ann.Tenant, id, 2)
	checkFault(t, err, fault.ClassConflict, "version_gone", "")
	if c, err := b.datasets.Compare(ctx, ann.Tenant, id, 1, 2); err != nil || c.Columns != nil || c.QualityTo != nil {
		t.Errorf("with one that is gone: %+v: %v", c, err)
	}
	_, err = b.datasets.Pin(ctx, ann.Tenant, id, 2, true)
	checkFault(t, err, fault.ClassConflict, "version_gone", "")
	for number := 2; number <= 4; number++ {
		again := b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id}, Reproduce: number})
		if want := made[number-2].Hash; again.Hash != want || again.Record.ReproducedFrom != number {
			t.Errorf("version %d comes back with hash %s, want %s", number, again.Hash, want)
		}
	}
	b.readAgain(t, id, all[len(all)-1].Version)
	_, _, err = b.Submit(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(trim())}, Reproduce: 2}, "")
	checkFault(t, err, fault.ClassInvalid, "steps_and_reproduce", "body.reproduce")
}

// TestJoinedVersionsStay makes a version again of another one that was joined, after
// that has had many newer ones.
func TestJoinedVersionsStay(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id, cities := b.table(t, ann, shop(100)), b.table(t, ann, "city,country\nOslo,Norway\nRome,Italy\n")
	upper := recipe.Request{Use: recipe.Use{DatasetID: cities, Steps: steps(step("change_case", map[string]any{"columns": []any{"country"}, "case": "upper"}))}}
	b.apply(t, ann, upper)
	made := b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(step("join_table", map[string]any{"dataset": cities, "on": []any{"city"}}))}})
	for range 3 { // of which two are kept
		b.apply(t, ann, upper)
	}
	used, err := b.datasets.Revision(ctx, ann.Tenant, cities, 2)
	if err != nil || used.Gone || len(used.Used) != 1 {
		t.Fatalf("the version that was joined: %+v: %v", used, err)
	}
	if other, err := b.datasets.Revision(ctx, ann.Tenant, cities, 3); err != nil || !other.Gone {
		t.Errorf("one that was not: %+v: %v", other, err)
	}
	if again := b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id}, Reproduce: 2}); again.Hash != made.Hash {
		t.Errorf("made again with hash %s, was %s", again.Hash, made.Hash)
	}
}

// readAgain makes the first version of a data set again of its file.
func (b *bundle) readAgain(t *testing.T, id string, first dataset.Version) {
	t.Helper()
	j, _, err := b.Submit(t.Context(), ann, recipe.Request{Use: recipe.Use{DatasetID: id}, Reproduce: 1}, "")
	if err != nil {
		t.Fatal(err)
	}
	var req dataset.RetypeRequest
	task, reader := jobtest.NewTask(j, nil), dataset.Retyper{Runner: b.ingest}
	if err := task.Decode(&req); err != nil || j.Kind != dataset.RetypeKind().Name {
		t.Fatalf("a job of kind %s: %v", j.Kind, err)
	}
	made, err := reader.Run(t.Context(), task.Task, req)
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Publish(t.Context(), j, encode(t, made)); err != nil {
		t.Fatal(err)
	}
	now, err := b.datasets.Revision(t.Context(), ann.Tenant, id, 0)
	if err != nil || now.Version.Hash != first.Hash || now.Version.Hash == "" || now.ReproducedFrom != 1 || now.Version.TableKey == first.TableKey {
		t.Errorf("version 1 comes back as %+v: %v", now, err)
	}
	req.Expect = "another"
	if _, err := reader.Run(t.Context(), task.Task, req); fault.CodeOf(err) != "other_content" {
		t.Errorf("of another hash: %v", err)
	}
}

// TestReproducingWithoutHash refuses what nobody could compare.
func TestReproducingWithoutHash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.table(t, ann, shop(20))
	if _, err := b.rows.Update(t.Context(), id, func(d *dataset.Dataset) error {
		d.Version.Hash = "" // as old programs left it
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.Submit(t.Context(), ann, recipe.Request{Use: recipe.Use{DatasetID: id}, Reproduce: 1}, "")
	checkFault(t, err, fault.ClassInvalid, "version_without_hash", "body.reproduce")
}

// TestPinned keeps the files of versions that are pinned or used.
func TestPinned(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(100))
	if _, err := b.datasets.Pin(ctx, ann.Tenant, id, 1, true); err != nil {
		t.Fatal(err)
	}
	next := func() {
		b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(trim())}})
	}
	next()
	next()
	if r, err := b.datasets.Pin(ctx, ann.Tenant, id, 2, true); err != nil || !r.Pinned {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.datasets.Use(ctx, ann.Tenant, id, 3, "mdl_1"); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		next()
	}
	all, err := b.datasets.Versions(ctx, ann.Tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	var kept []int
	for _, r := range all {
		if !r.Gone {
			kept = append(kept, r.Version.Number)
		}
	}
	if !slices.Equal(kept, []int{7, 6, 3, 2, 1}) {
		t.Errorf("versions %v are kept", kept)
	}
}

// TestRunsAgain interrupts a job after its steps have learned; the next attempt
// does not learn again and makes the same.
func TestRunsAgain(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(5000))
	req := recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(trim(), median())}}
	j, _, err := b.Submit(ctx, ann, req, "")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := b.run(ctx, jobtest.NewTask(j, nil))
	if err != nil {
		t.Fatal(err)
	}
	saved := jobtest.NewCheckpoints()
	task := jobtest.NewTask(j, saved)
	task.Report.On(func(s jobtest.Step) {
		if s.Stage == "write" {
			task.Drain()
		}
	})
	if _, err := b.run(ctx, task); !errors.Is(err, job.Drained) {
		t.Fatalf("error %v", err)
	}
	task = jobtest.NewTask(j, saved)
	again, err := b.run(ctx, task)
	if err != nil || again.Hash != whole.Hash {
		t.Fatalf("made %+v, want the hash %s: %v", again, whole.Hash, err)
	}
	if slices.ContainsFunc(task.Report.Steps(), func(s jobtest.Step) bool { return s.Stage == "learn" }) {
		t.Error("the steps learn again")
	}
	// Published twice, it is one version.
	b.publish(t, j, again)
	b.publish(t, j, again)
	if all, err := b.datasets.Versions(ctx, ann.Tenant, id); err != nil || len(all) != 2 {
		t.Errorf("%d versions: %v", len(all), err)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := b.run(done, jobtest.NewTask(j, nil)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	b.files.Fail("fitted.steps", errors.New("the storage is full"))
	if _, err := b.run(ctx, jobtest.NewTask(j, nil)); err == nil || !strings.Contains(err.Error(), "the storage is full") {
		t.Error(err)
	}
}

func TestCannotBeApplied(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(100))
	_, _, err := b.Submit(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(step("trim_text", map[string]any{"columns": []any{"town"}}))}}, "")
	checkFault(t, err, fault.ClassInvalid, "missing_column", "body.steps[0].parameters.columns")
	for code, c := range map[string]struct {
		step     recipe.Step
		location string
	}{
		"no_rows_left": {step("filter_rows", map[string]any{"condition": "id < 0"}), "body.steps"},
		"value_type":   {step("convert_type", map[string]any{"columns": []any{"city"}, "type": "float", "unknown": "fail"}), "body.steps[0], row 1"},
		"key_repeated": {step("join_table", map[string]any{"dataset": id, "on": []any{"note"}, "prefix": "x"}), "body.steps[0].parameters.on"},
	} {
		j, _, err := b.Submit(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(c.step)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.run(ctx, jobtest.NewTask(j, nil))
		checkFault(t, err, fault.ClassInvalid, code, c.location)
	}
	if d, err := b.datasets.Get(ctx, ann.Tenant, id); err != nil || d.Version.Number != 1 {
		t.Errorf("data set %+v: %v", d, err)
	}
	theirs := b.table(t, bob, "city,country\nOslo,Norway\n")
	_, _, err = b.Submit(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(step("join_table", map[string]any{"dataset": theirs, "on": []any{"city"}}))}}, "")
	checkFault(t, err, fault.ClassInvalid, "dataset_not_found", "body.steps[0].parameters.dataset")
	if err := b.runner.Publish(ctx, &job.Job{}, []byte(`{}`)); err == nil {
		t.Error("a result without a record is published")
	}
	var _ recipe.Publisher = (*dataset.Runner)(nil)
}
