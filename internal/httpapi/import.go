package httpapi

import (
	"context"
	"net/http"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
)

// ImportRequest names a file that is elsewhere.
type ImportRequest struct {
	Source      string `json:"source" minLength:"1" maxLength:"4096" doc:"Where the file is: https://…, which may be a link that carries its own signature, or s3://bucket/key in a bucket that operators have opened for your tenant" example:"https://files.example.com/customers.csv"`
	Name        string `json:"name,omitempty" maxLength:"200" doc:"A name for the data set; default: the file's"`
	Kind        string `json:"kind,omitempty" enum:"csv,json,jsonl,xlsx,parquet" doc:"What the file is; default: found out"`
	Compression string `json:"compression,omitempty" enum:"none,gzip,zstd" doc:"Around a file of text; default: found out"`
	Encoding    string `json:"encoding,omitempty" maxLength:"40" doc:"Of text; default: found out"`
	Delimiter   string `json:"delimiter,omitempty" maxLength:"1" doc:"Between fields of CSV: a comma, a tab, a semicolon or a bar; default: found out"`
	Quote       string `json:"quote,omitempty" maxLength:"1" doc:"Around fields of CSV: \" or '; default: found out"`
	Header      *bool  `json:"header,omitempty" doc:"Whether the first record of CSV or of a sheet names the columns; default: found out"`
	Sheet       string `json:"sheet,omitempty" maxLength:"200" doc:"Of a workbook, by its name or its number from 1; default: the first that holds something"`
	job.Order
}

type importInput struct {
	Idempotency
	Body ImportRequest
}

func (s *server) registerImport() {
	op := accepted(operation(tagDatasets, "POST /datasets/import", "import-dataset", "Import a data set",
		`The platform fetches the file from where it is and reads it in, as one job; follow the job, and use the data set when it is ready. Where the server lets it, a fetch that broke off goes on where it was. Only public hosts are connected to, and what operators have opened.`,
		http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests))
	register(s, op, func(ctx context.Context, in *importInput) (*acceptedOutput, error) {
		caller, r := callerOf(ctx), in.Body
		d, j, created, err := s.datasets.Import(ctx, dataset.Import{
			Tenant: caller.Tenant, User: caller.User, Source: r.Source, Name: r.Name, IdempotencyKey: in.Key, Order: r.Order,
			Options: dataset.FormatOptions{
				Kind: r.Kind, Compression: r.Compression, Encoding: r.Encoding, Delimiter: r.Delimiter, Quote: r.Quote, Header: r.Header, Sheet: r.Sheet,
			},
		})
		if err != nil {
			return nil, err
		}
		out := acceptedJob(ctx, j, created)
		out.Body.DatasetID = d.ID
		return out, nil
	})
}
