package httpapi

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/tabular"
)

// Dataset is a data set as a client sees it.
type Dataset struct {
	ID        string       `json:"id" pattern:"^ds_[0-9a-f]{32}$"`
	Name      string       `json:"name" example:"customers"`
	Filename  string       `json:"filename" example:"customers.csv"`
	Source    string       `json:"source,omitempty" doc:"Where an imported file came from, without the query of its address"`
	Size      int64        `json:"size" doc:"Bytes as uploaded; 0 while an import is under way"`
	SHA256    string       `json:"sha256" doc:"Of the bytes as uploaded, hexadecimal; empty while an import is under way, and of an upload that went on after a break until the ingest job has read the file"`
	State     string       `json:"state" enum:"uploaded,needs_policy,needs_confirmation,ready,rejected" doc:"uploaded: the ingest or import job is under way; needs_policy: it holds personal data that is to be masked, hashed or dropped, by a job that makes the version which can be used; needs_confirmation: it holds personal data, and somebody has to confirm that; ready: typed, profiled and usable; rejected: the job's failure says why"`
	User      string       `json:"user" doc:"Who uploaded it"`
	JobID     string       `json:"job_id" doc:"The ingest or import job"`
	Rows      int64        `json:"rows,omitempty" doc:"Present when it is ready"`
	Columns   []Column     `json:"columns,omitempty" nullable:"false" doc:"Present when it is ready"`
	Format    *Format      `json:"format,omitempty" doc:"How the file was read, whatever was made of it since; present when it is ready"`
	CreatedAt time.Time    `json:"created_at"`
	ExpiresAt *time.Time   `json:"expires_at,omitempty" doc:"When its files may be cleaned up"`
	Links     DatasetLinks `json:"links"`
}

// Column is one column of a table.
type Column struct {
	Name     string `json:"name"`
	Type     string `json:"type" enum:"integer,float,boolean,string,categorical,date,datetime,time,email,phone,url,currency,percentage,json,text,identifier" doc:"What the values are"`
	Storage  string `json:"storage,omitempty" enum:"integer,float,boolean,string,datetime" doc:"How they are kept: dates as instants, times of day as seconds, amounts and percentages as numbers"`
	Nullable bool   `json:"nullable" doc:"Whether values are missing"`
	Role     string `json:"role,omitempty" enum:"target,id,weight,group,time,ignore" doc:"What the column is for"`
}

// Format is how a file was read.
type Format struct {
	Kind        string   `json:"kind" enum:"csv,json,jsonl,xlsx,parquet"`
	Compression string   `json:"compression,omitempty" enum:"gzip,zstd" doc:"Missing when the file was not compressed"`
	Encoding    string   `json:"encoding,omitempty" doc:"Of text" example:"utf-8"`
	Delimiter   string   `json:"delimiter,omitempty" doc:"Of CSV"`
	Quote       string   `json:"quote,omitempty" doc:"Of CSV"`
	Header      bool     `json:"header" doc:"Whether the file names the columns"`
	BOM         bool     `json:"bom,omitempty" doc:"Whether the text began with a byte order mark"`
	Sheet       string   `json:"sheet,omitempty" doc:"Of a workbook, the one that was read"`
	Sheets      []string `json:"sheets,omitempty" nullable:"false" doc:"All that the workbook has"`
}

// DatasetLinks are the addresses around a data set.
type DatasetLinks struct {
	Self    string `json:"self"`
	Job     string `json:"job" doc:"The ingest job"`
	Preview string `json:"preview,omitempty" doc:"Present when it is ready"`
	Profile string `json:"profile,omitempty" doc:"Present when it is ready"`
	Schema  string `json:"schema,omitempty" doc:"Present when it is ready"`
	PII     string `json:"pii,omitempty" doc:"Which columns hold personal data; present when it has been read"`
}

// Preview is the first rows of a data set.
type Preview struct {
	Columns   []Column `json:"columns" nullable:"false"`
	Rows      [][]any  `json:"rows" nullable:"false" doc:"Values in the order of the columns; null where one is missing, and NaN, Infinity and -Infinity as texts"`
	RowsTotal int64    `json:"rows_total" doc:"How many rows there are in all"`
	Masked    []string `json:"masked,omitempty" nullable:"false" doc:"Columns of personal data, whose values are masked, and are texts therefore"`
}

// DatasetRef names a data set in a path.
type DatasetRef struct {
	ID string `path:"id" pattern:"^ds_[0-9a-f]{32}$" patternDescription:"a data set's identifier, ds_ and 32 hexadecimal digits" doc:"The data set's identifier" example:"ds_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
}

type datasetOutput struct{ Body Dataset }

// LookedAt names the version that is looked at.
type LookedAt struct {
	Version int `query:"version" minimum:"1" doc:"The number of a version of the data set, which is not sealed and has its files; default: the newest" example:"1"`
}

type previewInput struct {
	DatasetRef
	LookedAt
	Revalidation
	Unmasked bool `query:"unmasked" doc:"Show personal data as it is. This takes the role steward, and is written down"`
	Limit    int  `query:"limit" minimum:"1" maximum:"1000" default:"20" doc:"How many rows to return at most"`
}

type datasetLook struct {
	DatasetRef
	LookedAt
	Revalidation
}

func (s *server) registerDatasets() {
	s.registerUpload()
	s.registerImport()
	s.registerSniff()
	register(s, operation(tagDatasets, "GET /datasets", "list-datasets", "List data sets",
		`The newest first.`), func(ctx context.Context, in *struct{ Paging }) (*pageOutput[Dataset], error) {
		page, err := s.datasets.List(ctx, callerOf(ctx).Tenant, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return pageOf(ctx, page.Items, page.Next, viewDataset), nil
	})
	register(s, operation(tagDatasets, "GET /datasets/{id}", "get-dataset", "Look at a data set",
		`Its columns and its size, once it is ready.`, http.StatusNotFound),
		func(ctx context.Context, in *DatasetRef) (*datasetOutput, error) {
			d, err := s.datasets.Get(ctx, callerOf(ctx).Tenant, in.ID)
			if err != nil {
				return nil, err
			}
			return &datasetOutput{Body: viewDataset(d)}, nil
		})
	register(s, operation(tagDatasets, "GET /datasets/{id}/preview", "preview-dataset", "See the first rows",
		`As they were read and typed, but for personal data, which is masked; of an older version also what is personal in the newest. The data set must be ready.`, http.StatusForbidden, http.StatusNotFound, http.StatusConflict), s.previewDataset)
	register(s, operation(tagDatasets, "GET /datasets/{id}/profile", "profile-dataset", "Read the profile",
		`Types, counts, missing and distinct values, quantiles, histograms, outliers and the most frequent values of every column; what is missing together, which rows are repeated, how columns go together; the quality of the whole, and what to do about it. Of an older version it is the profile that was made with it. The data set must be ready.`,
		http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *datasetLook) (*answered[json.RawMessage], error) {
			d, err := s.datasets.Look(ctx, callerOf(ctx).Tenant, in.ID, in.Version)
			if err != nil {
				return nil, err
			}
			return answerOf(ctx, s, s.keyOf(d, answerProfile, nil), in.Revalidation, func(ctx context.Context) (json.RawMessage, error) {
				profile, err := s.datasets.ProfileOf(ctx, d)
				return withoutKeys(profile), err
			})
		})
	s.registerSchema()
	s.registerCharts()
	s.registerPrivacy()
	s.registerPrivacyRules()
	register(s, operation(tagDatasets, "DELETE /datasets/{id}", "delete-dataset", "Delete a data set",
		`It is gone at once; its files go at the next clean-up. Models made from it stay.`, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *DatasetRef) (*struct{}, error) {
			return nil, s.datasets.Delete(ctx, callerOf(ctx).Tenant, in.ID)
		})
}

func (s *server) previewDataset(ctx context.Context, in *previewInput) (*answered[Preview], error) {
	if in.Unmasked { // it is written down each time, so nobody keeps it
		p, err := s.datasets.Unmasked(ctx, callerOf(ctx), in.ID, in.Version, in.Limit)
		if err != nil {
			return nil, err
		}
		return &answered[Preview]{Status: http.StatusOK, CacheControl: cacheNever, Body: encode(viewPreview(p))}, nil
	}
	d, err := s.datasets.Look(ctx, callerOf(ctx).Tenant, in.ID, in.Version)
	if err != nil {
		return nil, err
	}
	return answerOf(ctx, s, s.keyOf(d, answerPreview, in.Limit), in.Revalidation, func(ctx context.Context) (Preview, error) {
		p, err := s.datasets.Preview(ctx, d, in.Limit)
		if err != nil {
			return Preview{}, err
		}
		return viewPreview(p), nil
	})
}

func viewPreview(p *dataset.Preview) Preview {
	v := Preview{Columns: viewTableColumns(p), Rows: make([][]any, 0, len(p.Rows)), RowsTotal: p.RowsTotal, Masked: p.Masked}
	for _, row := range p.Rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			cells[i] = viewCell(cell)
		}
		v.Rows = append(v.Rows, cells)
	}
	return v
}

// viewCell gives numbers that JSON does not know a text.
func viewCell(cell any) any {
	f, ok := cell.(float64)
	switch {
	case !ok:
		return cell
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return f
}

func viewColumns(schema tabular.Schema) []Column {
	columns := make([]Column, 0, len(schema))
	for _, f := range schema {
		columns = append(columns, Column{Name: f.Name, Type: string(tabular.SemanticOf(f)), Storage: string(f.Type), Nullable: f.Nullable})
	}
	return columns
}

// viewTableColumns shows the columns of a preview.
func viewTableColumns(p *dataset.Preview) []Column {
	if p.Columns == nil {
		return viewColumns(p.Schema)
	}
	return viewDatasetColumns(p.Columns)
}

func viewDatasetColumns(all []dataset.Column) []Column {
	columns := make([]Column, 0, len(all))
	for _, c := range all {
		columns = append(columns, viewColumn(c))
	}
	return columns
}

func viewColumn(c dataset.Column) Column {
	return Column{Name: c.Name, Type: string(c.Semantic), Storage: string(c.Type), Nullable: c.Nullable, Role: string(c.Role)}
}

func viewDataset(d *dataset.Dataset) Dataset {
	self := datasetPath(d.ID)
	v := Dataset{
		ID: d.ID, Name: d.Name, Filename: d.Filename, Source: d.Origin(), Size: d.Size, SHA256: d.SHA256, State: string(d.State),
		User: d.User, JobID: d.JobID, CreatedAt: d.CreatedAt.UTC(), ExpiresAt: moment(d.ExpiresAt),
		Links: DatasetLinks{Self: self, Job: jobPath(d.JobID)},
	}
	if version := d.Version; version != nil {
		v.Rows = version.Rows
		v.Columns = viewDatasetColumns(d.TableColumns())
		if format := d.ReadAs(); format != nil {
			v.Format = viewFormat(*format)
		}
		v.Links.Preview, v.Links.Profile, v.Links.Schema = self+"/preview", self+"/profile", self+"/schema"
		v.Links.PII = self + "/pii"
	}
	return v
}

func viewFormat(f tabular.Format) *Format {
	return &Format{
		Kind: f.Kind, Compression: f.Compression, Encoding: f.Encoding, Delimiter: f.Delimiter, Quote: f.Quote,
		Header: f.Header, BOM: f.BOM, Sheet: f.Sheet, Sheets: f.Sheets,
	}
}
