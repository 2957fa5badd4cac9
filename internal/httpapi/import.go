package httpapi

import (
	"context"
	"net/http"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
)

// ImportRequest names a file that is elsewhere.
type ImportRequest struct {
	Source string `json:"source" minLength:"1" maxLength:"4096" doc:"Where the file is: https://…, which may be a link that carries its own signature, or s3://bucket/key in a bucket that operators have opened for your tenant" example:"https://files.example.com/customers.csv"`
	Name   string `json:"name,omitempty" maxLength:"200" doc:"A name for the data set; default: the file's"`
	FileFormat
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
			Options: r.options(),
		})
		if err != nil {
			return nil, err
		}
		out := acceptedJob(ctx, j, created)
		out.Body.DatasetID = d.ID
		return out, nil
	})
}
