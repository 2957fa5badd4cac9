package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/job"
)

// DeadLetter is a job that was given up, as operators see it in a list.
type DeadLetter struct {
	ID       string    `json:"id" pattern:"^job_[0-9a-f]{32}$" doc:"The job's identifier"`
	Tenant   string    `json:"tenant" doc:"Whose job it is"`
	User     string    `json:"user" doc:"Who submitted it"`
	Kind     string    `json:"kind" example:"training"`
	Pool     string    `json:"pool" example:"training"`
	Cause    string    `json:"cause" enum:"failures_exhausted,crashes_exhausted,outage_exhausted,defect,unsupported" doc:"Why it was given up: it failed too often, it took its worker with it too often, a part was away for too long, a defect that another attempt would only repeat, or no worker knew its kind or version for too long"`
	Code     string    `json:"code" doc:"Of the last failure" example:"worker_died"`
	Message  string    `json:"message" doc:"What its owner is told"`
	Attempt  int       `json:"attempt"`
	Failures int       `json:"failures" doc:"Attempts that failed"`
	Crashes  int       `json:"crashes" doc:"Attempts whose worker died"`
	Outages  int       `json:"outages" doc:"Attempts that ended since a part was away"`
	At       time.Time `json:"at" doc:"When it was given up"`
	Links    DeadLinks `json:"links"`
}

// DeadLinks are the addresses around a dead letter.
type DeadLinks struct {
	Self string `json:"self"`
}

// DeadLetterDetail is a dead letter with all that helps to find out why.
type DeadLetterDetail struct {
	DeadLetter
	Payload any       `json:"payload,omitempty" doc:"What was asked for; members that may hold secrets are left out"`
	History []Event   `json:"history" nullable:"false" doc:"The last 500 events in the job's life, oldest first"`
	Log     []LogLine `json:"log" nullable:"false" doc:"The last 200 lines that it wrote, oldest first"`
}

// DeadRef names a dead letter in a path.
type DeadRef struct {
	ID string `path:"id" pattern:"^job_[0-9a-f]{32}$" patternDescription:"a job's identifier, job_ and 32 hexadecimal digits" doc:"The identifier of the job" example:"job_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
}

type deadQuery struct {
	Paging
	Kind   string `query:"kind" pattern:"^[a-z][a-z0-9_]{0,40}$" patternDescription:"a kind of job, such as training" doc:"Only jobs of this kind" example:"training"`
	Pool   string `query:"pool" pattern:"^[a-z][a-z0-9_-]{0,62}$" patternDescription:"a pool of workers" doc:"Only jobs of this pool"`
	Tenant string `query:"tenant" maxLength:"200" doc:"Only jobs of this tenant"`
	Code   string `query:"code" pattern:"^[a-z][a-z0-9_]{0,63}$" patternDescription:"a stable code" doc:"Only jobs whose last failure has this code" example:"worker_died"`
}

// RequeueRequest asks for dead letters to be run again.
type RequeueRequest struct {
	IDs    []string `json:"ids,omitempty" maxItems:"1000" nullable:"false" doc:"The jobs; or choose them by the members below"`
	Kind   string   `json:"kind,omitempty" pattern:"^[a-z][a-z0-9_]{0,40}$" patternDescription:"a kind of job, such as training" doc:"Only jobs of this kind"`
	Pool   string   `json:"pool,omitempty" pattern:"^[a-z][a-z0-9_-]{0,62}$" patternDescription:"a pool of workers" doc:"Only jobs of this pool"`
	Tenant string   `json:"tenant,omitempty" maxLength:"200" doc:"Only jobs of this tenant"`
	Code   string   `json:"code,omitempty" pattern:"^[a-z][a-z0-9_]{0,63}$" patternDescription:"a stable code" doc:"Only jobs whose last failure has this code"`
	All    bool     `json:"all,omitempty" doc:"Every dead letter there is; needed when nothing else chooses"`
	DryRun bool     `json:"dry_run,omitempty" doc:"Only say which"`
	Limit  int      `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"How many at most; 100 by default"`
	Rate   float64  `json:"rate,omitempty" minimum:"0.1" maximum:"1000" doc:"How many are handed over in a second; 50 by default"`
}

// Requeued is what became of the dead letters.
type Requeued struct {
	DryRun   bool      `json:"dry_run"`
	Requeued int       `json:"requeued" doc:"How many run again, or would"`
	IDs      []string  `json:"ids" nullable:"false" doc:"Those"`
	Skipped  []Skipped `json:"skipped" nullable:"false" doc:"Those that were left alone"`
	More     bool      `json:"more" doc:"There are more of those chosen: ask again"`
}

// Skipped is a dead letter that was left alone.
type Skipped struct {
	ID      string `json:"id"`
	Code    string `json:"code" doc:"Stable; a program may match on it" example:"dead_letter_not_found"`
	Message string `json:"message"`
}

type deadOutput struct{ Body DeadLetterDetail }

type requeueInput struct{ Body RequeueRequest }

type requeueOutput struct{ Body Requeued }

func (s *server) registerDeadLetters() {
	op := operation(tagDeadLetters, "GET /dead-letters", "list-dead-letters", "List dead letters",
		`Jobs of all tenants that were given up: after too many failures, too many dead workers, too long an outage, or for a defect of ours. Jobs that failed for their owner's mistake are not among them. The newest first. For operators.`)
	op.Metadata[metaRoles] = []string{account.RoleOperator}
	register(s, op, func(ctx context.Context, in *deadQuery) (*pageOutput[DeadLetter], error) {
		f := job.DeadFilter{Kind: in.Kind, Pool: in.Pool, Tenant: in.Tenant, Code: in.Code}
		page, err := s.jobs.DeadLetters(ctx, f, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return pageOf(ctx, page.Items, page.Next, viewDeadLetter), nil
	})

	op = operation(tagDeadLetters, "GET /dead-letters/{id}", "get-dead-letter", "Look at a dead letter",
		`With its history, the end of its log and what was asked for. For operators.`, http.StatusNotFound)
	op.Metadata[metaRoles] = []string{account.RoleOperator}
	register(s, op, s.getDeadLetter)

	op = operation(tagDeadLetters, "POST /dead-letters/requeue", "requeue-dead-letters", "Run dead letters again",
		`Those named, or those chosen by kind, pool, tenant and code. They keep their identifiers and what their attempts have finished, and start with all counters at zero. Asking again does no harm: what is no dead letter any more is skipped. For operators.`)
	op.Metadata[metaRoles] = []string{account.RoleOperator}
	register(s, op, s.requeue)
}

func deadPath(id string) string { return root + "/dead-letters/" + id }

func viewDeadLetter(d *job.DeadLetter) DeadLetter {
	return DeadLetter{
		ID: d.Job, Tenant: d.Tenant, User: d.User, Kind: d.Kind, Pool: d.Pool, Cause: d.Cause, Code: d.Code, Message: d.Message,
		Attempt: d.Attempt, Failures: d.Failures, Crashes: d.Crashes, Outages: d.Outages, At: d.At.UTC(), Links: DeadLinks{Self: deadPath(d.Job)},
	}
}

// What is shown of a dead letter.
const (
	deadEvents = 500
	deadLines  = 200
)

func (s *server) getDeadLetter(ctx context.Context, in *DeadRef) (*deadOutput, error) {
	j, err := s.jobs.DeadJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	after := max(0, j.Moved+len(j.History)-deadEvents)
	events, err := s.jobs.History(ctx, j.Tenant, j.ID, after, deadEvents)
	if err != nil {
		return nil, err
	}
	lines, err := s.jobs.Logs(ctx, j.Tenant, j.ID, max(0, j.LogLines-deadLines), deadLines)
	if err != nil {
		return nil, err
	}
	out := &deadOutput{Body: DeadLetterDetail{
		DeadLetter: viewDeadLetter(j.Letter()), Payload: withoutSecrets(j.Payload),
		History: make([]Event, 0, len(events)), Log: make([]LogLine, 0, len(lines)),
	}}
	for _, e := range events {
		out.Body.History = append(out.Body.History, Event{Seq: e.Seq, Transition: viewTransition(callerOf(ctx), e.Transition)})
	}
	for _, line := range lines {
		out.Body.Log = append(out.Body.Log, viewLine(line))
	}
	return out, nil
}

func (s *server) requeue(ctx context.Context, in *requeueInput) (*requeueOutput, error) {
	r := in.Body
	done, err := s.jobs.Requeue(job.As(ctx, callerOf(ctx).User), job.Requeue{
		Jobs: r.IDs, Filter: job.DeadFilter{Kind: r.Kind, Pool: r.Pool, Tenant: r.Tenant, Code: r.Code},
		All: r.All, DryRun: r.DryRun, Limit: r.Limit, Rate: r.Rate,
	})
	if err != nil {
		return nil, err
	}
	out := &requeueOutput{Body: Requeued{
		DryRun: r.DryRun, Requeued: len(done.Jobs), IDs: done.Jobs, Skipped: make([]Skipped, 0, len(done.Skipped)), More: done.More,
	}}
	for _, k := range done.Skipped {
		out.Body.Skipped = append(out.Body.Skipped, Skipped{ID: k.Job, Code: k.Code, Message: k.Message})
	}
	return out, nil
}

// withoutSecrets returns the JSON without members whose name says that they
// may hold a secret, or name an object of our file store.
func withoutSecrets(raw json.RawMessage) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	dropSecrets(v, regexp.MustCompile(`(?i)(secret|password|passwd|token|credential|authorization|(^|_)keys?$)`))
	return v
}

func dropSecrets(v any, name *regexp.Regexp) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if name.MatchString(key) {
				delete(v, key)
			} else {
				dropSecrets(inner, name)
			}
		}
	case []any:
		for _, inner := range v {
			dropSecrets(inner, name)
		}
	}
}
