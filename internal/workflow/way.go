package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/tabular"
)

// The kinds of jobs that are evidence.
const (
	kindIngest     = "ingest"
	kindImport     = "import"
	kindRetype     = "retype"
	kindProfile    = "profile"
	kindTransform  = "transform"
	kindProtect    = "protect"
	kindTraining   = "training"
	kindTuning     = "tuning"
	kindPrediction = "prediction"
)

const roleTarget = tabular.RoleTarget

// way is what there is of a data set, from which its stages follow.
type way struct {
	dataset   *dataset.Dataset
	flow      *Flow
	decided   *record
	profile   *profile.Profile    // nil: the data set is not ready
	versions  []*dataset.Revision // the newest first
	jobs      []*job.Job          // about the data set, the newest first
	remarks   []Remark
	suggested []recipe.Suggestion
	clean     []recipe.Step
	models    []*model.Model // the first stands for all
	modelJobs []*job.Job     // about it
}

func ended(j *job.Job) bool {
	return j.State == job.Succeeded || j.State == job.Failed || j.State == job.Cancelled
}

// newest returns the newest of the jobs that fit, or nil.
func newest(jobs []*job.Job, fits func(*job.Job) bool) *job.Job {
	i := slices.IndexFunc(jobs, fits)
	if i < 0 {
		return nil
	}
	return jobs[i]
}

func of(kinds ...string) func(*job.Job) bool {
	return func(j *job.Job) bool { return slices.Contains(kinds, j.Kind) }
}

func underWay(kinds ...string) func(*job.Job) bool {
	return func(j *job.Job) bool { return slices.Contains(kinds, j.Kind) && !ended(j) }
}

// features are the operations that make features; all others prepare.
func features() []string {
	return []string{
		"add_polynomials", "add_interactions", "extract_date_parts", "encode_cycles", "compute_age", "derive_column", "bin_numbers", "scale_numbers",
		"encode_one_hot", "encode_labels", "encode_ordinal", "encode_frequency", "group_rare", "aggregate_by_group", "join_table",
	}
}

func makesFeature(step string) bool { return slices.Contains(features(), step) }
func prepares(step string) bool     { return !makesFeature(step) }

// lineage returns the records from the version of that number back to the first.
func (w *way) lineage(number int) []*dataset.Revision {
	var line []*dataset.Revision
	for number > 0 {
		i := slices.IndexFunc(w.versions, func(r *dataset.Revision) bool { return max(r.Version.Number, 1) == number })
		if i < 0 {
			break
		}
		line = append(line, w.versions[i])
		number = w.versions[i].Parent
	}
	return line
}

// steps returns the records in the lineage of what there is now that have steps
// which fit.
func (w *way) steps(fits func(step string) bool) []*dataset.Revision {
	return having(w.lineage(w.flow.Version), fits)
}

func having(all []*dataset.Revision, fits func(step string) bool) []*dataset.Revision {
	var found []*dataset.Revision
	for _, r := range all {
		if r.Protects { // policies did that, and nobody who prepares a table
			continue
		}
		for _, step := range r.Steps {
			if fits(step.Name) {
				found = append(found, r)
				break
			}
		}
	}
	return found
}

// transforms returns the transform jobs with steps that fit.
func (w *way) transforms(fits func(step string) bool) []*job.Job {
	var found []*job.Job
	for _, j := range w.jobs {
		if j.Kind != kindTransform {
			continue
		}
		var payload recipe.Payload
		if json.Unmarshal(j.Payload, &payload) != nil {
			continue // of another program
		}
		if slices.ContainsFunc(payload.Steps, func(s recipe.Step) bool { return fits(s.Name) }) {
			found = append(found, j)
		}
	}
	return found
}

// decide works out the stages, one after the other.
func (w *way) decide() {
	for _, decide := range []func(){
		w.load, w.profiled, func() { w.changed(Prepare, prepares) }, func() { w.changed(Engineer, makesFeature) },
		w.trained, w.evaluated, w.predicted, w.deployed,
	} {
		decide()
	}
}

func (w *way) stage(n Name) *Stage { return w.flow.Stage(n) }

// begin fills in what others say about the stage, and reports whether all of its
// gates are met.
func (w *way) begin(n Name, gates ...Gate) (s *Stage, open bool) {
	s = w.stage(n)
	s.Gates = append(s.Gates, gates...)
	for _, r := range w.remarks {
		if r.Stage != n {
			continue
		}
		if r.Gate != nil {
			s.Gates = append(s.Gates, *r.Gate)
		}
		s.Evidence = append(s.Evidence, r.Evidence...)
	}
	for i := range s.Gates {
		if s.Gates[i].Met {
			s.Gates[i].Remedy = ""
		}
	}
	return s, !slices.ContainsFunc(s.Gates, func(g Gate) bool { return !g.Met })
}

func (s *Stage) jobIs(j *job.Job, format string, args ...any) {
	s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceJob, ID: j.ID, Text: fmt.Sprintf(format, args...), At: j.CreatedAt.UTC()})
}

// failedSince says that the job failed after an instant, and why.
func (s *Stage) failedSince(j *job.Job, since time.Time) bool {
	if j == nil || j.State != job.Failed || !j.FinishedAt.After(since) {
		return false
	}
	why := "it failed"
	if j.Failure != nil {
		why = j.Failure.Message
	}
	s.jobIs(j, "%s failed: %s", j.Kind, why)
	return true
}

func (w *way) load() {
	s, _ := w.begin(Load)
	d := w.dataset
	switch d.State {
	case dataset.Uploaded:
		s.State = InProgress
		s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceJob, ID: d.JobID, Text: "the ingest job is under way", At: d.CreatedAt.UTC()})
		return
	case dataset.Rejected:
		s.State = Failed
		if !s.failedSince(newest(w.jobs, of(kindIngest, kindImport)), time.Time{}) {
			s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceJob, ID: d.JobID, Text: "the ingest job did not succeed", At: d.CreatedAt.UTC()})
		}
		return
	case dataset.Ready, dataset.NeedsConfirmation, dataset.NeedsPolicy:
	}
	s.State = Done
	v := d.Version
	s.Evidence = append(s.Evidence,
		Evidence{Kind: EvidenceJob, ID: d.JobID, Text: "ingest", At: d.CreatedAt.UTC()},
		Evidence{Kind: EvidenceVersion, Number: w.flow.Version, Text: fmt.Sprintf("%d rows, %d columns", v.Rows, len(v.Schema)), At: v.CreatedAt.UTC()})
	if j := newest(w.jobs, underWay(kindRetype)); j != nil {
		s.State = InProgress
		s.jobIs(j, "the file is read again with other types")
	} else {
		s.failedSince(newest(w.jobs, of(kindRetype)), v.CreatedAt)
	}
}

func (w *way) profiled() {
	loaded := w.stage(Load).State == Done
	s, open := w.begin(Profile, Gate{
		Code: "table_ready", Met: loaded, Message: "the file has been read", Remedy: "wait for the job of the stage load, or upload a file that can be read",
	})
	if w.profile == nil {
		s.State = Locked
		return
	}
	v := w.dataset.Version
	since := v.CreatedAt
	id := v.JobID
	if v.ProfileJobID != "" {
		id, since = v.ProfileJobID, v.ProfiledAt
	}
	s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceJob, ID: id, Text: "made the profile", At: since.UTC()})
	changed := w.otherRoles()
	switch j := newest(w.jobs, underWay(kindProfile)); {
	case j != nil:
		s.State = InProgress
		s.jobIs(j, "the profile is made anew")
	case len(changed) > 0:
		s.State = Stale
		s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceProfile, Code: "roles_changed", Text: "it knows other roles of " + quoted(changed)})
		s.failedSince(newest(w.jobs, of(kindProfile)), since)
	case s.failedSince(newest(w.jobs, of(kindProfile)), since):
		s.State = Failed
	case !open:
		s.State = Locked
	default:
		s.State = Done
	}
}

// otherRoles returns the columns whose roles the profile does not know as they are
// now.
func (w *way) otherRoles() []string {
	var names []string
	for _, c := range w.dataset.TableColumns() {
		if p := w.profile.Column(c.Name); p != nil && p.Role != c.Role && (p.Role == roleTarget || c.Role == roleTarget || c.Role == tabular.RoleTime || p.Role == tabular.RoleTime || c.Role == tabular.RoleID || p.Role == tabular.RoleID) {
			names = append(names, c.Name)
		}
	}
	return names
}

// changed works out a stage that recipes do.
func (w *way) changed(n Name, fits func(step string) bool) {
	gate := Gate{Code: "profile_made", Met: w.profile != nil && w.stage(Load).State == Done, Message: "the table is described", Remedy: "wait until the stage profile is done"}
	if n == Engineer {
		before := w.stage(Prepare)
		gate = Gate{
			Code: "prepared", Met: before.State == Done, Message: "the table is clean, or somebody has said that it stays as it is",
			Remedy: "apply the steps that are suggested, or leave the stage prepare out",
		}
	}
	s, open := w.begin(n, gate)
	made := w.steps(fits)
	for _, r := range made {
		s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceVersion, Number: max(r.Version.Number, 1), Text: inWords(r), At: r.Version.CreatedAt.UTC()})
	}
	jobs := w.transforms(fits)
	var since time.Time
	if len(w.versions) > 0 {
		since = w.versions[0].Version.CreatedAt
	}
	decision, skipped := w.decided.Skipped[n]
	if skipped {
		s.Skipped = &decision
		s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceDecision, Text: "left out by " + decision.User, At: decision.At})
	}
	running := newest(jobs, underWay(kindTransform))
	others := having(w.versions, fits)
	switch {
	case running != nil:
		s.State = InProgress
		s.jobIs(running, "steps are applied")
	case len(made) > 0:
		s.State = Done
		s.failedSince(newest(jobs, of(kindTransform)), since) // what there is stays as it is, and what was tried is told
	case skipped:
		s.State = Done
	case s.failedSince(newest(jobs, of(kindTransform)), since):
		s.State = Failed
	case len(others) > 0:
		s.State = Stale
		s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceVersion, Number: max(others[0].Version.Number, 1), Text: "what there is now was not made of it", At: others[0].Version.CreatedAt.UTC()})
	case !open:
		s.State = Locked
	case n == Prepare && len(w.suggested) == 0:
		s.State = Done
		s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceFinding, Code: "nothing_to_mend", Text: "no step is suggested"})
	}
}

// inWords says what a recipe did.
func inWords(r *dataset.Revision) string {
	names := make([]string, len(r.Steps))
	for i, step := range r.Steps {
		names[i] = step.Name
	}
	text := fmt.Sprintf("%s; %d rows became %d", list(names), r.RowsBefore, r.Version.Rows)
	if r.QualityBefore != nil && r.QualityAfter != nil {
		text += fmt.Sprintf(", quality %.3f became %.3f", *r.QualityBefore, *r.QualityAfter)
	}
	return text
}
