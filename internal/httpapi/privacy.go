package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// DatasetPrivacy knows which columns hold personal data, and guards them.
type DatasetPrivacy interface {
	Privacy(ctx context.Context, tenant, id string) (*dataset.Privacy, error)
	// SetPolicies sets what is done about columns of the data set of that revision, nil
	// for any; the job is nil when nothing has to be done.
	SetPolicies(ctx context.Context, caller account.Caller, id string, changes []dataset.PolicyChange, revision *int64) (*dataset.Privacy, *job.Job, error)
	// Apply applies policies that hold and were not applied.
	Apply(ctx context.Context, caller account.Caller, id string) (*dataset.Privacy, *job.Job, error)
	// Erase gives up what policies have sealed.
	Erase(ctx context.Context, caller account.Caller, id string) (*dataset.Privacy, error)
	Rules(ctx context.Context, tenant string) (*dataset.Rules, error)
	// SetRules replaces what the tenant has set, of that revision, nil for any.
	SetRules(ctx context.Context, caller account.Caller, r dataset.Rules, revision *int64) (*dataset.Rules, error)
	Confirm(ctx context.Context, caller account.Caller, id string) (*dataset.Privacy, error)
	// Unmasked returns the first rows of a version, 0 for the newest, as they are, and
	// writes it down.
	Unmasked(ctx context.Context, caller account.Caller, id string, version, limit int) (*dataset.Preview, error)
	// Release refuses a link to a file with rows to those who may not see them.
	Release(ctx context.Context, caller account.Caller, r dataset.Release) error
	Accesses(ctx context.Context, caller account.Caller, datasetID, cursor string, limit int) (store.Page[*dataset.Access], error)
}

// Privacy is what is known about the personal data of a data set.
type Privacy struct {
	DatasetID   string          `json:"dataset_id"`
	Version     int             `json:"version" doc:"The version of the data set that was looked at"`
	Scanned     bool            `json:"scanned" doc:"False: the version is of an old program; make its profile anew to have it looked at"`
	State       string          `json:"state" enum:"needs_policy,needs_confirmation,ready" doc:"Of the data set"`
	Risk        string          `json:"risk" enum:"none,low,medium,high" doc:"The highest of the columns that are not allowed"`
	Columns     []PrivateColumn `json:"columns" nullable:"false"`
	ConfirmedBy string          `json:"confirmed_by,omitempty"`
	ConfirmedAt *time.Time      `json:"confirmed_at,omitempty"`
	JobID       string          `json:"job_id,omitempty" doc:"The job that applies policies, or did so last; of an answer to a change, the one that was submitted"`
	Sealed      int             `json:"sealed_before,omitempty" doc:"The version that policies have made: older ones, and the file, are sealed, since they hold what the policies took away"`
	Erased      int             `json:"erased_before,omitempty" doc:"The files of the sealed versions before this one, and the uploaded file, are deleted"`
}

// PrivateColumn is a column of personal data, and why it is taken for one.
type PrivateColumn struct {
	Column     string   `json:"column" example:"email"`
	Type       string   `json:"type" enum:"email,phone,ssn,national_id,credit_card,iban,ip_address,date_of_birth,person_name,address,medical_id,financial_account,api_key,other" doc:"other: somebody says so, and nothing was found"`
	Confidence float64  `json:"confidence" minimum:"0" maximum:"1"`
	Risk       string   `json:"risk" enum:"low,medium,high"`
	Policy     string   `json:"policy" enum:"warn,confirm,allow,mask,hash,drop" doc:"allow: values are shown as they are"`
	Applied    bool     `json:"applied,omitempty" doc:"The policy has taken the values away"`
	Evidence   Evidence `json:"evidence"`
}

// Evidence says why a column is taken for personal data. It has no value of it.
type Evidence struct {
	Matched  int64  `json:"matched" doc:"Values that the check holds for"`
	LookedAt int64  `json:"looked_at" doc:"All values that are not missing: the whole column, no sample"`
	Check    string `json:"check,omitempty" doc:"What holds for them" example:"the form of an address"`
	Name     string `json:"name,omitempty" doc:"The words of the column's name that speak for it" example:"email"`
}

// PrivacyChange sets what is done about columns.
type PrivacyChange struct {
	Columns []PolicyChange `json:"columns" minItems:"1" maxItems:"10000" nullable:"false" doc:"The columns to change; the others stay"`
}

// PolicyChange sets what is done about a column.
type PolicyChange struct {
	Column string `json:"column" minLength:"1" maxLength:"1024" example:"email"`
	Policy string `json:"policy" maxLength:"40" doc:"warn: values are shown masked; confirm: also, nothing is done with the data set before it is confirmed; allow: it is no personal data, which takes the role steward where some was found; mask, hash, drop: a job makes a version without the values, and what was before is sealed" example:"allow"`
}

// Access is the record that somebody saw personal data, or changed who does.
type Access struct {
	ID        string    `json:"id" pattern:"^acc_[0-9a-f]{32}$"`
	At        time.Time `json:"at"`
	User      string    `json:"user"`
	DatasetID string    `json:"dataset_id,omitempty" doc:"Missing where it is about the tenant"`
	Version   int       `json:"version,omitempty"`
	Action    string    `json:"action" enum:"read_unmasked,download,set_policy,confirm,set_rules,apply_policies,erase"`
	Details   []string  `json:"details" nullable:"false" doc:"The columns; of policies, what they became; of a download, the file"`
}

type privacyOutput struct {
	Status   int
	ETag     string `header:"ETag" doc:"Of the data set; send it as If-Match" example:"W/\"3\""`
	Location string `header:"Location" doc:"Where the job is, when there is one"`
	Body     Privacy
}

type auditInput struct {
	Paging
	DatasetID string `query:"dataset_id" pattern:"^(ds_[0-9a-f]{32})?$" patternDescription:"a data set's identifier, ds_ and 32 hexadecimal digits" doc:"Of this data set only; also of one that is gone"`
}

type privacyInput struct {
	DatasetRef
	IfMatch
	Body PrivacyChange
}

// forStewards marks the operation as one that needs a steward.
func forStewards(op huma.Operation) huma.Operation {
	op.Metadata[metaRoles] = []string{account.RoleSteward}
	return op
}

func (s *server) registerPrivacy() {
	register(s, operation(tagDatasets, "GET /datasets/{id}/pii", "get-pii", "See which columns hold personal data",
		`What was found in the whole of every column when it was read, how sure it is and why, and what is done about it. Also of a data set that waits for a confirmation.`,
		http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *DatasetRef) (*privacyOutput, error) {
			p, err := s.datasets.Privacy(ctx, callerOf(ctx).Tenant, in.ID)
			return showPrivacy(p, nil, err)
		})
	register(s, replaces(operation(tagDatasets, "PATCH /datasets/{id}/pii", "change-pii", "Set what is done about columns",
		`For columns that were found, and for others that hold personal data. Each change is written down. What masks, hashes or drops values takes a job, after which all older versions, and the file, are sealed: 202. So does what shows a column, since the profile is made anew.`,
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)),
		func(ctx context.Context, in *privacyInput) (*privacyOutput, error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			changes := make([]dataset.PolicyChange, len(in.Body.Columns))
			for i, c := range in.Body.Columns {
				changes[i] = dataset.PolicyChange{Column: c.Column, Policy: dataset.Policy(c.Policy)}
			}
			p, j, err := s.datasets.SetPolicies(ctx, callerOf(ctx), in.ID, changes, revision)
			return showChange(p, j, changedMeanwhile(err))
		})
	register(s, operation(tagDatasets, "POST /datasets/{id}/pii/apply", "apply-pii", "Apply policies",
		`Of columns whose policy masks, hashes or drops their values, by what was set for them or for the tenant, and which was not done yet: a job does it, 202. When there is nothing to do: 200.`,
		http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests),
		func(ctx context.Context, in *DatasetRef) (*privacyOutput, error) {
			return showChange(s.datasets.Apply(ctx, callerOf(ctx), in.ID))
		})
	register(s, forStewards(operation(tagDatasets, "POST /datasets/{id}/pii/erase", "erase-pii", "Erase what is sealed",
		`The file as it was uploaded, and the versions before the one that policies have made: their files are deleted by the next clean-up, pinned or not, and their records stay. It cannot be undone. For stewards.`, http.StatusNotFound, http.StatusConflict)),
		func(ctx context.Context, in *DatasetRef) (*privacyOutput, error) {
			p, err := s.datasets.Erase(ctx, callerOf(ctx), in.ID)
			return showPrivacy(p, nil, err)
		})
	register(s, operation(tagDatasets, "POST /datasets/{id}/pii/confirm", "confirm-pii", "Confirm the personal data",
		`After which a data set in the state needs_confirmation can be used. It is written down who did it.`, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *DatasetRef) (*privacyOutput, error) {
			p, err := s.datasets.Confirm(ctx, callerOf(ctx), in.ID)
			return showPrivacy(p, nil, err)
		})
	register(s, forStewards(operation(tagDatasets, "GET /audit", "list-accesses", "See who saw personal data",
		`Of your tenant, the newest first: who saw or fetched values unmasked, who confirmed, and who changed what is done. For stewards.`)),
		func(ctx context.Context, in *auditInput) (*pageOutput[Access], error) {
			page, err := s.datasets.Accesses(ctx, callerOf(ctx), in.DatasetID, in.Cursor, in.Limit)
			if err != nil {
				return nil, err
			}
			return pageOf(ctx, page.Items, page.Next, viewAccess), nil
		})
}

func viewAccess(a *dataset.Access) Access {
	return Access{ID: a.ID, At: a.At.UTC(), User: a.User, DatasetID: a.DatasetID, Version: a.Version, Action: a.Action, Details: names(a.Details)}
}

func showPrivacy(p *dataset.Privacy, j *job.Job, err error) (*privacyOutput, error) {
	if err != nil {
		return nil, err
	}
	v := Privacy{
		DatasetID: p.DatasetID, Version: p.Version, Scanned: p.Scanned, State: string(p.State), Risk: string(p.Risk),
		Columns: make([]PrivateColumn, 0, len(p.Columns)), ConfirmedBy: p.ConfirmedBy, ConfirmedAt: moment(p.ConfirmedAt),
		JobID: p.JobID, Sealed: p.SealedBefore, Erased: p.ErasedBefore,
	}
	for _, c := range p.Columns {
		v.Columns = append(v.Columns, PrivateColumn{
			Column: c.Column, Type: string(c.Kind), Confidence: c.Confidence, Risk: string(c.Risk), Policy: string(c.Policy), Applied: c.Applied,
			Evidence: Evidence{Matched: c.Matched, LookedAt: c.LookedAt, Check: c.Check, Name: c.Name},
		})
	}
	out := &privacyOutput{Status: http.StatusOK, ETag: etag(p.Revision), Body: v}
	if j != nil {
		out.Status, out.Location, out.Body.JobID = http.StatusAccepted, jobPath(j.ID), j.ID
	}
	return out, nil
}

// showChange names a job only where the change has led to one.
func showChange(p *dataset.Privacy, j *job.Job, err error) (*privacyOutput, error) {
	out, err := showPrivacy(p, j, err)
	if err == nil && j == nil {
		out.Body.JobID = ""
	}
	return out, err
}

// release asks whether the caller may have a file of the job, when it has rows of a
// data set, or values of them.
func (s *server) release(ctx context.Context, j *job.Job, file string) error {
	r := dataset.Release{DatasetID: j.Subject, JobID: j.ID, File: file}
	switch j.Kind {
	case "ingest", "import", "retype", "transform", "protect":
		if file == "profile" {
			r.Profile = j.Files[file]
		}
	case "profile":
		r.Profile = j.Files["profile"]
	case "prediction", "prediction_shard":
		var payload struct {
			IDColumn string `json:"id_column"`
			Version  int    `json:"version"`
		}
		// Of a payload that cannot be read anything may be in the file.
		if json.Unmarshal(j.Payload, &payload) == nil {
			if payload.IDColumn == "" && file != "errors" {
				return nil // it has numbers of rows, and what was predicted
			}
			r.Version = max(payload.Version, 1)
			if file != "errors" {
				r.Columns = []string{payload.IDColumn}
			}
		}
	case "training_fold": // has categories that it has learned
		var payload struct {
			Version int `json:"version"`
		}
		if json.Unmarshal(j.Payload, &payload) == nil {
			r.Version = max(payload.Version, 1)
		}
	case "training":
		var made struct {
			Record struct {
				Version  int                     `json:"dataset_version"`
				Target   string                  `json:"target"`
				Inputs   []struct{ Name string } `json:"inputs"`
				Prepared []struct{ Name string } `json:"prepared"`
			} `json:"record"`
		}
		if json.Unmarshal(j.Result, &made) == nil { // a model keeps categories that it has learned
			r.Version, r.Columns = max(made.Record.Version, 1), []string{made.Record.Target}
			if file == "" || file == "model" {
				for _, c := range slices.Concat(made.Record.Inputs, made.Record.Prepared) {
					r.Columns = append(r.Columns, c.Name)
				}
			}
		}
	default:
		return nil
	}
	return s.datasets.Release(ctx, callerOf(ctx), r)
}

// privacyExamples are those of the operations about personal data.
func privacyExamples(at time.Time) map[string]any {
	p := Privacy{
		DatasetID: exampleDatasetID, Version: 1, Scanned: true, State: "ready", Risk: "medium",
		Columns: []PrivateColumn{{
			Column: "contact", Type: "email", Confidence: 0.97, Risk: "medium", Policy: "warn",
			Evidence: Evidence{Matched: 998, LookedAt: 1000, Check: "the form of an address"},
		}},
	}
	confirmed := p
	confirmed.ConfirmedBy, confirmed.ConfirmedAt = "ada", &at
	applying := p
	applying.State, applying.JobID = "needs_policy", exampleJobID
	applying.Columns = []PrivateColumn{p.Columns[0]}
	applying.Columns[0].Policy = "hash"
	erased := Privacy{
		DatasetID: exampleDatasetID, Version: 2, Scanned: true, State: "ready", Risk: "none", JobID: exampleJobID, Sealed: 2, Erased: 2,
		Columns: []PrivateColumn{{Column: "contact", Type: "email", Confidence: 1, Risk: "low", Policy: "hash", Applied: true}},
	}
	rules := PrivacyRules{
		PrivacySettings: PrivacySettings{Default: "warn", Kinds: map[string]string{"email": "hash"}, Remains: "seal"}, Standard: "warn", UpdatedAt: &at, UpdatedBy: "ada",
	}
	return map[string]any{
		"get-pii": p, "change-pii": applying, "confirm-pii": confirmed, "apply-pii": applying, "erase-pii": erased, "get-pii-policy": rules, "put-pii-policy": rules,
		"list-accesses": Page[Access]{Items: []Access{{ID: "acc_0197290c5e5b7c3a9d0e1f2a3b4c5d6e", At: at, User: "ada", DatasetID: exampleDatasetID, Version: 1, Action: "read_unmasked", Details: []string{"contact"}}}},
	}
}
