package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/narrativeml/narrative/internal/account"
)

// root is where the API begins.
const root = "/api/v1"

// Keys of an operation's metadata.
const (
	metaRoles    = "roles"    // []string: one of them is needed
	metaStreams  = "streams"  // bool: sets its own limits of time, reads its own body
	metaProblems = "problems" // []int: statuses beside those that every operation has
)

// The areas by which operations are grouped.
const (
	tagDatasets    = "datasets"
	tagUploads     = "uploads"
	tagTraining    = "training"
	tagRecipes     = "recipes"
	tagWorkflow    = "workflow"
	tagTuning      = "tuning"
	tagPredictions = "predictions"
	tagModels      = "models"
	tagJobs        = "jobs"
	tagQueues      = "queues"
	tagCleanup     = "cleanup"
	tagDeadLetters = "dead letters"
	tagSchedules   = "schedules"
	tagHealth      = "health"
)

// operation describes one way to use the API, at a pattern such as
// "GET /jobs/{id}"; it needs an analyst or an operator.
func operation(tag, pattern, id, summary, description string, problems ...int) huma.Operation {
	method, path, _ := strings.Cut(pattern, " ")
	return huma.Operation{
		Method: method, Path: root + path, OperationID: id, Tags: []string{tag},
		Summary: summary, Description: strings.TrimSpace(description),
		MaxBodyBytes: -1, BodyReadTimeout: -1, // readBody has done both
		Security: []map[string][]string{{schemeBearer: {}}, {schemeCookie: {}}, {schemeSecureCookie: {}}},
		Metadata: map[string]any{metaProblems: problems},
	}
}

// forOperatorsOnly marks the operation as one that needs an operator.
func forOperatorsOnly(op huma.Operation) huma.Operation {
	op.Metadata[metaRoles] = []string{account.RoleOperator}
	return op
}

// accepted marks the operation as one that answers 202 with a job.
func accepted(op huma.Operation) huma.Operation {
	op.DefaultStatus = http.StatusAccepted
	return op
}

func rolesOf(op *huma.Operation) []string {
	if roles, ok := op.Metadata[metaRoles].([]string); ok {
		return roles
	}
	return []string{account.RoleAnalyst, account.RoleOperator}
}

func streams(op *huma.Operation) bool {
	is, _ := op.Metadata[metaStreams].(bool)
	return is
}

// register adds an operation whose errors leave as problems.
func register[I, O any](s *server, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, exchangeOf(ctx).problem(err)
		}
		return out, nil
	})
}
