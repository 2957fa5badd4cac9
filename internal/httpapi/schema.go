package httpapi

import (
	"context"
	"net/http"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/tabular"
)

// SchemaColumn is a column and what speaks for its type.
type SchemaColumn struct {
	Column
	Layout      string          `json:"layout,omitempty" doc:"How values were written, where the plain way does not read them, such as dmy or decimal_comma"`
	Unit        string          `json:"unit,omitempty" doc:"The currency of amounts" example:"EUR"`
	Chosen      bool            `json:"chosen,omitempty" doc:"Somebody has chosen the type"`
	Agree       int64           `json:"agree" doc:"Values that are of the type"`
	Disagree    int64           `json:"disagree" doc:"Values that are not; of a chosen type that is not kept as text they are missing"`
	Disagreeing []Sample        `json:"disagreeing,omitempty" doc:"The first of them"`
	Suggestion  *TypeSuggestion `json:"suggestion,omitempty" doc:"A type that the column could have"`
}

// Sample is a value and where it is.
type Sample struct {
	Row   int64  `json:"row" doc:"From 1, counted without the header"`
	Value string `json:"value"`
}

// TypeSuggestion is a type that a column of text could have.
type TypeSuggestion struct {
	Type        string   `json:"type" example:"date"`
	Reason      string   `json:"reason" enum:"mostly,ambiguous,stored" doc:"mostly: nearly all values are of it; ambiguous: all are, in two ways that differ; stored: all are, but the file holds them as text"`
	Layouts     []string `json:"layouts,omitempty" doc:"In which the values are read; with two of them one has to be chosen"`
	Unit        string   `json:"unit,omitempty"`
	Agree       int64    `json:"agree"`
	Disagree    int64    `json:"disagree"`
	Disagreeing []Sample `json:"disagreeing,omitempty"`
}

// Schema is what the columns of a data set are.
type Schema struct {
	Columns []SchemaColumn `json:"columns" nullable:"false"`
	JobID   string         `json:"job_id,omitempty" doc:"The job that reads the file again for other types; they hold when it has succeeded"`
	Job     *Job           `json:"job,omitempty"`
}

// SchemaChange sets types and roles.
type SchemaChange struct {
	Columns []ColumnChange `json:"columns" minItems:"1" maxItems:"10000" nullable:"false" doc:"The columns to change; the others stay"`
}

// ColumnChange sets the type or the role of a column.
type ColumnChange struct {
	Name   string `json:"name" minLength:"1" maxLength:"1024"`
	Type   string `json:"type,omitempty" maxLength:"40" doc:"One of the types of columns; auto: the one that is found" example:"date"`
	Layout string `json:"layout,omitempty" maxLength:"40" doc:"How values of the type are written: ymd, dmy, mdy or named_month of dates, decimal_point or decimal_comma of numbers, currency_point or currency_comma, percentage_point or percentage_comma; default: the one that most values have" example:"dmy"`
	Role   string `json:"role,omitempty" maxLength:"40" doc:"target, id, weight, group, time or ignore; none: no role" example:"time"`
}

type schemaOutput struct {
	Status   int
	ETag     string `header:"ETag" doc:"Of the data set; send it as If-Match" example:"W/\"3\""`
	Location string `header:"Location" doc:"Where the job is, when there is one"`
	Body     Schema
}

type schemaInput struct {
	DatasetRef
	IfMatch
	Body SchemaChange
}

type profileInput struct {
	DatasetRef
	Idempotency
}

func (s *server) registerSchema() {
	register(s, operation(tagDatasets, "GET /datasets/{id}/schema", "get-schema", "Look at the columns",
		`What each column is, decided on all of its values, with how many speak against it. The data set must be ready.`,
		http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *DatasetRef) (*schemaOutput, error) { return s.showSchema(ctx, in.ID, nil) })
	op := replaces(operation(tagDatasets, "PATCH /datasets/{id}/schema", "change-schema", "Set types and roles",
		`Types of columns, how their values are written, and what columns are for. Roles, and types that are kept as the values are already, hold at once: 200. Other types take a job that reads the file again: 202; values that are not of the type are missing then, and are counted.`,
		http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests))
	register(s, op, s.changeSchema)
	register(s, accepted(operation(tagDatasets, "POST /datasets/{id}/profile", "make-profile", "Make the profile anew",
		`By the roles that are set now: with a target it finds columns that tell it nearly alone, and with a time how new the table is. The job's result has the score.`,
		http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)),
		func(ctx context.Context, in *profileInput) (*acceptedOutput, error) {
			caller := callerOf(ctx)
			j, created, err := s.datasets.Reprofile(ctx, caller.Tenant, caller.User, in.ID, in.Key)
			if err != nil {
				return nil, err
			}
			out := acceptedJob(ctx, j, created)
			out.Body.DatasetID = in.ID
			return out, nil
		})
}

func (s *server) changeSchema(ctx context.Context, in *schemaInput) (*schemaOutput, error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	caller := callerOf(ctx)
	change := dataset.SchemaChange{Tenant: caller.Tenant, User: caller.User, ID: in.ID, Revision: revision}
	for _, c := range in.Body.Columns {
		change.Columns = append(change.Columns, dataset.ColumnChange(c))
	}
	_, j, err := s.datasets.ChangeSchema(ctx, change)
	if err != nil {
		return nil, changedMeanwhile(err)
	}
	return s.showSchema(ctx, in.ID, j)
}

func (s *server) showSchema(ctx context.Context, id string, j *job.Job) (*schemaOutput, error) {
	d, columns, err := s.datasets.Schema(ctx, callerOf(ctx).Tenant, id)
	if err != nil {
		return nil, err
	}
	out := &schemaOutput{Status: http.StatusOK, ETag: etag(d.Revision), Body: Schema{Columns: make([]SchemaColumn, 0, len(columns))}}
	for _, c := range columns {
		out.Body.Columns = append(out.Body.Columns, viewSchemaColumn(c))
	}
	if j != nil {
		v := viewJob(callerOf(ctx), j)
		out.Status, out.Location, out.Body.JobID, out.Body.Job = http.StatusAccepted, jobPath(j.ID), j.ID, &v
	}
	return out, nil
}

func viewSchemaColumn(c dataset.DescribedColumn) SchemaColumn {
	v := SchemaColumn{
		Column: viewColumn(c.Column), Layout: string(c.Layout), Unit: c.Unit, Chosen: c.Chosen,
		Agree: c.Agree, Disagree: c.Disagree, Disagreeing: viewSamples(c.Disagreeing),
	}
	if s := c.Suggestion; s != nil {
		v.Suggestion = &TypeSuggestion{
			Type: string(s.Type), Reason: s.Reason, Unit: s.Unit, Agree: s.Agree, Disagree: s.Disagree, Disagreeing: viewSamples(s.Samples),
		}
		for _, l := range s.Layouts {
			v.Suggestion.Layouts = append(v.Suggestion.Layouts, string(l))
		}
	}
	return v
}

func viewSamples(samples []tabular.Sample) []Sample {
	var out []Sample
	for _, s := range samples {
		out = append(out, Sample(s))
	}
	return out
}
