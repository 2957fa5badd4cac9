package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/workflow"
)

// QueueSettings is what operators set for a queue.
type QueueSettings struct {
	Paused     bool           `json:"paused,omitempty" doc:"Start nothing of it. What runs goes on; what the queue was given goes back to the line"`
	KindLimits map[string]int `json:"kind_limits,omitempty" doc:"How many jobs of a kind may be with the queue or a worker at a time, of all tenants together" example:"{\"training\": 2}"`
}

// Queue is a queue as operators see it.
type Queue struct {
	Queue string `json:"queue" doc:"The name of the pool of workers" example:"training"`
	QueueSettings
	Waiting   int64      `json:"waiting" doc:"Jobs that wait for other jobs: those they were divided into, or those they come after"`
	Pending   int64      `json:"pending" doc:"Jobs that wait in the store; 100000 may be more"`
	Queued    int64      `json:"queued" doc:"Jobs that were handed over"`
	Running   int64      `json:"running"`
	Slots     int        `json:"slots" doc:"Of live workers"`
	Workers   int        `json:"workers" doc:"That are alive and serve it"`
	UpdatedAt *time.Time `json:"updated_at,omitempty" doc:"When it was set last"`
	UpdatedBy string     `json:"updated_by,omitempty"`
}

// Queues are all queues.
type Queues struct {
	Items []Queue `json:"items" nullable:"false" doc:"By name"`
}

// QueueRef names a queue in a path.
type QueueRef struct {
	Queue string `path:"queue" pattern:"^[a-z][a-z0-9_-]{0,62}$" patternDescription:"the name of a queue, such as training" doc:"The queue's name" example:"training"`
}

// IfMatch is how a client makes sure that it replaces what it has read.
type IfMatch struct {
	Match string `header:"If-Match" maxLength:"64" doc:"The ETag of what is to be replaced; without it whatever is there is replaced" example:"W/\"3\""`
}

// revision is the one that has to be replaced; nil is any.
func (m IfMatch) revision() (*int64, error) {
	text := strings.TrimSpace(m.Match)
	if text == "" || text == "*" {
		return nil, nil
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(text, "W/"), `"`), 10, 64)
	if err != nil || n < 0 {
		return nil, fault.Invalid("invalid_etag", "If-Match is %q; it must be an ETag that was read here, such as W/\"3\".", text).
			With(fault.Field{Location: "header.If-Match", Message: "not an ETag of this API", Value: text})
	}
	return &n, nil
}

// changedMeanwhile gives the refusal of an outdated ETag the status that HTTP
// has for it.
func changedMeanwhile(err error) error {
	f, ok := fault.As(err)
	if !ok || f.Code != job.CodePolicyChanged && f.Code != dataset.CodeSchemaChanged && f.Code != dataset.CodePrivacyChanged && f.Code != workflow.CodeChanged {
		return err
	}
	p := faultProblem(f, err)
	p.Status, p.Title = http.StatusPreconditionFailed, "It is no longer what you have read"
	return p
}

type queueOutput struct {
	ETag string `header:"ETag" doc:"Of what is set; send it as If-Match" example:"W/\"3\""`
	Body Queue
}

type queueInput struct {
	QueueRef
	IfMatch
	Body QueueSettings
}

// replaces marks the operation as one that takes If-Match.
func replaces(op huma.Operation) huma.Operation {
	problems, _ := op.Metadata[metaProblems].([]int)
	op.Metadata[metaProblems] = append(problems, http.StatusPreconditionFailed)
	return op
}

func (s *server) registerQueues(queues QueueKeeper) {
	register(s, forOperatorsOnly(operation(tagQueues, "GET /queues", "get-queues", "Look at all queues",
		`What is set for each, how much waits in it, and how many workers it has. For operators.`)),
		func(ctx context.Context, _ *struct{}) (*struct{ Body Queues }, error) {
			all, err := queues.Queues(ctx)
			if err != nil {
				return nil, err
			}
			out := &struct{ Body Queues }{Body: Queues{Items: make([]Queue, 0, len(all))}}
			for i := range all {
				out.Body.Items = append(out.Body.Items, viewQueue(&all[i]))
			}
			return out, nil
		})
	show := func(ctx context.Context, name string) (*queueOutput, error) {
		q, err := queues.Queue(ctx, name)
		if err != nil {
			return nil, err
		}
		return &queueOutput{ETag: etag(q.Revision), Body: viewQueue(q)}, nil
	}
	register(s, forOperatorsOnly(operation(tagQueues, "GET /queues/{queue}", "get-queue", "Look at a queue",
		`What is set for it, how much waits in it, and how many workers it has. For operators.`, http.StatusNotFound)),
		func(ctx context.Context, in *QueueRef) (*queueOutput, error) { return show(ctx, in.Queue) })
	register(s, replaces(forOperatorsOnly(operation(tagQueues, "PUT /queues/{queue}", "put-queue", "Set what holds for a queue",
		`Replaces all that is set for it; every process follows within a fraction of a second. For operators.`, http.StatusNotFound))),
		func(ctx context.Context, in *queueInput) (*queueOutput, error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			p := job.QueuePolicy{Paused: in.Body.Paused, KindLimits: in.Body.KindLimits, UpdatedBy: callerOf(ctx).User}
			p.ID = in.Queue
			if _, err := queues.SetQueuePolicy(ctx, p, revision); err != nil {
				return nil, changedMeanwhile(err)
			}
			return show(ctx, in.Queue)
		})
}

func viewQueue(q *job.QueueStatus) Queue {
	return Queue{
		Queue: q.ID, QueueSettings: QueueSettings{Paused: q.Paused, KindLimits: q.KindLimits},
		Waiting: q.Awaiting, Pending: q.Pending, Queued: q.Queued, Running: q.Running, Slots: q.Slots, Workers: q.Workers,
		UpdatedAt: moment(q.UpdatedAt), UpdatedBy: q.UpdatedBy,
	}
}
