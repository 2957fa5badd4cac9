package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
)

// DatasetVersion is one version of a data set.
type DatasetVersion struct {
	Number         int         `json:"number" example:"2"`
	Hash           string      `json:"hash,omitempty" doc:"Of what the table holds, whatever its file is like; versions of old programs have none"`
	Parent         int         `json:"parent,omitempty" doc:"The version that it was made of, or whose types were changed; missing for what the ingest made of the file"`
	MadeBy         string      `json:"made_by" enum:"ingest,retype,recipe,policy" doc:"What made it: the file was read, or read again with types that people had chosen, or a recipe was applied, or policies of personal data were"`
	RecipeID       string      `json:"recipe_id,omitempty" doc:"The recipe that made it, if that was a saved one"`
	RecipeVersion  int         `json:"recipe_version,omitempty"`
	ReproducedFrom int         `json:"reproduced_from,omitempty" doc:"The version that it repeats"`
	Steps          []Step      `json:"steps,omitempty" nullable:"false" doc:"What made it"`
	Counts         []StepCount `json:"counts,omitempty" nullable:"false" doc:"How many rows went into each step and came out"`
	Rows           int64       `json:"rows"`
	RowsBefore     int64       `json:"rows_before,omitempty" doc:"Of the parent"`
	Columns        []Column    `json:"columns" nullable:"false"`
	Added          []string    `json:"columns_added,omitempty" nullable:"false" doc:"Against the parent"`
	Removed        []string    `json:"columns_removed,omitempty" nullable:"false"`
	Retyped        []string    `json:"columns_retyped,omitempty" nullable:"false"`
	QualityBefore  *float64    `json:"quality_before,omitempty" doc:"The quality score of the parent, if it has one"`
	QualityAfter   *float64    `json:"quality_after,omitempty" doc:"Its own quality score, if it has one"`
	User           string      `json:"user"`
	JobID          string      `json:"job_id" doc:"The job that made it"`
	CreatedAt      time.Time   `json:"created_at"`
	Pinned         bool        `json:"pinned" doc:"Its files are kept"`
	Used           bool        `json:"used" doc:"A model was trained on it, or it was joined to a version of a data set; its files are kept"`
	Sealed         bool        `json:"sealed" doc:"It holds what a policy has taken away since: it cannot be read or made again, and its files are for stewards"`
	Erased         bool        `json:"erased" doc:"Its files are deleted, since a policy says so"`
	Gone           bool        `json:"gone" doc:"Its files are cleaned up; POST /api/v1/transforms with reproduce makes it again"`
}

// StepCount is how many rows went into a step and came out.
type StepCount struct {
	In  int64 `json:"rows_in"`
	Out int64 `json:"rows_out"`
}

// DatasetVersions are the versions of a data set.
type DatasetVersions struct {
	Items []DatasetVersion `json:"items" nullable:"false" doc:"The newest first"`
}

// VersionChange is what can be changed of a version.
type VersionChange struct {
	Pinned bool `json:"pinned" doc:"Whether its files are kept"`
}

// VersionComparison is how two versions differ.
type VersionComparison struct {
	From    DatasetVersion `json:"from"`
	To      DatasetVersion `json:"to"`
	Same    bool           `json:"same" doc:"Whether they hold the same"`
	Rows    int64          `json:"rows" doc:"How many more rows the second has"`
	Added   []string       `json:"columns_added" nullable:"false"`
	Removed []string       `json:"columns_removed" nullable:"false"`
	Retyped []string       `json:"columns_retyped" nullable:"false"`

	Changed     []ColumnDifference `json:"columns_changed,omitempty" nullable:"false" doc:"Columns of both that the profiles describe in another way; missing when there are none, or when the files of one of the versions are cleaned up"`
	QualityFrom *float64           `json:"quality_from,omitempty" doc:"The quality score of the first by its profile"`
	QualityTo   *float64           `json:"quality_to,omitempty" doc:"That of the second"`
}

// ColumnDifference is how two versions differ in a column.
type ColumnDifference struct {
	Name string        `json:"name" example:"age"`
	From ColumnSummary `json:"from"`
	To   ColumnSummary `json:"to"`
}

// ColumnSummary is the short of what a profile says of a column.
type ColumnSummary struct {
	Type     string   `json:"type,omitempty" example:"integer"`
	Missing  int64    `json:"missing" doc:"How many values are missing"`
	Distinct int64    `json:"distinct" doc:"How many different values there are; of many it is an estimate"`
	Mean     *float64 `json:"mean,omitempty" doc:"Of numbers; of booleans the share of true"`
	Std      *float64 `json:"std,omitempty" doc:"The standard deviation of numbers"`
}

// VersionRef names a version in a path.
type VersionRef struct {
	DatasetRef
	Number int `path:"number" minimum:"1" doc:"The number of the version" example:"1"`
}

type comparisonInput struct {
	VersionRef
	With int `query:"with" minimum:"0" doc:"The version to compare it with; default: the newest"`
}

type versionOutput struct{ Body DatasetVersion }

func (s *server) registerVersions(versions Versions) {
	register(s, operation(tagDatasets, "GET /datasets/{id}/versions", "get-versions", "List the versions of a data set",
		`What the ingest made of the file, and what recipes made of that.`, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *DatasetRef) (*struct{ Body DatasetVersions }, error) {
			all, err := versions.Versions(ctx, callerOf(ctx).Tenant, in.ID)
			if err != nil {
				return nil, err
			}
			out := &struct{ Body DatasetVersions }{DatasetVersions{Items: make([]DatasetVersion, 0, len(all))}}
			for _, r := range all {
				out.Body.Items = append(out.Body.Items, viewVersion(r))
			}
			return out, nil
		})
	register(s, operation(tagDatasets, "GET /datasets/{id}/versions/{number}", "get-version", "Look at a version", `What made it, and what it has.`,
		http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *VersionRef) (*versionOutput, error) {
			r, err := versions.Revision(ctx, callerOf(ctx).Tenant, in.ID, in.Number)
			if err != nil {
				return nil, err
			}
			return &versionOutput{viewVersion(r)}, nil
		})
	register(s, operation(tagDatasets, "PATCH /datasets/{id}/versions/{number}", "pin-version", "Pin a version, or let it go",
		`The files of a pinned version are kept, as are those of the newest versions, the first, and those that models were trained on.`, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *struct {
			VersionRef
			Body VersionChange
		},
		) (*versionOutput, error) {
			r, err := versions.Pin(ctx, callerOf(ctx).Tenant, in.ID, in.Number, in.Body.Pinned)
			if err != nil {
				return nil, err
			}
			return &versionOutput{viewVersion(r)}, nil
		})
	register(s, operation(tagDatasets, "GET /datasets/{id}/versions/{number}/comparison", "compare-versions", "Compare two versions",
		`Their rows, their columns, what their profiles say of columns that both have, their quality, and whether they hold the same.`, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *comparisonInput) (*struct{ Body VersionComparison }, error) {
			c, err := versions.Compare(ctx, callerOf(ctx).Tenant, in.ID, in.Number, in.With)
			if err != nil {
				return nil, err
			}
			return &struct{ Body VersionComparison }{viewComparison(c)}, nil
		})
}

func viewComparison(c *dataset.Comparison) VersionComparison {
	v := VersionComparison{
		From: viewVersion(c.From), To: viewVersion(c.To), Same: c.Same, Rows: c.Rows,
		Added: names(c.Added), Removed: names(c.Removed), Retyped: names(c.Retyped), QualityFrom: c.QualityFrom, QualityTo: c.QualityTo,
	}
	brief := func(s dataset.ColumnSummary) ColumnSummary {
		return ColumnSummary{Type: string(s.Type), Missing: s.Missing, Distinct: s.Distinct, Mean: s.Mean, Std: s.Std}
	}
	for _, d := range c.Columns {
		v.Changed = append(v.Changed, ColumnDifference{Name: d.Name, From: brief(d.From), To: brief(d.To)})
	}
	return v
}

func viewVersion(r *dataset.Revision) DatasetVersion {
	v := DatasetVersion{
		Number: max(r.Version.Number, 1), Hash: r.Version.Hash, Parent: r.Parent, MadeBy: r.MadeBy(), RecipeID: r.RecipeID, RecipeVersion: r.RecipeVersion, ReproducedFrom: r.ReproducedFrom,
		Steps: viewSteps(r.Steps), Rows: r.Version.Rows, RowsBefore: r.RowsBefore, Columns: viewColumns(r.Version.Schema),
		Added: r.Added, Removed: r.Removed, Retyped: r.Retyped, QualityBefore: r.QualityBefore, QualityAfter: r.QualityAfter,
		User: r.User, JobID: r.Version.JobID, CreatedAt: r.Version.CreatedAt.UTC(), Pinned: r.Pinned, Used: len(r.Used) > 0, Gone: r.Gone, Sealed: r.Sealed, Erased: r.Erased,
	}
	for _, c := range r.Counts {
		v.Counts = append(v.Counts, StepCount(c))
	}
	return v
}
