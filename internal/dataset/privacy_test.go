package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// full is a store that takes no new records.
type full struct{ store.Driver }

func (full) Insert(context.Context, string, ...store.Record) ([]error, error) {
	return nil, errors.New("the disk is full")
}

func customers() string {
	var b strings.Builder
	b.WriteString("email,amount,remark\n")
	for i := range 40 {
		fmt.Fprintf(&b, "user%d@example.org,%d,%s\n", i, i*3, []string{"fine", "late"}[i%2])
	}
	return b.String()
}

var (
	analyst = account.Caller{Tenant: "acme", User: "ann", Roles: []string{account.RoleAnalyst}}
	steward = account.Caller{Tenant: "acme", User: "sue", Roles: []string{account.RoleAnalyst, account.RoleSteward}}
)

// confirming is a platform whose policy is to have personal data confirmed.
func confirming(t *testing.T) *bundle {
	t.Helper()
	b := setup(t, func(c *dataset.ServiceConfig) { c.Policy = dataset.PolicyConfirm })
	b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: b.files, Now: func() time.Time { return b.now }, Policy: dataset.PolicyConfirm})
	return b
}

func TestPersonalDataWaitsForAConfirmation(t *testing.T) {
	t.Parallel()
	b := confirming(t)
	d, j := b.create(t, customers())
	made := b.finish(t, j)
	ctx := t.Context()
	if d, err := b.Get(ctx, "acme", d.ID); err != nil || d.State != dataset.NeedsConfirmation {
		t.Fatalf("the data set is %s, %v", d.State, err)
	}
	for name, use := range map[string]func() error{
		"preview": func() error { _, err := b.Preview(ctx, "acme", d.ID, 5); return err },
		"profile": func() error { _, err := b.Profile(ctx, "acme", d.ID); return err },
		"chart": func() error {
			_, err := b.Chart(ctx, "acme", d.ID, chart.Request{Kind: chart.Histogram, X: "amount"})
			return err
		},
		"table":      func() error { _, _, err := b.At(ctx, "acme", d.ID, 0); return err },
		"training":   func() error { _, err := b.Fixed(ctx, "acme", d.ID, 0); return err },
		"prediction": func() error { _, err := b.Input(ctx, "acme", d.ID, dataset.Newest); return err },
		"download": func() error {
			return b.Release(ctx, steward, dataset.Release{DatasetID: d.ID, JobID: j.ID, File: "table"})
		},
	} {
		if err := use(); fault.CodeOf(err) != dataset.CodeUnconfirmed {
			t.Errorf("%s before the confirmation: %v", name, err)
		}
	}
	if p, err := b.Privacy(ctx, "acme", d.ID); err != nil || len(p.Columns) != 1 || p.Columns[0].Policy != dataset.PolicyConfirm {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := b.Confirm(ctx, account.Caller{Tenant: "other", User: "eve"}, d.ID); fault.CodeOf(err) != "dataset_not_found" {
		t.Errorf("another tenant confirms: %v", err)
	}
	p, err := b.Confirm(ctx, analyst, d.ID)
	if err != nil || p.State != dataset.Ready || p.ConfirmedBy != "ann" {
		t.Fatalf("%+v, %v", p, err)
	}
	shown, err := b.Preview(ctx, "acme", d.ID, 1)
	if err != nil || fmt.Sprint(shown.Rows[0]) != "[u***@example.org 0 fine]" || fmt.Sprint(shown.Masked) != "[email]" {
		t.Errorf("the preview is %+v, %v", shown, err)
	}
	made.Version.Epoch++ // the job is done once more
	b.publish(t, j, made)
	if d, err := b.Get(ctx, "acme", d.ID); err != nil || d.State != dataset.Ready {
		t.Errorf("after the job was done once more it is %s, %v", d.State, err)
	}
	// Nothing to confirm: ready at once.
	plain, job := b.create(t, "x,y\n1,2\n3,4\n")
	b.finish(t, job)
	if d, err := b.Get(ctx, "acme", plain.ID); err != nil || d.State != dataset.Ready {
		t.Errorf("a table without personal data is %s, %v", d.State, err)
	}
}

func TestPoliciesOfColumns(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d, j := b.create(t, customers())
	b.finish(t, j)
	ctx := t.Context()
	set := func(caller account.Caller, changes ...dataset.PolicyChange) error {
		_, _, err := b.SetPolicies(ctx, caller, d.ID, changes, nil)
		return err
	}
	for name, changes := range map[string][]dataset.PolicyChange{
		"no column": nil, "unknown column": {{Column: "x", Policy: dataset.PolicyWarn}}, "unknown policy": {{Column: "email", Policy: "burn"}},
		"twice": {{Column: "email", Policy: dataset.PolicyWarn}, {Column: "email", Policy: dataset.PolicyAllow}},
	} {
		if err := set(steward, changes...); fault.CodeOf(err) != "pii_invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := set(analyst, dataset.PolicyChange{Column: "email", Policy: dataset.PolicyAllow}); fault.CodeOf(err) != "role_required" {
		t.Errorf("somebody without the right shows addresses: %v", err)
	}
	row := func() string {
		p, err := b.Preview(ctx, "acme", d.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p.Rows[0])
	}
	// What nobody found can be personal, too, also in the profile that is there.
	if err := set(analyst, dataset.PolicyChange{Column: "remark", Policy: dataset.PolicyWarn}); err != nil {
		t.Fatal(err)
	}
	profile, err := b.Profile(ctx, "acme", d.ID)
	if err != nil || strings.Contains(string(profile), `"fine"`) || row() != "[u***@example.org 0 ***]" {
		t.Errorf("row %s, %v, profile %.300s", row(), err, profile)
	}
	if err := set(steward, dataset.PolicyChange{Column: "email", Policy: dataset.PolicyAllow}); err != nil || row() != "[user0@example.org 0 ***]" {
		t.Errorf("%v, row %s", err, row())
	}
	if err := set(analyst, dataset.PolicyChange{Column: "remark", Policy: dataset.PolicyConfirm}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Preview(ctx, "acme", d.ID, 1); fault.CodeOf(err) != dataset.CodeUnconfirmed {
		t.Errorf("a column that is to be confirmed: %v", err)
	}
	page, err := b.Accesses(ctx, steward, d.ID, "", 2)
	if err != nil || len(page.Items) != 2 || page.Next == "" || page.Items[0].Action != dataset.ActionPolicy {
		t.Fatalf("%+v, %v", page, err)
	}
	rest, err := b.Accesses(ctx, steward, d.ID, page.Next, 2)
	if err != nil || len(rest.Items) != 1 {
		t.Errorf("the second page has %d, %v", len(rest.Items), err)
	}
	if _, err := b.Accesses(ctx, analyst, "", "", 2); fault.CodeOf(err) != "role_required" {
		t.Errorf("somebody without the right reads the audit: %v", err)
	}
	if n, err := b.ForgetAccesses(ctx, b.now); n != 0 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if n, err := b.ForgetAccesses(ctx, b.now.Add(time.Hour)); n != 3 || err != nil {
		t.Errorf("forgot %d of 3, %v", n, err)
	}
}

// Nothing is shown that could not be written down.
func TestWhatCannotBeWrittenDownIsNotShown(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d, j := b.create(t, customers())
	b.finish(t, j)
	p, err := b.Unmasked(t.Context(), steward, d.ID, 0, 1)
	if err != nil || p.Rows[0][0] != "user0@example.org" || len(p.Masked) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	page, err := b.Accesses(t.Context(), steward, "", "", 10)
	if err != nil || len(page.Items) != 1 || page.Items[0].Action != dataset.ActionRead || fmt.Sprint(page.Items[0].Details) != "[email]" {
		t.Errorf("%+v, %v", page.Items, err)
	}
	full := dataset.NewService(dataset.ServiceConfig{Driver: full{b.driver}, Files: b.files, Jobs: b.jobs, Now: func() time.Time { return b.now }})
	if p, err := full.Unmasked(t.Context(), steward, d.ID, 0, 1); p != nil || fault.CodeOf(err) != "store_unavailable" {
		t.Errorf("shown without a record: %+v, %v", p, err)
	}
	if err := full.Release(t.Context(), steward, dataset.Release{DatasetID: d.ID, File: "table"}); fault.CodeOf(err) != "store_unavailable" {
		t.Errorf("given out without a record: %v", err)
	}
	if err := b.Release(t.Context(), analyst, dataset.Release{DatasetID: d.ID, File: "predictions", Columns: []string{"amount"}}); err != nil {
		t.Errorf("a file without personal data is refused: %v", err)
	}
	if err := b.Release(t.Context(), analyst, dataset.Release{DatasetID: d.ID, File: "predictions", Columns: []string{"email"}}); fault.CodeOf(err) != "role_required" {
		t.Errorf("a file with addresses is given out: %v", err)
	}
}
