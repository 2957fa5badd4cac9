package httpapi_test

import (
	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
)

// The services of the domain are what the edge asks for.
var (
	_ httpapi.Verifier                     = (*account.Verifier)(nil)
	_ httpapi.Verifier                     = account.Developer{}
	_ httpapi.Jobs                         = (*job.Service)(nil)
	_ httpapi.Datasets                     = (*dataset.Service)(nil)
	_ httpapi.Models                       = (*model.Service)(nil)
	_ httpapi.Submitter[training.Request]  = (*training.Service)(nil)
	_ httpapi.Submitter[tuning.Request]    = (*tuning.Service)(nil)
	_ httpapi.Submitter[retention.Request] = (*retention.Service)(nil)
)
