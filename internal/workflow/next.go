package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/tabular"
)

// api is where the API begins.
const api = "/api/v1"

// next says what is best done: what the first stage that is not done needs.
func (w *way) next() {
	for i := range w.flow.Stages {
		stage := &w.flow.Stages[i]
		if a := w.action(stage); a != nil {
			a.Stage = stage.Name
			w.flow.Next = a
			return
		}
	}
}

// action returns what the stage needs, nil when it needs nothing or nothing can be
// done about it.
func (w *way) action(s *Stage) *Action {
	switch s.State {
	case Done:
		if s.Name == Profile && w.flow.Target == "" && len(w.models) == 0 {
			return w.chooseTarget()
		}
		return nil
	case InProgress:
		return w.wait(s)
	case Locked:
		for _, r := range w.remarks {
			if r.Stage == s.Name && r.Gate != nil && !r.Gate.Met && r.Action != nil {
				a := *r.Action
				return &a
			}
		}
		return nil
	case Failed:
		return w.again(s)
	case Stale, Ready:
	}
	switch s.Name {
	case Profile:
		return w.reprofile()
	case Prepare:
		return w.mend(s)
	case Engineer:
		return w.engineer(s)
	case Train:
		return w.train()
	case Evaluate, Predict:
		return w.predict()
	case Load, Deploy:
	}
	return nil
}

func (w *way) id() string { return w.dataset.ID }

func (w *way) wait(s *Stage) *Action {
	var id string
	for _, e := range s.Evidence { // the last one is the one under way
		if e.Kind == EvidenceJob {
			id = e.ID
		}
	}
	return &Action{
		Operation: "get-job", Method: "GET", Path: api + "/jobs/" + id + "?wait=30s", Command: "narrative watch " + id, Reason: "a job is at it",
	}
}

// again is what is done about a failure: another file, or the same once more.
func (w *way) again(s *Stage) *Action {
	if s.Name == Load {
		return &Action{
			Operation: "upload-dataset", Method: "POST", Path: api + "/datasets", Choices: []Choice{{Location: "body.file"}}, Command: "narrative upload FILE",
			Reason: "the file could not be read; correct it, or say how it is to be read, and upload it again",
		}
	}
	var last Evidence
	for _, e := range s.Evidence {
		if e.Kind == EvidenceJob {
			last = e
		}
	}
	return &Action{
		Operation: "retry-job", Method: "POST", Path: api + "/jobs/" + last.ID + "/retry", Command: "narrative retry " + last.ID, Reason: last.Text,
	}
}

func (w *way) reprofile() *Action {
	return &Action{
		Operation: "make-profile", Method: "POST", Path: api + "/datasets/" + w.id() + "/profile", Command: "narrative profile " + w.id() + " --renew",
		Reason: "roles have changed since the profile was made",
	}
}

// maxCandidates is how many columns are offered.
const maxCandidates = 200

func (w *way) chooseTarget() *Action {
	var names []string
	for _, c := range w.dataset.TableColumns() {
		if c.Type != tabular.Datetime && c.Role == "" && c.Semantic != tabular.SemanticIdentifier && len(names) < maxCandidates {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &Action{
		Operation: "change-schema", Method: "PATCH", Path: api + "/datasets/" + w.id() + "/schema",
		Body:    map[string]any{"columns": []any{map[string]any{"name": nil, "role": "target"}}},
		Choices: []Choice{{Location: "body.columns[0].name", Candidates: names}},
		Command: "narrative schema " + w.id() + " --role COLUMN=target",
		Reason:  "nobody has said what is to be predicted; the profile finds columns that tell it alone once it is known",
	}
}

// applying is the command that applies steps, which it has with it unless they are
// long.
func (w *way) applying(steps []recipe.Step) string {
	const longest = 500
	text, err := json.Marshal(steps)
	if err != nil || len(text) > longest {
		return "narrative recipe apply " + w.id() + " --steps FILE"
	}
	return "printf %s " + shellWord(string(text)) + " | narrative recipe apply " + w.id() + " --steps -"
}

// transform is the request that applies steps to what there is now.
func (w *way) transform(steps []recipe.Step, reason, command string) *Action {
	shown := make([]any, len(steps))
	for i, step := range steps {
		shown[i] = map[string]any{"name": step.Name, "parameters": step.Parameters}
	}
	return &Action{
		Operation: "transform", Method: "POST", Path: api + "/transforms",
		Body:    map[string]any{"dataset_id": w.id(), "version": w.flow.Version, "steps": shown},
		Command: command, Reason: reason,
	}
}

// repeat applies again what was applied to a version that is not used any more.
func (w *way) repeat(fits func(step string) bool) *Action {
	old := having(w.versions, fits)
	var steps []recipe.Step
	for _, step := range old[0].Steps {
		if fits(step.Name) {
			steps = append(steps, step)
		}
	}
	return w.transform(steps, fmt.Sprintf("version %d was made with these steps, and what there is now was not", max(old[0].Version.Number, 1)), w.applying(steps))
}

func (w *way) mend(s *Stage) *Action {
	if s.State == Stale {
		return w.repeat(prepares)
	}
	if len(w.clean) > 0 {
		steps := "one step"
		if n := len(w.clean); n > 1 {
			steps = fmt.Sprintf("%d steps", n)
		}
		return w.transform(w.clean, steps+" would clean the table", "narrative recipe clean "+w.id()+" --yes")
	}
	return &Action{
		Operation: "suggest-steps", Method: "GET", Path: api + "/datasets/" + w.id() + "/suggestions", Command: "narrative recipe suggest " + w.id(),
		Reason: "steps are suggested that somebody has to choose among",
	}
}

func (w *way) skip(n Name, reason string) *Action {
	return &Action{
		Operation: "change-workflow", Method: "PATCH", Path: api + "/workflow/" + w.id(),
		Body:    map[string]any{"stages": []any{map[string]any{"name": string(n), "skipped": true}}},
		Command: fmt.Sprintf("narrative workflow %s --skip %s", w.id(), n), Reason: reason,
	}
}

func (w *way) engineer(s *Stage) *Action {
	if s.State == Stale {
		return w.repeat(makesFeature)
	}
	var dates, instants []any
	for _, c := range w.dataset.TableColumns() {
		switch {
		case c.Type != tabular.Datetime || c.Role != "":
		case c.Semantic == tabular.SemanticDate:
			dates = append(dates, c.Name)
		default:
			instants = append(instants, c.Name)
		}
	}
	var steps []recipe.Step
	if len(dates) > 0 { // of which all hours are the same
		steps = append(steps, recipe.Step{Name: "extract_date_parts", Parameters: map[string]any{"columns": dates, "parts": []any{"year", "month", "day", "weekday"}}})
	}
	if len(instants) > 0 {
		steps = append(steps, recipe.Step{Name: "extract_date_parts", Parameters: map[string]any{"columns": instants}})
	}
	if len(steps) == 0 {
		return w.skip(Engineer, "no feature suggests itself; apply steps of your own, or leave the stage out")
	}
	return w.transform(steps, "models learn more from the parts of dates than from instants", w.applying(steps))
}

func (w *way) train() *Action {
	a := &Action{
		Operation: "train", Method: "POST", Path: api + "/training",
		Body:   map[string]any{"dataset_id": w.id(), "version": w.flow.Version, "target": w.flow.Target},
		Reason: "the table is ready to learn from", Command: "narrative train " + w.id() + " --target " + shellWord(w.flow.Target),
	}
	if w.stage(Train).State == Stale {
		a.Reason = fmt.Sprintf("the model learned from version %d, and there is version %d", max(w.models[0].DatasetVersion, 1), w.flow.Version)
		if w.flow.Target == "" {
			w.flow.Target = w.models[0].Target
			a.Body["target"], a.Command = w.flow.Target, "narrative train "+w.id()+" --target "+shellWord(w.flow.Target)
		}
	}
	if w.flow.Target == "" {
		var names []string
		for _, c := range w.dataset.TableColumns() {
			names = append(names, c.Name)
		}
		a.Body["target"] = nil
		a.Choices = []Choice{{Location: "body.target", Candidates: names[:min(len(names), maxCandidates)]}}
		a.Command = "narrative train " + w.id() + " --target COLUMN"
	}
	return a
}

func (w *way) predict() *Action {
	m := w.models[0]
	return &Action{
		Operation: "predict", Method: "POST", Path: api + "/predictions",
		Body:    map[string]any{"model_id": m.ID, "dataset_id": w.id(), "rows": "holdout"},
		Command: "narrative predict " + m.ID + " " + w.id() + " --rows holdout",
		Reason:  "there is a model; see what it says of the rows that it has not learned from",
	}
}

// shellWord quotes a name for a command line.
func shellWord(name string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.'
	}
	if name != "" && !slices.ContainsFunc([]rune(name), func(r rune) bool { return !plain(r) }) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
