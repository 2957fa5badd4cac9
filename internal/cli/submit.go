package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/demo"
	"github.com/narrativeml/narrative/internal/terminal"
)

// submission is what the commands share that make a job.
type submission struct {
	key      string
	detach   bool
	priority *int     // nil: not given
	after    []string // jobs that have to succeed before
}

// order is when the job may run.
func (s *submission) order() client.Order {
	return client.Order{After: s.after, Priority: s.priority}
}

func (s *submission) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.key, "idempotency-key", "", "your name for this request; sent again it makes nothing new")
	cmd.Flags().Func("priority", "how urgent the job is among those of your tenant, 0 to 9 (default 5)", func(text string) error {
		n, err := priorityOf(text)
		s.priority = &n
		return err
	})
	cmd.Flags().StringSliceVar(&s.after, "after", nil, "jobs that have to succeed before this one runs")
	cmd.Flags().BoolVarP(&s.detach, "detach", "d", false, "do not wait for the job")
}

// limits are the flags of what a job may take.
type limits struct {
	memory, deadline string
	budget           time.Duration
}

func (l *limits) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.memory, "memory", "", "the memory that an attempt may use, such as 2GiB (default: an estimate)")
	cmd.Flags().StringVar(&l.deadline, "deadline", "", "by when the job has to have ended: a time such as 2025-06-01T18:00:00Z, or from now, such as 2h")
	cmd.Flags().DurationVar(&l.budget, "time-budget", 0, "for how long its attempts may run in all, such as 90m (default: no limit)")
}

// read returns the limits; the server says what is wrong with their values.
func (l *limits) read(cmd *cobra.Command) (client.Limits, error) {
	limits := client.Limits{Memory: l.memory}
	if cmd.Flags().Changed("time-budget") {
		if l.budget < time.Second {
			return limits, usage("--time-budget is %s; it must be at least 1s", l.budget)
		}
		limits.TimeBudget = int64(l.budget / time.Second)
	}
	if l.deadline == "" {
		return limits, nil
	}
	at, err := time.Parse(time.RFC3339, l.deadline)
	if err != nil {
		after, notPeriod := time.ParseDuration(l.deadline)
		if notPeriod != nil {
			return limits, usage("--deadline is %q; write a time such as 2025-06-01T18:00:00Z, or a period from now such as 2h", l.deadline)
		}
		at = time.Now().Add(after)
	}
	limits.Deadline = &at
	return limits, nil
}

// check refuses to write what is not there yet.
func (s *submission) check(output string) error {
	if s.detach && output != "" {
		return usage("--output needs the job's end; leave out --detach, or use narrative download later")
	}
	return nil
}

// detached tells which job was made.
func (s *session) detached(cmd *cobra.Command, j *client.Job) error {
	return s.answer(cmd, j, func(w io.Writer) error { return line(w, "%s", j.ID) })
}

func decodeResult(j *client.Job, into any) error {
	if err := json.Unmarshal(j.Result, into); err != nil {
		return fmt.Errorf("read the result of job %s: %w", j.ID, err)
	}
	return nil
}

func trainCommand(s *session) *cobra.Command {
	var sub submission
	var r client.TrainRequest
	var with trainSteps
	var limits limits
	cmd := &cobra.Command{
		Use: "train DATASET --target COLUMN", Short: "Train and compare models", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.Target == "" {
				return usage("name the column to predict with --target")
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			r.DatasetID = args[0]
			if err := with.read(cmd, &r); err != nil {
				return err
			}
			if r.Limits, err = limits.read(cmd); err != nil {
				return err
			}
			r.Order = sub.order()
			j, err := c.Train(cmd.Context(), r, sub.key)
			if err != nil || sub.detach {
				return orDetached(err, func() error { return s.detached(cmd, j) })
			}
			if j, err = s.follow(cmd.Context(), cmd, c, "training", j.ID); err != nil {
				return err
			}
			var made struct {
				ModelID string `json:"model_id"`
			}
			if err := decodeResult(j, &made); err != nil {
				return err
			}
			m, err := c.Model(cmd.Context(), made.ModelID)
			if err != nil {
				return err
			}
			return s.answer(cmd, m, func(w io.Writer) error { return showModel(w, m) })
		},
	}
	f := cmd.Flags()
	f.StringVarP(&r.Target, "target", "t", "", "the column to predict")
	f.IntVar(&r.Version, "version", 0, "of the data set (default: the newest)")
	f.StringVar(&r.Name, "name", "", "name of the model")
	f.StringVar(&r.Task, "task", "", "binary, multiclass or regression (default: by the target)")
	f.StringVar(&r.PositiveClass, "positive-class", "", "the class to look for (default: the rarer)")
	f.StringSliceVar(&r.Features, "features", nil, "columns to learn from (default: all)")
	f.StringSliceVar(&r.Exclude, "exclude", nil, "columns to leave out")
	f.StringSliceVar(&r.Algorithms, "algorithms", nil, "candidates (default: all)")
	f.StringVar(&r.Metric, "metric", "", "what the leaderboard is ordered by")
	f.StringVar(&r.Encoding, "encoding", "", "of categories: onehot or ordinal")
	f.BoolVar(&r.FoldsAsJobs, "folds-as-jobs", false, "make each fit of the cross-validation a job of its own (default: by the number of rows)")
	f.IntVar(&r.Folds, "folds", 0, "of the cross-validation (default 5)")
	f.Float64Var(&r.TestFraction, "test-fraction", 0, "of the rows, held out (default 0.2)")
	f.Uint64Var(&r.Seed, "seed", 0, "of everything random (default 1)")
	f.IntVar(&r.Trees, "trees", 0, "of a gbdt candidate, at most; of a forest, up to 100")
	f.StringVar(&r.Split, "split", "", "how rows are divided: random, grouped or time (default random)")
	f.StringVar(&r.GroupColumn, "group-column", "", "rows with the same value stay together (split grouped)")
	f.StringVar(&r.TimeColumn, "time-column", "", "what the rows are ordered by (split time)")
	f.IntVar(&r.Gap, "gap", 0, "rows left out before those that are tested on (split time)")
	f.IntVar(&r.Window, "window", 0, "the most rows that a fold learns from (split time, default all)")
	f.IntVar(&r.Repeats, "repeats", 0, "of the cross-validation (default 1)")
	f.StringVar(&r.ClassWeight, "class-weight", "", "none or balanced (default none)")
	f.StringVar(&r.WeightColumn, "weight-column", "", "numbers that say how much each row counts (default: all the same)")
	f.StringVar(&r.Imputation, "imputation", "", "of missing numbers for linear models: mean, median or mode (default median)")
	f.StringVar(&r.Scaling, "scaling", "", "of numbers for linear models: standard, minmax, robust, maxabs or none (default standard)")
	f.BoolVar(&r.DateCycles, "date-cycles", false, "give linear models month, weekday, hour and day of the year as cycles, too")
	f.Float64Var(&r.MinVariance, "min-variance", 0, "leave out columns of numbers that vary less (default 0: none)")
	f.Float64Var(&r.MaxCorrelation, "max-correlation", 0, "leave out columns of numbers correlated above this with one before (default 0: none)")
	with.flags(cmd, &r)
	limits.flags(cmd)
	sub.flags(cmd)
	return cmd
}

// orDetached returns err, or what then returns.
func orDetached(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

func showModel(w io.Writer, m *client.Model) error {
	if err := line(w, "model %s: %s of %s, %s rows held out", m.ID, m.Task, m.Target, terminal.Count(m.HoldoutRows)); err != nil {
		return err
	}
	header, rows := demo.LeaderboardTable(m)
	if err := terminal.Table(w, header, rows); err != nil {
		return err
	}
	if err := showModelSteps(w, m.Recipe); err != nil {
		return err
	}
	if m.Threshold != nil {
		return line(w, "threshold %.4f by %s", m.Threshold.Value, m.Threshold.Objective)
	}
	return nil
}

func tuneCommand(s *session) *cobra.Command {
	var sub submission
	var output string
	r := client.TuneRequest{Method: "threshold"}
	var limits limits
	cmd := &cobra.Command{
		Use: "tune MODEL", Short: "Tune the decision threshold of a binary model", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := sub.check(output); err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			r.ModelID = args[0]
			if r.Limits, err = limits.read(cmd); err != nil {
				return err
			}
			r.Order = sub.order()
			j, err := c.Tune(cmd.Context(), r, sub.key)
			if err != nil || sub.detach {
				return orDetached(err, func() error { return s.detached(cmd, j) })
			}
			if j, err = s.follow(cmd.Context(), cmd, c, "tuning", j.ID); err != nil {
				return err
			}
			var tuned client.Tuned
			if err := decodeResult(j, &tuned); err != nil {
				return err
			}
			if output != "" {
				return s.download(cmd, c, j.ID, curveFile, output)
			}
			return s.answer(cmd, j.Result, func(w io.Writer) error {
				header, rows := demo.TunedTable(tuned)
				if err := terminal.Table(w, header, rows); err != nil {
					return err
				}
				if err := line(w, "%s by threshold, from 0 to 1: %s", tuned.Objective, demo.Curve(tuned.Curve)); err != nil {
					return err
				}
				return line(w, "all %s points of the curve: narrative download %s --output FILE", terminal.Count(int64(tuned.CurvePoints)), j.ID)
			})
		},
	}
	cmd.Flags().StringVar(&r.Method, "method", r.Method, "what to tune: threshold")
	cmd.Flags().StringVar(&r.Objective, "objective", "", "f1, fbeta, youden or balanced_accuracy (default f1)")
	cmd.Flags().Float64Var(&r.Beta, "beta", 0, "weight of recall in fbeta")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write the whole curve to this file, as CSV; - for standard output")
	limits.flags(cmd)
	sub.flags(cmd)
	return cmd
}

func predictCommand(s *session) *cobra.Command {
	var sub submission
	var r client.PredictRequest
	var limits limits
	var output string
	cmd := &cobra.Command{
		Use: "predict MODEL DATASET", Short: "Predict every row of a data set's file", Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := sub.check(output); err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			r.ModelID, r.DatasetID = args[0], args[1]
			if r.Limits, err = limits.read(cmd); err != nil {
				return err
			}
			r.Order = sub.order()
			j, err := c.Predict(cmd.Context(), r, sub.key)
			if err != nil || sub.detach {
				return orDetached(err, func() error { return s.detached(cmd, j) })
			}
			if j, err = s.follow(cmd.Context(), cmd, c, "prediction", j.ID); err != nil {
				return err
			}
			var p client.Predicted
			if err := decodeResult(j, &p); err != nil {
				return err
			}
			for _, warning := range warnings(p, j.ID) {
				cmd.PrintErrln("warning: " + warning)
			}
			if output != "" {
				return s.download(cmd, c, j.ID, predictionsFile, output)
			}
			return s.answer(cmd, j, func(w io.Writer) error {
				if p.AbsentRows > 0 {
					if err := line(w, "%s rows absent, of %d parts that failed", terminal.Count(p.AbsentRows), len(p.FailedShards)); err != nil {
						return err
					}
				}
				return line(w, "%s rows predicted, %s bad; narrative download %s --output FILE", terminal.Count(p.Rows), terminal.Count(p.BadRows), j.ID)
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&r.Version, "version", 0, "of the data set (default: the one that the model learned from, of another data set the newest, or what its file holds when the model brings its steps along)")
	f.BoolVar(&r.Prepared, "prepared", false, "the table has been through the steps of the model's data set already")
	f.StringVar(&r.Rows, "rows", "", "all, or holdout: those that training held out (default all)")
	f.StringVar(&r.Format, "format", "", "csv, jsonl or parquet (default csv)")
	f.IntVar(&r.Shards, "shards", 0, "parts, at most, that are predicted by jobs of their own (default: by the number of rows; 1: none)")
	f.IntVar(&r.MaxFailed, "max-failed-shards", 0, "parts that may fail without the prediction failing; their rows are absent, and the result says which")
	f.StringVar(&r.IDColumn, "id-column", "", "column copied as row_id (default: the row's number)")
	f.StringVarP(&output, "output", "o", "", "write the predictions to this file; - for standard output")
	limits.flags(cmd)
	sub.flags(cmd)
	return cmd
}

// warnings are what a person should know before using the predictions.
func warnings(p client.Predicted, id string) []string {
	all := p.Warnings
	if p.BadRows > 0 {
		all = append(all, fmt.Sprintf("rows that could not be predicted: %s; narrative download %s --file errors tells why", terminal.Count(p.BadRows), id))
	}
	return all
}

func cleanupCommand(s *session) *cobra.Command {
	var sub submission
	var r client.CleanupRequest
	cmd := &cobra.Command{
		Use: "cleanup", Short: "Delete files that nothing points to (operators)", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			r.Order = sub.order()
			j, err := c.Cleanup(cmd.Context(), r, sub.key)
			if err != nil || sub.detach {
				return orDetached(err, func() error { return s.detached(cmd, j) })
			}
			if j, err = s.follow(cmd.Context(), cmd, c, "cleanup", j.ID); err != nil {
				return err
			}
			var done client.Cleaned
			if err := decodeResult(j, &done); err != nil {
				return err
			}
			return s.answer(cmd, j.Result, func(w io.Writer) error { return showCleaned(w, done) })
		},
	}
	cmd.Flags().BoolVar(&r.DryRun, "dry-run", false, "only list what would go")
	sub.flags(cmd)
	return cmd
}

// showCleaned writes the counts and, of a dry run, what would go.
func showCleaned(w io.Writer, done client.Cleaned) error {
	header := []string{"looked at", "kept", "marked", "waiting", "deleted", "size"}
	if err := terminal.Table(w, header, [][]string{{
		terminal.Count(done.Examined), terminal.Count(done.Kept), terminal.Count(done.Marked),
		terminal.Count(done.Waiting), terminal.Count(done.Deleted), terminal.Size(done.DeletedBytes),
	}}); err != nil || !done.DryRun || len(done.Objects) == 0 {
		return err
	}
	rows := make([][]string, len(done.Objects))
	for i, o := range done.Objects {
		rows[i] = []string{o.Action, o.Key, terminal.Size(o.Size), o.Reason}
	}
	if err := line(w, ""); err != nil {
		return err
	}
	if err := terminal.Table(w, []string{"would", "object", "size", "why"}, rows); err != nil || !done.Truncated {
		return err
	}
	return line(w, "and more, which are not listed")
}
