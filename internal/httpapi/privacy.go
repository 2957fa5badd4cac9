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
	SetPolicies(ctx context.Context, caller account.Caller, id string, changes []dataset.PolicyChange) (*dataset.Privacy, error)
	Confirm(ctx context.Context, caller account.Caller, id string) (*dataset.Privacy, error)
	// Unmasked returns the first rows as they are, and writes it down.
	Unmasked(ctx context.Context, caller account.Caller, id string, limit int) (*dataset.Preview, error)
	// Release refuses a link to a file with rows to those who may not see them.
	Release(ctx context.Context, caller account.Caller, r dataset.Release) error
	Accesses(ctx context.Context, caller account.Caller, datasetID, cursor string, limit int) (store.Page[*dataset.Access], error)
}

// Privacy is what is known about the personal data of a data set.
type Privacy struct {
	DatasetID   string          `json:"dataset_id"`
	Version     int             `json:"version" doc:"The version of the data set that was looked at"`
	Scanned     bool            `json:"scanned" doc:"False: the version is of an old program; make its profile anew to have it looked at"`
	State       string          `json:"state" enum:"needs_confirmation,ready" doc:"Of the data set"`
	Risk        string          `json:"risk" enum:"none,low,medium,high" doc:"The highest of the columns that are not allowed"`
	Columns     []PrivateColumn `json:"columns" nullable:"false"`
	ConfirmedBy string          `json:"confirmed_by,omitempty"`
	ConfirmedAt *time.Time      `json:"confirmed_at,omitempty"`
}

// PrivateColumn is a column of personal data, and why it is taken for one.
type PrivateColumn struct {
	Column     string   `json:"column" example:"email"`
	Type       string   `json:"type" enum:"email,phone,ssn,national_id,credit_card,iban,ip_address,date_of_birth,person_name,address,medical_id,financial_account,api_key,other" doc:"other: somebody says so, and nothing was found"`
	Confidence float64  `json:"confidence" minimum:"0" maximum:"1"`
	Risk       string   `json:"risk" enum:"low,medium,high"`
	Policy     string   `json:"policy" enum:"warn,confirm,allow" doc:"allow: values are shown as they are"`
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
	Policy string `json:"policy" maxLength:"40" doc:"warn: values are shown masked; confirm: also, nothing is done with the data set before it is confirmed; allow: it is no personal data, which takes the role steward where some was found" example:"allow"`
}

// Access is the record that somebody saw personal data, or changed who does.
type Access struct {
	ID        string    `json:"id" pattern:"^acc_[0-9a-f]{32}$"`
	At        time.Time `json:"at"`
	User      string    `json:"user"`
	DatasetID string    `json:"dataset_id"`
	Version   int       `json:"version"`
	Action    string    `json:"action" enum:"read_unmasked,download,set_policy,confirm"`
	Details   []string  `json:"details" nullable:"false" doc:"The columns; of policies, what they became; of a download, the file"`
}

type privacyOutput struct{ Body Privacy }

type auditInput struct {
	Paging
	DatasetID string `query:"dataset_id" pattern:"^(ds_[0-9a-f]{32})?$" patternDescription:"a data set's identifier, ds_ and 32 hexadecimal digits" doc:"Of this data set only; also of one that is gone"`
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
			return showPrivacy(s.datasets.Privacy(ctx, callerOf(ctx).Tenant, in.ID))
		})
	register(s, operation(tagDatasets, "PATCH /datasets/{id}/pii", "change-pii", "Set what is done about columns",
		`For columns that were found, and for others that hold personal data. Each change is written down.`,
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *struct {
			DatasetRef
			Body PrivacyChange
		},
		) (*privacyOutput, error) {
			changes := make([]dataset.PolicyChange, len(in.Body.Columns))
			for i, c := range in.Body.Columns {
				changes[i] = dataset.PolicyChange{Column: c.Column, Policy: dataset.Policy(c.Policy)}
			}
			return showPrivacy(s.datasets.SetPolicies(ctx, callerOf(ctx), in.ID, changes))
		})
	register(s, operation(tagDatasets, "POST /datasets/{id}/pii/confirm", "confirm-pii", "Confirm the personal data",
		`After which a data set in the state needs_confirmation can be used. It is written down who did it.`, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *DatasetRef) (*privacyOutput, error) {
			return showPrivacy(s.datasets.Confirm(ctx, callerOf(ctx), in.ID))
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

func showPrivacy(p *dataset.Privacy, err error) (*privacyOutput, error) {
	if err != nil {
		return nil, err
	}
	v := Privacy{
		DatasetID: p.DatasetID, Version: p.Version, Scanned: p.Scanned, State: string(p.State), Risk: string(p.Risk),
		Columns: make([]PrivateColumn, 0, len(p.Columns)), ConfirmedBy: p.ConfirmedBy, ConfirmedAt: moment(p.ConfirmedAt),
	}
	for _, c := range p.Columns {
		v.Columns = append(v.Columns, PrivateColumn{
			Column: c.Column, Type: string(c.Kind), Confidence: c.Confidence, Risk: string(c.Risk), Policy: string(c.Policy),
			Evidence: Evidence{Matched: c.Matched, LookedAt: c.LookedAt, Check: c.Check, Name: c.Name},
		})
	}
	return &privacyOutput{v}, nil
}

// release asks whether the caller may have a file of the job, when it has rows of a
// data set.
func (s *server) release(ctx context.Context, j *job.Job, file string) error {
	r := dataset.Release{DatasetID: j.Subject, JobID: j.ID, File: file}
	switch j.Kind {
	case "ingest", "retype", "transform":
		if !slices.Contains([]string{"", "table", "sample", "fitted"}, file) {
			return nil
		}
	case "prediction":
		var payload struct {
			IDColumn string `json:"id_column"`
		}
		if json.Unmarshal(j.Payload, &payload) == nil && payload.IDColumn == "" {
			return nil // it has numbers of rows, and what was predicted
		}
		// Of a payload that cannot be read anything may be in the file.
		r.Column = payload.IDColumn
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
	return map[string]any{
		"get-pii": p, "change-pii": p, "confirm-pii": confirmed,
		"list-accesses": Page[Access]{Items: []Access{{ID: "acc_0197290c5e5b7c3a9d0e1f2a3b4c5d6e", At: at, User: "ada", DatasetID: exampleDatasetID, Version: 1, Action: "read_unmasked", Details: []string{"contact"}}}},
	}
}
