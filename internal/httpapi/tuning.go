package httpapi

import (
	"net/http"

	"github.com/narrativeml/narrative/internal/tuning"
)

func (s *server) registerTuning(service Submitter[tuning.Request]) {
	op := operation(tagTuning, "POST /tuning", "tune", "Tune a model's decision",
		`Chooses the probability from which on a row gets the positive label, on the predictions that the training made for rows it had not seen. The job's result holds the curve to draw, of at most 1,000 points, and how many there are in all; its file curve is the whole of it, as CSV with a line for every distinct score. The model uses the new threshold from then on.`,
		http.StatusNotFound, http.StatusConflict)
	registerSubmission(s, op, service, func(r tuning.Request) (string, string) { return "", r.ModelID })
}
