package httpapi

import (
	"net/http"

	"github.com/narrativeml/narrative/internal/training"
)

func (s *server) registerTraining(service Submitter[training.Request]) {
	op := operation(tagTraining, "POST /training", "train", "Train a model",
		`Compares algorithms by cross-validation on a data set that is ready, keeps the best as a model, and measures it on rows held out. The job's result names the model.`,
		http.StatusNotFound, http.StatusConflict)
	registerSubmission(s, op, service, func(r training.Request) (string, string) { return r.DatasetID, "" })
}
