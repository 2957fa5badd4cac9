package httpapi

import (
	"net/http"

	"github.com/narrativeml/narrative/internal/prediction"
)

func (s *server) registerPrediction(service Submitter[prediction.Request]) {
	op := operation(tagPredictions, "POST /predictions", "predict", "Predict over a file",
		`Applies a model to every row of a data set's file. The job's result counts the rows; its files are the predictions and, where there were any, the rows that could not be read with the reason.`,
		http.StatusNotFound, http.StatusConflict)
	registerSubmission(s, op, service, func(r prediction.Request) (string, string) { return r.DatasetID, r.ModelID })
}
