package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/terminal"
)

// Walk takes the messy data sets through the first four stages of the workflow,
// by what the workflow says is next, and shows what was wrong with each and what
// was mended. It fails when a step fails, when what the platform finds is not what
// the files are known to hold, and when something was not mended.
func Walk(ctx context.Context, opts Options) error {
	if opts.Out == nil {
		opts.Out = os.Stdout
	}
	c, err := client.New(opts.BaseURL, client.Options{Token: opts.Token})
	if err != nil {
		return err
	}
	start := time.Now()
	for i, set := range sample.MessySets() {
		w := &walk{
			demonstration: demonstration{client: c, screen: terminal.Screen{Out: opts.Out, Live: opts.Terminal}, start: start},
			set:           set,
		}
		w.say("%d. %s\n%s\n%s\n\n", i+1, set.Title, set.Source, set.Licence)
		for _, step := range []func(context.Context) error{w.sniff, w.load, w.describe, w.target, w.mend, w.features, w.arrived} {
			if err := step(ctx); err != nil {
				return fmt.Errorf("walk with %s: %w", set.Name, err)
			}
		}
		if w.err != nil {
			return w.err
		}
		w.say("\n")
	}
	d := &demonstration{screen: terminal.Screen{Out: opts.Out}}
	d.say("Done in %s: every check held.\n", time.Since(start).Round(100*time.Millisecond))
	return d.err
}

// walk is what the steps hand on.
type walk struct {
	demonstration
	set    sample.Messy
	before *client.Profile // of version 1
	hash   string          // of version 1
}

func mismatch(format string, args ...any) error {
	return &MismatchError{What: fmt.Sprintf(format, args...)}
}

// sniff shows how the file would be read.
func (w *walk) sniff(ctx context.Context) error {
	file, err := w.set.Open()
	if err != nil {
		return err
	}
	head, err := io.ReadAll(io.LimitReader(file, client.MaxSniff))
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	found, err := w.client.Sniff(ctx, w.set.Filename, head, int64(len(head)) < file.Size(), client.FileFormat{})
	if err != nil {
		return err
	}
	f := found.Format
	text := []string{f.Kind}
	for _, part := range []string{f.Encoding, f.Compression} {
		if part != "" {
			text = append(text, part)
		}
	}
	w.say("It would be read as %s, with %d columns.\n", strings.Join(text, ", "), len(found.Columns))
	if len(found.Columns) != w.set.Columns || len(found.Bad) > 0 {
		return mismatch("the beginning of the file shows %d columns and %d bad rows; it has %d and none", len(found.Columns), len(found.Bad), w.set.Columns)
	}
	return nil
}

func (w *walk) load(ctx context.Context) error {
	file, err := w.set.Open()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	step := w.screen.Start("upload")
	a, err := w.client.Upload(ctx, client.Upload{Name: w.set.Name, Filename: w.set.Filename, Body: bytes.NewReader(data)})
	if err != nil {
		step.Fail()
		return err
	}
	step.Done(w.set.Filename)
	w.datasetID = a.DatasetID
	return w.follow(ctx, "ingest", a.JobID, nil)
}

// describe shows what the columns are and what is wrong with them.
func (w *walk) describe(ctx context.Context) error {
	s, err := w.client.Schema(ctx, w.datasetID)
	if err != nil {
		return err
	}
	_, p, err := w.client.Profile(ctx, w.datasetID, 0)
	if err != nil {
		return err
	}
	rows := make([][]string, len(s.Columns))
	for i, c := range s.Columns {
		missing := int64(0)
		if i < len(p.Columns) {
			missing = p.Columns[i].Missing
		}
		rows[i] = []string{c.Name, c.Type, c.Storage, terminal.Count(missing), terminal.Count(c.Disagree)}
	}
	w.table([]string{"column", "type", "kept as", "missing", "disagree"}, rows)
	w.before = p
	if p.Rows != int64(w.set.Rows) || len(p.Columns) != w.set.Columns || p.Missing.Cells != int64(w.set.Missing) || p.Duplicates.Rows != int64(w.set.Repeated) {
		return mismatch("the profile has %d rows, %d columns, %d cells missing and %d rows repeated; the file has %d, %d, %d and %d",
			p.Rows, len(p.Columns), p.Missing.Cells, p.Duplicates.Rows, w.set.Rows, w.set.Columns, w.set.Missing, w.set.Repeated)
	}
	if p.Quality == nil {
		return mismatch("the profile has no quality score")
	}
	w.say("\nquality %.3f; %s cells are missing, %s rows repeat an earlier one\n", p.Quality.Score, terminal.Count(p.Missing.Cells), terminal.Count(p.Duplicates.Rows))
	serious := 0
	for _, f := range p.Findings {
		if f.Severity != "low" {
			w.say("  %-6s %s\n", f.Severity, f.Message)
			serious++
		}
	}
	w.say("  and %d findings of little weight\n", len(p.Findings)-serious)
	versions, err := w.client.Versions(ctx, w.datasetID)
	if err != nil {
		return err
	}
	if len(versions) != 1 || versions[0].Hash == "" {
		return mismatch("there are %d versions after the ingest", len(versions))
	}
	w.hash = versions[0].Hash
	return nil
}

// next asks for what is next, which has to be the operation.
func (w *walk) next(ctx context.Context, operation string) (*client.WorkflowAction, error) {
	flow, err := w.client.Workflow(ctx, w.datasetID)
	if err != nil {
		return nil, err
	}
	if flow.Next == nil || flow.Next.Operation != operation {
		return nil, mismatch("the workflow says that next is %+v instead of %s", flow.Next, operation)
	}
	w.say("\nnext: %s\n  %s\n", flow.Next.Reason, flow.Next.Command)
	return flow.Next, nil
}

// target says what is to be predicted, and has the profile made anew by it.
func (w *walk) target(ctx context.Context) error {
	if _, err := w.next(ctx, "change-schema"); err != nil {
		return err
	}
	w.say("  it is %s\n", w.set.Target)
	if _, err := w.client.ChangeSchema(ctx, w.datasetID, []client.ColumnChange{{Name: w.set.Target, Role: "target"}}); err != nil {
		return err
	}
	return w.renew(ctx)
}

// renew has the profile made anew.
func (w *walk) renew(ctx context.Context) error {
	if _, err := w.next(ctx, "make-profile"); err != nil {
		return err
	}
	j, err := w.client.MakeProfile(ctx, w.datasetID, "")
	if err != nil {
		return err
	}
	return w.follow(ctx, "profile", j.ID, nil)
}

// mend shows the plan of the clean-up, tries it on a sample, applies it, and looks
// whether it has done what it said.
func (w *walk) mend(ctx context.Context) error {
	suggested, err := w.client.Suggest(ctx, w.datasetID)
	if err != nil {
		return err
	}
	w.say("\nWhat could be mended:\n")
	for _, s := range suggested.Items {
		w.say("  %-18s %s\n", s.Name, s.Reason)
	}
	if _, err := w.next(ctx, "transform"); err != nil {
		return err
	}
	use := client.RecipeUse{DatasetID: w.datasetID, Steps: suggested.Clean}
	plan, err := w.client.CheckRecipe(ctx, use)
	if err != nil {
		return err
	}
	w.say("The plan:\n")
	for i, s := range plan.Steps {
		w.say("  %d. %s\n", i+1, s.Explanation)
	}
	preview, err := w.client.PreviewRecipe(ctx, use)
	if err != nil {
		return err
	}
	w.say("%s\n", preview.Label)
	if err := w.apply(ctx, use); err != nil {
		return err
	}
	return w.mended(ctx)
}

func (w *walk) apply(ctx context.Context, use client.RecipeUse) error {
	j, err := w.client.Transform(ctx, client.TransformRequest{RecipeUse: use}, "")
	if err != nil {
		return err
	}
	return w.follow(ctx, "apply", j.ID, nil)
}

// mended compares the new version with what was wrong with the file.
func (w *walk) mended(ctx context.Context) error {
	_, p, err := w.client.Profile(ctx, w.datasetID, 0)
	if err != nil {
		return err
	}
	for _, c := range p.Columns {
		if slices.Contains(w.set.Empty, c.Name) {
			return mismatch("the column %s is still there", c.Name)
		}
		if number := c.Mean != nil && c.Quantiles != nil; number && c.Missing > 0 {
			return mismatch("%d numbers of %s are still missing", c.Missing, c.Name)
		}
	}
	if p.Duplicates.Rows != 0 || p.Rows != int64(w.set.Rows-w.set.Repeated) || len(p.Columns) != w.set.Columns-len(w.set.Empty) {
		return mismatch("there are %d rows, %d of them repeated, and %d columns; of the file %d rows and %d columns should be left",
			p.Rows, p.Duplicates.Rows, len(p.Columns), w.set.Rows-w.set.Repeated, w.set.Columns-len(w.set.Empty))
	}
	if p.Quality == nil || p.Quality.Completeness == nil || w.before.Quality.Completeness == nil || *p.Quality.Completeness <= *w.before.Quality.Completeness {
		return mismatch("the table is not more complete than the file")
	}
	w.say("\nmended: cells missing %s → %s, repeated rows %s → %s, columns %d → %d, completeness %.3f → %.3f\n",
		terminal.Count(w.before.Missing.Cells), terminal.Count(p.Missing.Cells), terminal.Count(w.before.Duplicates.Rows), terminal.Count(p.Duplicates.Rows),
		len(w.before.Columns), len(p.Columns), *w.before.Quality.Completeness, *p.Quality.Completeness)
	return w.kept(ctx, 2)
}

// kept checks that there are so many versions, each made of the one before, and
// that the first is what it was.
func (w *walk) kept(ctx context.Context, number int) error {
	versions, err := w.client.Versions(ctx, w.datasetID)
	if err != nil {
		return err
	}
	if len(versions) != number || versions[0].Number != number || versions[0].Parent != number-1 || len(versions[0].Steps) == 0 {
		return mismatch("there are %d versions; the newest should be %d, made of %d", len(versions), number, number-1)
	}
	if first := versions[number-1]; first.Number != 1 || first.Hash != w.hash || versions[0].Hash == w.hash {
		return mismatch("version 1 is not what it was, or version %d is the same", number)
	}
	return nil
}

// features does what the workflow says about features, which are the parts of
// dates, or that there are none to suggest.
func (w *walk) features(ctx context.Context) error {
	if err := w.refresh(ctx); err != nil {
		return err
	}
	dates := slices.ContainsFunc(w.before.Columns, func(c client.ProfileColumn) bool { return c.Type == "date" || c.Type == "datetime" })
	if !dates {
		if _, err := w.next(ctx, "change-workflow"); err != nil {
			return err
		}
		_, err := w.client.ChangeWorkflow(ctx, w.datasetID, []client.StageChange{{Name: "engineer_features", Skipped: true, Note: "no dates"}})
		return err
	}
	action, err := w.next(ctx, "transform")
	if err != nil {
		return err
	}
	var use client.RecipeUse
	text, err := json.Marshal(action.Body)
	if err == nil {
		err = json.Unmarshal(text, &use)
	}
	if err != nil {
		return fmt.Errorf("read what is next: %w", err)
	}
	if err := w.apply(ctx, use); err != nil {
		return err
	}
	difference, err := w.client.CompareVersions(ctx, w.datasetID, 2, 3)
	if err != nil {
		return err
	}
	w.say("features: %s\n", strings.Join(difference.Added, ", "))
	if len(difference.Added) == 0 || difference.Rows != 0 {
		return mismatch("version 3 has %d more columns and %d more rows than version 2", len(difference.Added), difference.Rows)
	}
	return w.kept(ctx, 3)
}

// refresh has the profile of a new version made anew, if it does not know the roles.
func (w *walk) refresh(ctx context.Context) error {
	flow, err := w.client.Workflow(ctx, w.datasetID)
	if err != nil || flow.Next == nil || flow.Next.Operation != "make-profile" {
		return err
	}
	return w.renew(ctx)
}

// arrived checks that the way to stage 5 is open.
func (w *walk) arrived(ctx context.Context) error {
	if err := w.refresh(ctx); err != nil {
		return err
	}
	flow, err := w.client.Workflow(ctx, w.datasetID)
	if err != nil {
		return err
	}
	w.say("\n")
	if err := DrawWorkflow(w.screen.Out, flow); err != nil {
		return err
	}
	for _, name := range []string{"load", "profile", "prepare", "engineer_features"} {
		if s := flow.Stage(name); s == nil || s.State != "done" {
			return mismatch("the stage %s is not done: %+v", name, s)
		}
	}
	if s := flow.Stage("train"); s == nil || s.State != "ready" || flow.Target != w.set.Target || flow.Next == nil || flow.Next.Operation != "train" {
		return mismatch("the stage train is not open, or the target is not %s: %+v", w.set.Target, s)
	}
	return nil
}
