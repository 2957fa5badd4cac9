package recipe_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/recipe"
)

var sue = account.Caller{Tenant: "acme", User: "sue", Roles: []string{account.RoleAnalyst, account.RoleSteward}}

// people is a table of personal data.
func people() string {
	var s strings.Builder
	s.WriteString("email,ssn,born,score,plan\n")
	for i := range 60 {
		fmt.Fprintf(&s, "user%d@example.org,%03d-45-%04d,%d-03-1%d,%d,%s\n", i, 100+i, 1000+i, 1950+i%40, i%10, i*37%80, []string{"free", "pro"}[i%2])
	}
	return s.String()
}

func policies(pairs ...string) []dataset.PolicyChange {
	var changes []dataset.PolicyChange
	for i := 0; i < len(pairs); i += 2 {
		changes = append(changes, dataset.PolicyChange{Column: pairs[i], Policy: dataset.Policy(pairs[i+1])})
	}
	return changes
}

// protect runs a protect job.
func (b *bundle) protect(ctx context.Context, j *job.Job) (*recipe.Result, error) {
	task := jobtest.NewTask(j, nil)
	var req dataset.ProtectRequest
	if err := task.Decode(&req); err != nil {
		return nil, err
	}
	return recipe.Protector{Runner: b.runner}.Run(ctx, task.Task, req)
}

// protected sets policies of columns and has them applied.
func (b *bundle) protected(tb testing.TB, id string, changes []dataset.PolicyChange) {
	tb.Helper()
	_, j, err := b.datasets.SetPolicies(tb.Context(), ann, id, changes, nil)
	if err != nil || j == nil {
		tb.Fatalf("job %v: %v", j, err)
	}
	made, err := b.protect(tb.Context(), j)
	if err != nil {
		tb.Fatal(err)
	}
	b.publish(tb, j, made)
	b.end(tb, j.ID, job.Succeeded)
}

func (b *bundle) row(tb testing.TB, tenant, id string) []string {
	tb.Helper()
	d, err := b.datasets.Look(tb.Context(), tenant, id, 0)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := b.datasets.Preview(tb.Context(), d, 1)
	if err != nil {
		tb.Fatal(err)
	}
	row := make([]string, 0, len(p.Rows[0])+1)
	for i, v := range p.Rows[0] {
		row = append(row, p.Schema[i].Name+"="+fmt.Sprint(v))
	}
	return append(row, "masked: "+strings.Join(p.Masked, " "))
}

// TestPoliciesTakeValuesAway masks, hashes and drops columns; what was before can be
// read by nobody, and no name of a column was lost on the way.
func TestPoliciesTakeValuesAway(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, people())
	before, err := b.datasets.Look(ctx, ann.Tenant, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	b.protected(t, id, policies("email", "hash", "ssn", "drop", "born", "mask"))
	hash := b.keys.Of("acme").Hash("user0@example.org")
	want := []string{"email=" + hash, "born=1***0", "score=0", "plan=free", "masked: "}
	if got := b.row(t, ann.Tenant, id); !slices.Equal(got, want) {
		t.Errorf("the row is %q, want %q", got, want)
	}
	p, err := b.datasets.Privacy(ctx, ann.Tenant, id)
	if err != nil || p.State != dataset.Ready || p.SealedBefore != 2 || p.Risk != pii.NoRisk || len(p.Columns) != 2 || !p.Columns[0].Applied || p.Columns[0].Column != "born" || p.Columns[0].Policy != dataset.PolicyMask {
		t.Fatalf("%+v, %v", p, err)
	}
	all, err := b.datasets.Versions(ctx, ann.Tenant, id)
	if err != nil || len(all) != 2 || all[0].MadeBy() != dataset.MadeByPolicy || all[0].Sealed || !all[1].Sealed || !slices.Equal(all[0].Removed, []string{"ssn"}) || !slices.Equal(all[0].Retyped, []string{"born"}) {
		t.Fatalf("%+v, %v", all, err)
	}
	for name, use := range map[string]func() error{
		"table":       func() error { _, _, err := b.datasets.At(ctx, ann.Tenant, id, 1); return err },
		"training":    func() error { _, err := b.datasets.Fixed(ctx, ann.Tenant, id, 0); return err },
		"prediction":  func() error { _, err := b.datasets.Input(ctx, ann.Tenant, id, dataset.FromFile); return err },
		"for steward": func() error { _, _, err := b.datasets.At(ctx, sue.Tenant, id, 1); return err },
		"reproduction": func() error {
			_, err := b.Prepare(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: id}, Reproduce: 2})
			return err
		},
		"steps": func() error {
			_, err := b.Check(ctx, ann, recipe.Use{DatasetID: id, Version: 1, Steps: steps(step("drop_columns", map[string]any{"columns": []any{"score"}}))})
			return err
		},
	} {
		if err := use(); fault.CodeOf(err) != dataset.CodeSealed {
			t.Errorf("%s of a sealed version: %v", name, err)
		}
	}
	table := dataset.Release{DatasetID: id, JobID: before.Version.JobID, File: "table"}
	if err := b.datasets.Release(ctx, ann, table); fault.CodeOf(err) != "role_required" {
		t.Errorf("an analyst gets a sealed table: %v", err)
	}
	if err := b.datasets.Release(ctx, sue, table); err != nil {
		t.Errorf("a steward does not get a sealed table: %v", err)
	}
	if err := b.datasets.Release(ctx, ann, dataset.Release{DatasetID: id, JobID: all[0].Version.JobID, File: "table"}); err != nil {
		t.Errorf("an analyst does not get the masked table: %v", err)
	}
	// Twice is once.
	if p, j, err := b.datasets.SetPolicies(ctx, ann, id, policies("email", "hash"), nil); err != nil || j != nil || p.Version != 2 {
		t.Errorf("applied twice: %+v, %v, %v", p, j, err)
	}
	if p, j, err := b.datasets.Apply(ctx, ann, id); err != nil || j != nil || p.Version != 2 {
		t.Errorf("applied without need: %+v, %v, %v", p, j, err)
	}
	for name, changes := range map[string][]dataset.PolicyChange{
		"a column that was dropped": policies("ssn", "warn"), "values that are gone": policies("email", "allow"), "another way": policies("email", "mask"),
	} {
		if _, _, err := b.datasets.SetPolicies(ctx, sue, id, changes, nil); fault.CodeOf(err) != "pii_invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Later versions are of what there is now, and what is hashed can still go.
	b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(step("rename_columns", map[string]any{"names": map[string]any{"email": "customer"}}))}})
	want[0] = "customer=" + hash
	if got := b.row(t, ann.Tenant, id); !slices.Equal(got, want) {
		t.Errorf("renamed: %q, want %q", got, want)
	}
	b.protected(t, id, policies("customer", "drop"))
	if got := b.row(t, ann.Tenant, id); !slices.Equal(got, want[1:]) {
		t.Errorf("dropped: %q, want %q", got, want[1:])
	}
	if _, _, err := b.datasets.At(ctx, ann.Tenant, id, 3); fault.CodeOf(err) != dataset.CodeSealed {
		t.Errorf("version 3 is not sealed: %v", err)
	}
}

// TestErase: what is sealed has no files any more, and nothing makes it again.
func TestErase(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, people())
	if _, err := b.datasets.Erase(ctx, sue, id); fault.CodeOf(err) != "nothing_sealed" {
		t.Errorf("erased without need: %v", err)
	}
	b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(step("drop_columns", map[string]any{"columns": []any{"score"}}))}})
	if _, err := b.datasets.Pin(ctx, ann.Tenant, id, 2, true); err != nil {
		t.Fatal(err)
	}
	b.protected(t, id, policies("email", "mask", "ssn", "mask", "born", "drop"))
	references := func() []string {
		t.Helper()
		keys, err := b.datasets.References(ctx, id, b.now)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Compact(slices.Sorted(slices.Values(keys)))
	}
	had := references()
	if _, err := b.datasets.Erase(ctx, ann, id); fault.CodeOf(err) != "role_required" {
		t.Errorf("an analyst erases: %v", err)
	}
	p, err := b.datasets.Erase(ctx, sue, id)
	if err != nil || p.ErasedBefore != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	if again, err := b.datasets.Erase(ctx, sue, id); err != nil || again.Revision != p.Revision {
		t.Errorf("erased twice: %+v, %v", again, err)
	}
	d, err := b.datasets.Look(ctx, ann.Tenant, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	have := references()
	if len(had) != 12 || len(have) != 4 || slices.Contains(have, d.RawKey) || !slices.Contains(have, d.Version.TableKey) {
		t.Errorf("of %d files %q are kept", len(had), have)
	}
	all, err := b.datasets.Versions(ctx, ann.Tenant, id)
	if err != nil || !all[1].Erased || all[1].Version.Hash == "" || !all[1].Pinned || all[0].Erased {
		t.Errorf("%+v, %v", all[1], err)
	}
	if _, _, err := b.datasets.At(ctx, ann.Tenant, id, 2); fault.CodeOf(err) != dataset.CodeErased {
		t.Errorf("version 2: %v", err)
	}
	if _, err := b.Prepare(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: id}, Reproduce: 3}); fault.CodeOf(err) != dataset.CodeErased {
		t.Errorf("made again: %v", err)
	}
	if err := b.datasets.Release(ctx, sue, dataset.Release{DatasetID: id, JobID: all[1].Version.JobID, File: "table"}); fault.CodeOf(err) != dataset.CodeErased {
		t.Errorf("a link to what is erased: %v", err)
	}
}

// TestDefaultPolicy: of a tenant whose rules take values away nothing is read between
// the ingest and the version that it is followed by, whatever dies between them.
func TestDefaultPolicy(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	for name, r := range map[string]dataset.Rules{
		"a default that shows": {Default: dataset.PolicyAllow}, "no policy": {Default: "burn"}, "no kind": {Kinds: map[pii.Kind]dataset.Policy{"soul": dataset.PolicyMask}}, "remains": {Remains: "keep"},
	} {
		if _, err := b.datasets.SetRules(ctx, sue, r, nil); fault.CodeOf(err) != "pii_invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	rules := dataset.Rules{Default: dataset.PolicyMask, Kinds: map[pii.Kind]dataset.Policy{pii.Email: dataset.PolicyHash, pii.DateOfBirth: dataset.PolicyWarn}, Remains: dataset.RemainsErased}
	if _, err := b.datasets.SetRules(ctx, ann, rules, nil); fault.CodeOf(err) != "role_required" {
		t.Errorf("an analyst sets rules: %v", err)
	}
	zero := int64(0)
	set, err := b.datasets.SetRules(ctx, sue, rules, &zero)
	if err != nil || set.Revision != 1 {
		t.Fatalf("%+v, %v", set, err)
	}
	if _, err := b.datasets.SetRules(ctx, sue, rules, &zero); fault.CodeOf(err) != dataset.CodePrivacyChanged {
		t.Errorf("an outdated change: %v", err)
	}
	id := b.table(t, ann, people())
	waits := func() {
		t.Helper()
		for name, use := range map[string]func() error{
			"preview":    func() error { _, err := b.datasets.Look(ctx, ann.Tenant, id, 0); return err },
			"unmasked":   func() error { _, err := b.datasets.Unmasked(ctx, sue, id, 0, 1); return err },
			"training":   func() error { _, err := b.datasets.Fixed(ctx, ann.Tenant, id, dataset.Newest); return err },
			"prediction": func() error { _, err := b.datasets.Input(ctx, ann.Tenant, id, dataset.FromFile); return err },
			"steps": func() error {
				_, err := b.Check(ctx, ann, recipe.Use{DatasetID: id, Steps: steps(trim())})
				return err
			},
			"profile": func() error { _, _, err := b.datasets.Reprofile(ctx, ann.Tenant, ann.User, id, ""); return err },
		} {
			if err := use(); fault.CodeOf(err) != dataset.CodeUnprotected {
				t.Errorf("%s before the policies are applied: %v", name, err)
			}
		}
	}
	waits()
	p, err := b.datasets.Privacy(ctx, ann.Tenant, id)
	if err != nil || p.State != dataset.NeedsPolicy || p.JobID == "" {
		t.Fatalf("%+v, %v", p, err)
	}
	// The ingest is published once more, and somebody asks: it is one job all the same.
	b.republish(t, id)
	_, j, err := b.datasets.Apply(ctx, ann, id)
	if err != nil || j == nil || j.ID != p.JobID || b.count("protect") != 1 {
		t.Fatalf("job %+v, %v; there are %d", j, err, b.count("protect"))
	}
	if _, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("email", "warn"), nil); fault.CodeOf(err) != "role_required" {
		t.Errorf("an analyst does less than the rules say: %v", err)
	}
	if _, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("email", "mask"), nil); fault.CodeOf(err) != "dataset_in_use" {
		t.Errorf("changed under the job: %v", err)
	}
	if _, _, err := b.datasets.SetPolicies(ctx, sue, id, policies("email", "warn", "ssn", "warn"), nil); fault.CodeOf(err) != "dataset_in_use" {
		t.Errorf("taken back under the job: %v", err)
	}
	// It fails, and is applied again.
	b.end(t, j.ID, job.Failed)
	waits()
	_, again, err := b.datasets.Apply(ctx, ann, id)
	if err != nil || again == nil || again.ID == j.ID {
		t.Fatalf("job %+v, %v", again, err)
	}
	made, err := b.protect(ctx, again)
	if err != nil {
		t.Fatal(err)
	}
	waits()
	b.publish(t, again, made)
	b.publish(t, again, made)
	if got := b.row(t, ann.Tenant, id); !slices.Equal(got[1:], []string{"ssn=***1000", "born=1***Z", "score=0", "plan=free", "masked: born"}) {
		t.Errorf("the row is %q", got)
	}
	if p, err = b.datasets.Privacy(ctx, ann.Tenant, id); err != nil || p.ErasedBefore != 2 || p.State != dataset.Ready {
		t.Errorf("%+v, %v", p, err)
	}
	// What is not looked at yet could hold anything.
	d, _, err := b.datasets.Create(ctx, dataset.Upload{Tenant: ann.Tenant, User: ann.User, Filename: "t.csv", Body: strings.NewReader(people())})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.datasets.Input(ctx, ann.Tenant, d.ID, dataset.FromFile); fault.CodeOf(err) != "dataset_not_ready" {
		t.Errorf("predicted before it was looked at: %v", err)
	}
	page, err := b.datasets.Accesses(ctx, sue, "", "", 100)
	if err != nil || !slices.ContainsFunc(page.Items, func(a *dataset.Access) bool { return a.Action == dataset.ActionRules && a.User == "sue" }) {
		t.Errorf("%+v, %v", page.Items, err)
	}
}

// TestSecretMissing: what cannot be hashed is refused, and named.
func TestSecretMissing(t *testing.T) {
	t.Parallel()
	b, ctx := setupWith(t, nil), t.Context()
	id := b.table(t, ann, people())
	for name, use := range map[string]func() error{
		"column": func() error {
			_, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("email", "hash"), nil)
			return err
		},
		"rule": func() error {
			_, err := b.datasets.SetRules(ctx, sue, dataset.Rules{Kinds: map[pii.Kind]dataset.Policy{pii.Email: dataset.PolicyHash}}, nil)
			return err
		},
		"steps": func() error {
			_, err := b.Check(ctx, ann, recipe.Use{DatasetID: id, Steps: steps(step("hash_values", map[string]any{"columns": []any{"email"}}))})
			return err
		},
	} {
		err := use()
		if code := fault.CodeOf(err); code != "pii_invalid" && code != "hash_key_missing" || !strings.Contains(err.Error(), "NARRATIVE_PII_HASH_SECRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("email", "drop", "ssn", "drop", "born", "drop", "score", "drop", "plan", "drop"), nil); fault.CodeOf(err) != "pii_invalid" {
		t.Errorf("nothing is left: %v", err)
	}
	one := int64(1)
	if _, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("email", "mask"), &one); fault.CodeOf(err) != dataset.CodePrivacyChanged {
		t.Errorf("an outdated change: %v", err)
	}
}

// TestHashesJoin: the same value has the same hash in every table of a tenant, and
// another one in another tenant's.
func TestHashesJoin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second, other := b.table(t, ann, people()), b.table(t, ann, people()), b.table(t, bob, people())
	hash := recipe.Use{Steps: steps(step("hash_values", map[string]any{"columns": []any{"email"}}))}
	var hashes []string
	for _, of := range []struct {
		caller account.Caller
		id     string
	}{{ann, first}, {ann, second}, {bob, other}} {
		use := hash
		use.DatasetID = of.id
		b.apply(t, of.caller, recipe.Request{Use: use})
		hashes = append(hashes, b.row(t, of.caller.Tenant, of.id)[0])
	}
	if hashes[0] != hashes[1] || hashes[0] == hashes[2] || !strings.HasPrefix(hashes[0], "email=") || len(hashes[0]) != len("email=")+32 {
		t.Errorf("hashes %q", hashes)
	}
	// With another secret the version is not made again as something else.
	b.keys = pii.NewKeys(strings.Repeat("other", 8))
	b.open()
	_, err := b.Prepare(t.Context(), ann, recipe.Request{Use: recipe.Use{DatasetID: first}, Reproduce: 2})
	checkFault(t, err, fault.ClassInvalid, "hash_key_changed", "body.steps[0].parameters.key")
}

// TestLateVersions: a recipe that was under way when policies were applied does not
// bring back what they took away.
func TestLateVersions(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, people())
	late, _, err := b.Submit(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(step("drop_columns", map[string]any{"columns": []any{"score"}}))}}, "")
	if err != nil {
		t.Fatal(err)
	}
	made, err := b.run(ctx, jobtest.NewTask(late, nil))
	if err != nil {
		t.Fatal(err)
	}
	b.end(t, late.ID, job.Succeeded)
	b.protected(t, id, policies("email", "mask", "ssn", "mask", "born", "mask"))
	b.publish(t, late, made)
	d, err := b.datasets.Look(ctx, ann.Tenant, id, 0)
	if err != nil || d.Version.Number != 2 {
		t.Fatalf("version %d, %v", d.Version.Number, err)
	}
	if _, _, err := b.datasets.At(ctx, ann.Tenant, id, 3); fault.CodeOf(err) != dataset.CodeSealed {
		t.Errorf("the late version can be read: %v", err)
	}
	// The other way round: it is published just before.
	id = b.table(t, ann, people())
	_, j, err := b.datasets.SetPolicies(ctx, ann, id, policies("email", "mask"), nil)
	if err != nil {
		t.Fatal(err)
	}
	masked, err := b.protect(ctx, j)
	if err != nil {
		t.Fatal(err)
	}
	made.DatasetID, made.Record.DatasetID, made.Record.Version.JobID = id, id, "job_late"
	b.publish(t, late, made)
	b.publish(t, j, masked)
	p, err := b.datasets.Privacy(ctx, ann.Tenant, id)
	if err != nil || p.State != dataset.Ready || p.Version != 3 || p.SealedBefore != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	if got := b.row(t, ann.Tenant, id)[0]; got != "email=u***@example.org" {
		t.Errorf("the row has %s", got)
	}
	if _, _, err := b.datasets.At(ctx, ann.Tenant, id, 2); fault.CodeOf(err) != dataset.CodeSealed {
		t.Errorf("the late version can be read: %v", err)
	}
	if _, err := b.protect(ctx, j); fault.CodeOf(err) != "version_not_newest" {
		t.Errorf("policies of an old version: %v", err)
	}
}

// TestPublicationIsRepeated: a worker dies after the ingest's version was published and
// before the policies were submitted. Nothing can be read, and the next publication,
// which the job layer sees to, goes on.
func TestPublicationIsRepeated(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	if _, err := b.datasets.SetRules(ctx, sue, dataset.Rules{Default: dataset.PolicyDrop}, nil); err != nil {
		t.Fatal(err)
	}
	d, j, err := b.datasets.Create(ctx, dataset.Upload{Tenant: ann.Tenant, User: ann.User, Filename: "t.csv", Body: strings.NewReader(people())})
	if err != nil {
		t.Fatal(err)
	}
	made, err := b.ingest.Run(ctx, jobtest.NewTask(j, nil).Task, dataset.IngestRequest{DatasetID: d.ID})
	if err != nil {
		t.Fatal(err)
	}
	b.ingested[d.ID] = ingested{j, made}
	away := errors.New("the store is away")
	b.line.Fail(away)
	if err := b.ingest.Publish(ctx, j, encode(t, made)); !errors.Is(err, away) {
		t.Fatalf("published without its policies: %v", err)
	}
	b.line.Fail(nil)
	if _, err := b.datasets.Look(ctx, ann.Tenant, d.ID, 0); fault.CodeOf(err) != dataset.CodeUnprotected || b.count("protect") != 0 {
		t.Fatalf("it can be used: %v; %d jobs", err, b.count("protect"))
	}
	b.republish(t, d.ID)
	b.republish(t, d.ID)
	p, err := b.datasets.Privacy(ctx, ann.Tenant, d.ID)
	if err != nil || p.JobID == "" || b.count("protect") != 1 {
		t.Fatalf("%+v, %v; %d jobs", p, err, b.count("protect"))
	}
	// The attempt that goes on after one that was killed makes the same.
	protect, err := b.line.Get(ctx, ann.Tenant, p.JobID)
	if err != nil {
		t.Fatal(err)
	}
	first, err := b.protect(ctx, protect)
	if err != nil {
		t.Fatal(err)
	}
	protect.Epoch++
	second, err := b.protect(ctx, protect)
	if err != nil || first.Hash != second.Hash {
		t.Fatalf("%s, and then %s, %v", first.Hash, second.Hash, err)
	}
	b.publish(t, protect, second)
	if got := b.row(t, ann.Tenant, d.ID); !slices.Equal(got, []string{"score=0", "plan=free", "masked: "}) {
		t.Errorf("the row is %q", got)
	}
}
