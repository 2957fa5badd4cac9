package workflow

import (
	"fmt"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// trained works out the stage of models of the data set.
func (w *way) trained() {
	s, open := w.begin(Train, Gate{
		Code: "features_settled", Met: w.stage(Engineer).State == Done, Message: "features are made, or somebody has said that the columns are as they should be",
		Remedy: "apply steps that make features, or leave the stage engineer_features out",
	})
	for _, m := range w.models {
		s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceModel, ID: m.ID, Number: max(m.DatasetVersion, 1), Text: fmt.Sprintf("%s of %s, from version %d", m.Algorithm, m.Target, max(m.DatasetVersion, 1)), At: m.CreatedAt.UTC()})
	}
	var since time.Time
	if len(w.models) > 0 {
		since = w.models[0].CreatedAt
	}
	running := newest(w.jobs, underWay(kindTraining))
	switch {
	case running != nil:
		s.State = InProgress
		s.jobIs(running, "models are trained")
	case len(w.models) > 0 && max(w.models[0].DatasetVersion, 1) == w.flow.Version:
		s.State = Done
		s.failedSince(newest(w.jobs, of(kindTraining)), since)
	case len(w.models) > 0:
		s.State = Stale
	case s.failedSince(newest(w.jobs, of(kindTraining)), since):
		s.State = Failed
	case !open:
		s.State = Locked
	}
}

// hasModel is the gate of what is done with a model.
func (w *way) hasModel() Gate {
	return Gate{Code: "model_trained", Met: len(w.models) > 0, Message: "there is a model", Remedy: "train one"}
}

func (w *way) evaluated() {
	s, open := w.begin(Evaluate, w.hasModel())
	if !open {
		s.State = Locked
		return
	}
	m := w.models[0]
	if len(m.Leaderboard) > 0 {
		best := m.Leaderboard[0]
		if v, ok := best.Holdout[m.Metric]; ok {
			s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceModel, ID: m.ID, Text: fmt.Sprintf("%s %.4f on %d rows held out", m.Metric, v, m.HoldoutRows), At: m.CreatedAt.UTC()})
			s.State = Done
		}
	}
	if t := m.Threshold; t != nil {
		s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceJob, ID: t.JobID, Text: fmt.Sprintf("threshold %.4f for %s", t.Value, t.Objective), At: t.CreatedAt.UTC()})
	}
	if s.State == Done && w.stage(Train).State == Stale {
		s.State = Stale
	}
	if j := newest(w.modelJobs, underWay(kindTuning)); j != nil {
		s.State = InProgress
		s.jobIs(j, "the threshold is tuned")
	}
}

func (w *way) predicted() {
	s, open := w.begin(Predict, w.hasModel())
	if !open {
		s.State = Locked
		return
	}
	made := newest(w.modelJobs, func(j *job.Job) bool { return j.Kind == kindPrediction && j.State == job.Succeeded })
	last := newest(w.modelJobs, of(kindPrediction))
	switch running := newest(w.modelJobs, underWay(kindPrediction)); {
	case running != nil:
		s.State = InProgress
		s.jobIs(running, "rows are predicted")
	case made != nil:
		s.State = Done
		if w.stage(Train).State == Stale {
			s.State = Stale
		}
		s.jobIs(made, "predicted with model %s", w.models[0].ID)
	case s.failedSince(last, time.Time{}):
		s.State = Failed
	}
}

// deployed is the last stage, of which there is nothing yet.
func (w *way) deployed() {
	s, open := w.begin(Deploy, w.hasModel(), Gate{
		Code: "deployment_absent", Message: "models are used by predictions over files; there are no deployments that answer single rows", Remedy: "predict over a file",
	})
	if !open {
		s.State = Locked
	}
}

// list joins names, and counts those that are many.
func list(names []string) string {
	const shown = 8
	text := strings.Join(names[:min(len(names), shown)], ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return list(out)
}
