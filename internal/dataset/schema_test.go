package dataset_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/tabular"
)

// messy is a table of 200 rows whose columns are nearly what they seem.
func messy() string {
	var b strings.Builder
	b.WriteString("id;joined;due;price;share;at;plan;score\n")
	for i := range 200 {
		joined := fmt.Sprintf("%02d.%02d.2023", 1+i%28, 1+i%12)
		if i == 150 {
			joined = "31.02.2023"
		}
		fmt.Fprintf(&b, "A-%03d;%s;%02d/%02d/2024;%d.%03d,5 €;%d %%;%d:%02d;%s;%d\n", i, joined, 1+i%12, 1+i%11, 1+i%9, i, i%100, i%24, i%60, []string{"free", "pro"}[i%2], i%7)
	}
	return b.String()
}

func (b *bundle) ready(t *testing.T, body string) *dataset.Dataset {
	t.Helper()
	d, j := b.create(t, body)
	b.finish(t, j)
	d, err := b.Get(t.Context(), "acme", d.ID)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (b *bundle) change(t *testing.T, id string, changes ...dataset.ColumnChange) (*dataset.Dataset, *job.Job, error) {
	t.Helper()
	return b.ChangeSchema(t.Context(), dataset.SchemaChange{Tenant: "acme", User: "ann", ID: id, Columns: changes})
}

// retype runs a retype job and publishes its result.
func (b *bundle) retype(t *testing.T, j *job.Job) (*dataset.IngestResult, error) {
	t.Helper()
	task := &job.Task{Job: j, Prefix: j.Prefix(), Report: b.report, Draining: b.drain}
	var req dataset.RetypeRequest
	if err := task.Decode(&req); err != nil {
		t.Fatal(err)
	}
	made, err := dataset.Retyper{Runner: b.runner}.Run(t.Context(), task, req)
	if err != nil {
		return nil, err
	}
	result, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	return made, dataset.Retyper{Runner: b.runner}.Publish(t.Context(), j, result)
}

func (b *bundle) columns(t *testing.T, id string) map[string]dataset.DescribedColumn {
	t.Helper()
	_, all, err := b.Schema(t.Context(), "acme", id)
	if err != nil {
		t.Fatal(err)
	}
	columns := make(map[string]dataset.DescribedColumn)
	for _, c := range all {
		columns[c.Name] = c
	}
	return columns
}

func TestSchemaIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d := b.ready(t, messy())
	columns := b.columns(t, d.ID)
	for name, want := range map[string]tabular.Semantic{
		"id": tabular.SemanticIdentifier, "joined": tabular.SemanticString, "due": tabular.SemanticString, "price": tabular.SemanticCurrency,
		"share": tabular.SemanticPercentage, "at": tabular.SemanticTime, "plan": tabular.SemanticCategorical, "score": tabular.SemanticInteger,
	} {
		if c := columns[name]; c.Semantic != want || c.Chosen || c.Role != "" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := columns["price"]; c.Type != tabular.Float || c.Unit != "EUR" || c.Layout != tabular.CommaCurrency {
		t.Errorf("price %+v", c)
	}
	if s := columns["joined"].Suggestion; s == nil || s.Type != tabular.SemanticDate || s.Disagree != 1 || s.Samples[0] != (tabular.Sample{Row: 151, Value: "31.02.2023"}) {
		t.Errorf("joined could be %+v", s)
	}
	if s := columns["due"].Suggestion; s == nil || s.Reason != tabular.ReasonAmbiguous {
		t.Errorf("due could be %+v", s)
	}
	p, err := b.Preview(t.Context(), "acme", d.ID, 1)
	if err != nil || p.Rows[0][5] != "00:00:00" || p.Rows[0][3] != 1000.5 || p.Columns[6].Semantic != tabular.SemanticCategorical {
		t.Errorf("preview %+v, error %v", p, err)
	}
}

func TestRolesAreKeptAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d := b.ready(t, messy())
	d, j, err := b.change(t, d.ID, dataset.ColumnChange{Name: "plan", Role: "target"}, dataset.ColumnChange{Name: "id", Role: "id"}, dataset.ColumnChange{Name: "score", Type: "identifier"})
	if err != nil || j != nil {
		t.Fatal(j, err)
	}
	columns := b.columns(t, d.ID)
	if columns["plan"].Role != tabular.RoleTarget || columns["id"].Role != tabular.RoleID || columns["score"].Semantic != tabular.SemanticIdentifier || !columns["score"].Chosen {
		t.Errorf("columns %+v", columns)
	}
	// The role goes over to another column.
	if d, _, err = b.change(t, d.ID, dataset.ColumnChange{Name: "score", Role: "target"}); err != nil || d.Settings["plan"].Role != "" {
		t.Errorf("settings %+v, error %v", d.Settings, err)
	}
	if d, _, err = b.change(t, d.ID, dataset.ColumnChange{Name: "score", Role: "none", Type: "auto"}); err != nil || d.Settings["score"] != (dataset.Setting{}) {
		t.Errorf("settings %+v, error %v", d.Settings, err)
	}
	before := d.Revision
	if d, _, err = b.change(t, d.ID, dataset.ColumnChange{Name: "score", Role: "none"}); err != nil || d.Revision != before {
		t.Errorf("nothing was changed, and the revision went from %d to %d, error %v", before, d.Revision, err)
	}
	_, _, err = b.ChangeSchema(t.Context(), dataset.SchemaChange{Tenant: "acme", ID: d.ID, Columns: []dataset.ColumnChange{{Name: "id", Role: "none"}}, Revision: new(before - 1)})
	checkCode(t, err, fault.ClassConflict, dataset.CodeSchemaChanged)
}

func TestSchemaMistakes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d := b.ready(t, messy())
	for _, tt := range []struct {
		change []dataset.ColumnChange
		where  string
		says   string
	}{
		{nil, "body.columns", "name columns"},
		{[]dataset.ColumnChange{{Name: "other", Role: "id"}}, "body.columns[0].name", `no column "other"`},
		{[]dataset.ColumnChange{{Name: "id", Role: "id"}, {Name: "id", Role: "target"}}, "body.columns[1].name", "before"},
		{[]dataset.ColumnChange{{Name: "id", Role: "boss"}}, "body.columns[0].role", "target, id"},
		{[]dataset.ColumnChange{{Name: "id", Type: "colour"}}, "body.columns[0].type", "integer, float"},
		{[]dataset.ColumnChange{{Name: "joined", Type: "date", Layout: "xyz"}}, "body.columns[0].layout", "ymd, dmy"},
		{[]dataset.ColumnChange{{Name: "joined", Type: "email", Layout: "dmy"}}, "body.columns[0].layout", "no layouts"},
		{[]dataset.ColumnChange{{Name: "joined", Type: "auto", Layout: "dmy"}}, "body.columns[0].layout", "chosen"},
		{[]dataset.ColumnChange{{Name: "due", Type: "date"}}, "body.columns[0].layout", "dmy, mdy"},
		{[]dataset.ColumnChange{{Name: "plan", Role: "weight"}}, "body.columns[0].role", "numbers"},
		{[]dataset.ColumnChange{{Name: "plan", Role: "time"}}, "body.columns[0].role", "instant"},
		{[]dataset.ColumnChange{{Name: "plan", Role: "target"}, {Name: "id", Role: "target"}}, "body.columns[1].role", "only one"},
		{[]dataset.ColumnChange{{Name: "joined", Type: "date", Layout: "dmy", Role: "target"}}, "body.columns[0].role", "instants"},
	} {
		_, j, err := b.change(t, d.ID, tt.change...)
		checkCode(t, err, fault.ClassInvalid, "schema_invalid")
		f, _ := fault.As(err)
		if j != nil || f == nil || f.Fields[0].Location != tt.where || !strings.Contains(f.Fields[0].Message, tt.says) {
			t.Errorf("%+v: %v, %+v", tt.change, err, f)
		}
	}
	_, _, err := b.ChangeSchema(t.Context(), dataset.SchemaChange{Tenant: "other", ID: d.ID, Columns: []dataset.ColumnChange{{Name: "id", Role: "id"}}})
	checkCode(t, err, fault.ClassNotFound, "dataset_not_found")
	b.jobs.active = true
	_, _, err = b.change(t, d.ID, dataset.ColumnChange{Name: "joined", Type: "date"})
	checkCode(t, err, fault.ClassConflict, "dataset_in_use")
	if d, err := b.Get(t.Context(), "acme", d.ID); err != nil || len(d.Settings) > 0 {
		t.Errorf("settings %+v, error %v", d.Settings, err)
	}
}

func TestRetype(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d := b.ready(t, messy())
	d, j, err := b.change(t, d.ID,
		dataset.ColumnChange{Name: "joined", Type: "date", Role: "time"}, dataset.ColumnChange{Name: "due", Layout: "mdy"}, dataset.ColumnChange{Name: "score", Type: "categorical"})
	if err != nil || j == nil || j.Kind != "retype" || j.Subject != d.ID {
		t.Fatal(j, err)
	}
	// Until the job is done roles hold and types do not.
	columns := b.columns(t, d.ID)
	if columns["joined"].Role != tabular.RoleTime || columns["joined"].Semantic != tabular.SemanticString || columns["score"].Semantic != tabular.SemanticInteger {
		t.Errorf("columns %+v", columns)
	}
	// Roles that are set meanwhile stay.
	if _, _, err := b.change(t, d.ID, dataset.ColumnChange{Name: "plan", Role: "target"}); err != nil {
		t.Fatal(err)
	}
	made, err := b.retype(t, j)
	if err != nil || made.Version.Reading != 1 {
		t.Fatalf("%+v, error %v", made, err)
	}
	columns = b.columns(t, d.ID)
	joined, due, score := columns["joined"], columns["due"], columns["score"]
	if joined.Semantic != tabular.SemanticDate || joined.Type != tabular.Datetime || joined.Layout != tabular.DayFirst || !joined.Chosen || joined.Role != tabular.RoleTime ||
		joined.Disagree != 1 || joined.Agree != 199 || joined.Disagreeing[0] != (tabular.Sample{Row: 151, Value: "31.02.2023"}) {
		t.Errorf("joined %+v", joined)
	}
	if due.Semantic != tabular.SemanticDate || due.Layout != tabular.MonthFirst || due.Disagree != 0 {
		t.Errorf("due %+v", due)
	}
	if score.Semantic != tabular.SemanticCategorical || score.Type != tabular.String || columns["plan"].Role != tabular.RoleTarget {
		t.Errorf("score %+v, plan %+v", score, columns["plan"])
	}
	p, err := b.Preview(t.Context(), "acme", d.ID, 200)
	if err != nil || p.Rows[0][1] != "2023-01-01T00:00:00Z" || p.Rows[0][2] != "2024-01-01T00:00:00Z" || p.Rows[1][2] != "2024-02-02T00:00:00Z" || p.Rows[150][1] != nil || p.Rows[3][7] != "3" {
		t.Errorf("preview %v, error %v", p.Rows[:4], err)
	}
	// What the profile is made of anew still knows what was refused.
	p2 := b.reprofile(t, d.ID)
	if c := p2.Column("joined"); c.Disagree != 1 || c.Type != tabular.SemanticDate || c.Disagreeing[0].Row != 151 || p2.Target != "plan" || p2.Associations.Target == nil {
		t.Errorf("profile %+v", c)
	}
	// Back to what is found.
	_, j, err = b.change(t, d.ID, dataset.ColumnChange{Name: "joined", Type: "auto"}, dataset.ColumnChange{Name: "score", Type: "auto"})
	if err != nil || j == nil {
		t.Fatal(j, err)
	}
	if _, err := b.retype(t, j); err != nil {
		t.Fatal(err)
	}
	columns = b.columns(t, d.ID)
	if columns["joined"].Semantic != tabular.SemanticString || columns["joined"].Chosen || columns["score"].Type != tabular.Integer || columns["due"].Semantic != tabular.SemanticDate {
		t.Errorf("columns %+v", columns)
	}
	// A late result of an earlier reading does nothing.
	late, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	if err := (dataset.Retyper{Runner: b.runner}).Publish(t.Context(), j, late); err != nil {
		t.Fatal(err)
	}
	if d, err := b.Get(t.Context(), "acme", d.ID); err != nil || d.Version.Reading != 2 {
		t.Errorf("reading %d, error %v", d.Version.Reading, err)
	}
}

func TestRetypeRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		change dataset.ColumnChange
		code   string
		says   string
	}{
		{dataset.ColumnChange{Name: "id", Type: "date"}, "type_unfit", "date"},
		{dataset.ColumnChange{Name: "id", Type: "boolean"}, "type_unfit", `"A-000" in row 1`},
		{dataset.ColumnChange{Name: "plan", Type: "time"}, "type_unfit", "time"},
		{dataset.ColumnChange{Name: "joined", Type: "date", Layout: "mdy"}, "type_unfit", "mdy"},
	} {
		b := setup(t, nil)
		d := b.ready(t, messy())
		_, j, err := b.change(t, d.ID, tt.change)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.retype(t, j)
		if tt.change.Layout == "mdy" {
			// A layout that is told is taken at its word, as far as a value has it.
			if err != nil && fault.CodeOf(err) != tt.code {
				t.Errorf("%+v: %v", tt.change, err)
			}
			continue
		}
		checkCode(t, err, fault.ClassInvalid, tt.code)
		if !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), tt.change.Name) {
			t.Errorf("%+v: %v", tt.change, err)
		}
		if d, err := b.Get(t.Context(), "acme", d.ID); err != nil || d.Version.Reading != 0 || len(d.Settings) > 0 {
			t.Errorf("data set %+v, error %v", d, err)
		}
	}
}

// reprofile makes the profile anew and returns it.
func (b *bundle) reprofile(t *testing.T, id string) *profile.Profile {
	t.Helper()
	j, created, err := b.Reprofile(t.Context(), "acme", "ann", id, fmt.Sprint(len(b.jobs.all)))
	if err != nil || !created {
		t.Fatal(created, err)
	}
	task := &job.Task{Job: j, Prefix: j.Prefix(), Report: b.report, Draining: b.drain}
	var req dataset.ProfileRequest
	if err := task.Decode(&req); err != nil {
		t.Fatal(err)
	}
	r := dataset.Profiler{Runner: b.runner}
	b.now = b.now.Add(1)
	made, err := r.Run(t.Context(), task, req)
	if err != nil {
		t.Fatal(err)
	}
	result, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Publish(t.Context(), j, result); err != nil {
		t.Fatal(err)
	}
	raw, err := b.Profile(t.Context(), "acme", id)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if keys := made.Files(); keys["profile"] == "" || p.Quality.Score != made.Score || len(p.Findings) != made.Findings {
		t.Errorf("result %+v", made)
	}
	return p
}

// A profile that is made anew, of shards, says what the ingest said.
func TestProfileOfShards(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d := b.ready(t, string(randomTable(150_000, 5)))
	raw, err := b.Profile(t.Context(), "acme", d.ID)
	if err != nil {
		t.Fatal(err)
	}
	before, err := profile.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	after := b.reprofile(t, d.ID)
	for i, c := range after.Columns {
		old := before.Columns[i]
		if c.Count != old.Count || c.Missing != old.Missing || c.Type != old.Type || fmt.Sprint(c.Histogram) != fmt.Sprint(old.Histogram) || fmt.Sprint(c.Min, c.Max) != fmt.Sprint(old.Min, old.Max) {
			t.Errorf("%s: %+v, before %+v", c.Name, c, old)
		}
	}
	if fmt.Sprint(after.Duplicates) != fmt.Sprint(before.Duplicates) || fmt.Sprint(after.Missing) != fmt.Sprint(before.Missing) {
		t.Error("rows differ")
	}
	d, err = b.Get(t.Context(), "acme", d.ID)
	if err != nil || d.Version.ProfileJobID == "" {
		t.Errorf("version %+v, error %v", d.Version, err)
	}
	keys, err := b.References(t.Context(), d.ID, b.now)
	if err != nil || !slices.Contains(keys, d.Version.ProfileKey) {
		t.Errorf("keys %q, error %v", keys, err)
	}
}
