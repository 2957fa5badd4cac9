package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/secret"
	"github.com/narrativeml/narrative/internal/terminal"
)

// Options say where and how the demonstration runs.
type Options struct {
	BaseURL  string        // of a server, such as http://127.0.0.1:8080
	Token    secret.String // bearer token; empty in development mode
	Out      io.Writer     // nil: standard output
	Terminal bool          // whether Out is one: bars that move
}

const (
	setName   = "insurance"
	objective = "f1"
	metric    = "roc_auc"
	firstRows = 8 // of the predictions, shown
)

// MismatchError says that the platform gave two answers that do not fit.
type MismatchError struct{ What string }

// Error implements error.
func (e *MismatchError) Error() string { return "the results do not fit together: " + e.What }

// Run runs the demonstration. It fails when a step fails and when the results
// do not fit together.
func Run(ctx context.Context, opts Options) error {
	set, ok := sample.Lookup(setName)
	if !ok {
		return fmt.Errorf("there is no bundled data set %s", setName)
	}
	if opts.Out == nil {
		opts.Out = os.Stdout
	}
	c, err := client.New(opts.BaseURL, client.Options{Token: opts.Token})
	if err != nil {
		return err
	}
	d := &demonstration{
		client: c, set: set, start: time.Now(),
		screen: terminal.Screen{Out: opts.Out, Live: opts.Terminal},
	}
	for _, step := range []func(context.Context) error{
		d.upload, d.profile, d.train, d.tune, d.predict, d.download, d.cleanup,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.say("\nDone in %s: every check held.\n", time.Since(d.start).Round(100*time.Millisecond))
	return d.err
}

// demonstration is what the steps hand on.
type demonstration struct {
	client *client.Client
	set    sample.Set
	screen terminal.Screen
	start  time.Time
	err    error // of the first write that failed

	datasetID string
	model     *client.Model
	threshold float64
	predictID string
}

// say writes to the screen and remembers the first error.
func (d *demonstration) say(format string, args ...any) {
	if _, err := fmt.Fprintf(d.screen.Out, format, args...); err != nil && d.err == nil {
		d.err = fmt.Errorf("write the demonstration: %w", err)
	}
}

func (d *demonstration) table(header []string, rows [][]string) {
	if err := terminal.Table(d.screen.Out, header, rows); err != nil && d.err == nil {
		d.err = err
	}
}

// follow waits for the job and shows its progress; into takes its result and
// may be nil.
func (d *demonstration) follow(ctx context.Context, label, id string, into any) error {
	step := d.screen.Start(label)
	j, err := d.client.Watch(ctx, id, client.Seen{Job: func(j *client.Job) { step.Update(progress(j)) }})
	if err != nil {
		step.Fail()
		return err
	}
	step.Done("")
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(j.Result, into); err != nil {
		return fmt.Errorf("read the result of the %s job: %w", j.Kind, err)
	}
	return nil
}

func progress(j *client.Job) terminal.Progress {
	stage := j.Progress.Stage
	if stage == "" {
		stage = j.State
	}
	return terminal.Progress{
		Stage: stage, Fraction: j.Progress.Fraction,
		Rows: j.Progress.Rows, RowsAll: j.Progress.RowsAll, Unit: Unit(j.Kind), ETA: j.Progress.ETA,
	}
}

// Unit is what the progress of a kind of job counts.
func Unit(kind string) string {
	if kind == "cleanup" {
		return "objects"
	}
	return "rows"
}

func (d *demonstration) upload(ctx context.Context) error {
	d.say("%s\n%s\n%s\n\n", d.set.Title, d.set.Source, d.set.Licence)
	file, err := d.set.Open()
	if err != nil {
		return err
	}
	step := d.screen.Start("upload")
	a, err := d.client.Upload(ctx, client.Upload{Name: d.set.Name, Filename: d.set.Filename, Body: file})
	if err != nil {
		step.Fail()
		return err
	}
	step.Done(d.set.Filename)
	d.datasetID = a.DatasetID
	return d.follow(ctx, "ingest", a.JobID, nil)
}

func (d *demonstration) profile(ctx context.Context) error {
	_, p, err := d.client.Profile(ctx, d.datasetID, 0)
	if err != nil {
		return err
	}
	if p.Rows != int64(d.set.Rows) || len(p.Columns) != d.set.Columns {
		return &MismatchError{What: fmt.Sprintf("the profile has %d rows and %d columns, the file has %d and %d", p.Rows, len(p.Columns), d.set.Rows, d.set.Columns)}
	}
	d.say("\nThe profile of %s rows\n", terminal.Count(p.Rows))
	d.table(ProfileTable(p))
	return nil
}

func (d *demonstration) train(ctx context.Context) error {
	d.say("\nTrain: who lacks %s?\n", d.set.Target)
	j, err := d.client.Train(ctx, client.TrainRequest{
		DatasetID: d.datasetID, Target: d.set.Target, PositiveClass: d.set.PositiveClass, Metric: metric,
	}, "")
	if err != nil {
		return err
	}
	var trained struct {
		ModelID string `json:"model_id"`
	}
	if err := d.follow(ctx, "train", j.ID, &trained); err != nil {
		return err
	}
	if d.model, err = d.client.Model(ctx, trained.ModelID); err != nil {
		return err
	}
	if len(d.model.Leaderboard) == 0 {
		return &MismatchError{What: "the leaderboard is empty"}
	}
	d.say("\nThe leaderboard, by %s (%s rows held out)\n", d.model.Metric, terminal.Count(d.model.HoldoutRows))
	d.table(LeaderboardTable(d.model))
	return nil
}

func (d *demonstration) tune(ctx context.Context) error {
	d.say("\nTune the threshold for %s\n", objective)
	j, err := d.client.Tune(ctx, client.TuneRequest{ModelID: d.model.ID, Method: "threshold", Objective: objective}, "")
	if err != nil {
		return err
	}
	var tuned client.Tuned
	if err := d.follow(ctx, "tune", j.ID, &tuned); err != nil {
		return err
	}
	if d.model, err = d.client.Model(ctx, d.model.ID); err != nil {
		return err
	}
	if d.model.Threshold == nil || d.model.Threshold.Value != tuned.Threshold {
		return &MismatchError{What: fmt.Sprintf("the tuning found %v, the model has %+v", tuned.Threshold, d.model.Threshold)}
	}
	d.threshold = tuned.Threshold
	d.say("\nThe curve of %s thresholds over %s out-of-fold predictions\n", terminal.Count(int64(tuned.CurvePoints)), terminal.Count(int64(tuned.Rows)))
	d.table(TunedTable(tuned))
	d.say("\n%s by threshold, from 0 to 1: %s\n", objective, Curve(tuned.Curve))
	return nil
}

func (d *demonstration) predict(ctx context.Context) error {
	d.say("\nPredict the held-out rows\n")
	j, err := d.client.Predict(ctx, client.PredictRequest{
		ModelID: d.model.ID, DatasetID: d.datasetID, Rows: "holdout", Format: "csv",
	}, "")
	if err != nil {
		return err
	}
	d.predictID = j.ID
	var p client.Predicted
	if err := d.follow(ctx, "predict", j.ID, &p); err != nil {
		return err
	}
	if p.Rows != d.model.HoldoutRows || p.BadRows != 0 {
		return &MismatchError{What: fmt.Sprintf("%d rows were predicted and %d were bad; %d were held out", p.Rows, p.BadRows, d.model.HoldoutRows)}
	}
	return nil
}

func (d *demonstration) download(ctx context.Context) error {
	body, _, err := d.client.Result(ctx, d.predictID, "predictions")
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was read to its end or the demonstration fails
	predictions, err := readPredictions(body, d.model)
	if err != nil {
		return err
	}
	labels, err := d.labels()
	if err != nil {
		return err
	}
	d.say("\nThe first predictions\n")
	d.table(predictions.first(firstRows, labels))
	auc, err := predictions.check(d.model, d.threshold, labels)
	if err != nil {
		return err
	}
	d.say("\n%s of the downloaded file: %.9f, of the leaderboard: %.9f\n\n", metric, auc, d.model.Leaderboard[0].Holdout[metric])
	return nil
}

func (d *demonstration) cleanup(ctx context.Context) error {
	j, err := d.client.Cleanup(ctx, client.CleanupRequest{DryRun: true}, "")
	if err != nil {
		return err
	}
	var c client.Cleaned
	if err := d.follow(ctx, "clean up", j.ID, &c); err != nil {
		return err
	}
	if !c.DryRun {
		return &MismatchError{What: "the clean-up was not a dry run"}
	}
	d.say("A clean-up would look at %s objects, keep %s, and mark or delete %s.\n",
		terminal.Count(c.Examined), terminal.Count(c.Kept), terminal.Count(c.Marked+c.Waiting+c.Deleted))
	return nil
}
