package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

// JobRef names a job in a path. It is exported since huma looks into exported
// embedded types only.
type JobRef struct {
	ID string `path:"id" pattern:"^job_[0-9a-f]{32}$" patternDescription:"a job's identifier, job_ and 32 hexadecimal digits" doc:"The job's identifier" example:"job_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
}

// jobOutput is the answer about one job; with status 304 it has no body.
type jobOutput struct {
	Status       int
	ETag         string `header:"ETag" doc:"The job's revision; send it as If-None-Match" example:"W/\"17\""`
	CacheControl string `header:"Cache-Control"`
	Body         Job
}

type jobQuery struct {
	JobRef
	IfNoneMatch string `header:"If-None-Match" maxLength:"1024" doc:"An ETag: answer 304 while the job is unchanged" example:"W/\"17\""`
	Wait        string `query:"wait" pattern:"^[0-9]{1,6}(ms|s|m)?$" patternDescription:"a duration such as 30s, at most 60s" doc:"Long poll: wait until the job changes, at most this long (up to 60s). With If-None-Match, until it differs from that ETag." example:"30s"`
}

type jobsQuery struct {
	Paging
	State   string `query:"state" enum:"waiting,pending,queued,running,succeeded,failed,cancelled" doc:"Only jobs in this state"`
	Kind    string `query:"kind" pattern:"^[a-z][a-z0-9_]{0,40}$" patternDescription:"a kind of job, such as training" doc:"Only jobs of this kind" example:"training"`
	Scope   string `query:"scope" enum:"tenant,system" default:"tenant" doc:"Whose jobs: your tenant's, or the system's own, such as scheduled clean-ups, for operators"`
	Subject string `query:"subject" pattern:"^(ds|mdl)_[0-9a-f]{32}$" patternDescription:"a data set's or model's identifier" doc:"Only jobs about this data set or model"`
	Parent  string `query:"parent" pattern:"^job_[0-9a-f]{32}$" patternDescription:"a job's identifier" doc:"The jobs that this job was divided into, in their order; other lists leave them out"`
}

type logsQuery struct {
	JobRef
	After int `query:"after" minimum:"0" maximum:"1000000000" default:"0" doc:"Only lines after this seq"`
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"500" doc:"How many lines to return at most"`
}

// Logs is a part of a job's log.
type Logs struct {
	Items     []LogLine `json:"items" nullable:"false" doc:"The lines, oldest first"`
	NextAfter int       `json:"next_after,omitempty" doc:"Send it as after for the next lines; missing at the end"`
}

// LogLine is one line that a job wrote.
type LogLine struct {
	Seq     int       `json:"seq" doc:"From 1, without gaps within a job"`
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Level   string    `json:"level" enum:"info,warn,error"`
	Message string    `json:"message"`
}

type logsOutput struct {
	Link string `header:"Link" doc:"The address of the next lines, with rel=\"next\"; missing at the end"`
	Body Logs
}

type resultQuery struct {
	JobRef
	File string `query:"file" maxLength:"200" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"a file's name as the job lists it" doc:"Which file; the job lists them under links.files. It may be left out when there is only one" example:"predictions"`
}

type redirectOutput struct {
	Location string `header:"Location" doc:"A link that needs no token and lives for some minutes"`
}

func (s *server) registerJobs() {
	register(s, operation(tagJobs, "GET /jobs", "list-jobs", "List jobs",
		`The newest first. Results and histories are left out; ask for one job to see them. Operators may also list, and then look at, follow and read the logs of, the system's own jobs.`), s.listJobs)

	op := operation(tagJobs, "GET /jobs/{id}", "get-job", "Look at a job",
		`With If-None-Match it answers 304 while nothing has changed; with wait it waits for a change before it answers.`,
		http.StatusNotFound, http.StatusTooManyRequests)
	op.Metadata[metaStreams] = true
	register(s, op, s.getJob)

	s.registerEvents()

	register(s, operation(tagJobs, "GET /jobs/{id}/history", "get-job-history", "Read a job's history",
		`Every event in its life: its changes of state, over all attempts, and what people did to it. The job itself shows all of a short history, and the first and the last events of a long one.`, http.StatusNotFound), s.getHistory)

	register(s, operation(tagJobs, "GET /jobs/{id}/logs", "get-job-logs", "Read a job's log",
		`The lines that the job has written for its owner, over all attempts.`, http.StatusNotFound), s.getLogs)

	op = operation(tagJobs, "GET /jobs/{id}/result", "get-job-result", "Download a job's result",
		`Redirects to the file in the file store. Follow the redirect without the header Authorization: the link carries its own signature.`,
		http.StatusNotFound, http.StatusConflict)
	op.DefaultStatus = http.StatusSeeOther
	register(s, op, s.getResult)

	register(s, accepted(operation(tagJobs, "POST /jobs/{id}/cancel", "cancel-job", "Cancel a job",
		`A job that runs is told to stop and is cancelled soon after; look at its state.`,
		http.StatusNotFound, http.StatusConflict)), s.change(s.jobs.Cancel))

	register(s, operation(tagJobs, "PATCH /jobs/{id}", "prioritise-job", "Change a job's priority",
		`For a job that waits: it takes its new place in the line of your tenant at once. A priority is worth a minute of waiting: a job goes before those of the next higher one that were submitted a minute later.`,
		http.StatusNotFound, http.StatusConflict), s.prioritise)

	register(s, accepted(operation(tagJobs, "POST /jobs/{id}/retry", "retry-job", "Try a job again",
		`For a job that failed or was cancelled. It keeps its identifier and what its earlier attempts have finished.`,
		http.StatusNotFound, http.StatusConflict)), s.change(s.jobs.Retry))
}

func (s *server) listJobs(ctx context.Context, in *jobsQuery) (*pageOutput[Job], error) {
	tenant, err := tenantOf(callerOf(ctx), in.Scope)
	if err != nil {
		return nil, err
	}
	f := job.Filter{State: in.State, Kind: in.Kind, Subject: in.Subject, Parent: in.Parent}
	page, err := s.jobs.List(ctx, tenant, f, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return pageOf(ctx, page.Items, page.Next, viewJobBriefly), nil
}

func (s *server) getJob(ctx context.Context, in *jobQuery) (*jobOutput, error) {
	wait, err := parseWait(in.Wait)
	if err != nil {
		return nil, err
	}
	exchangeOf(ctx).allow(wait + s.config.RequestTimeout)
	if in.IfNoneMatch != "" {
		// Most polls find nothing new: that is found out without reading the job.
		g, err := s.glance(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		if matches(in.IfNoneMatch, g.Revision) && (wait == 0 || g.State.Terminal()) {
			return unchangedJob(g.Revision), nil
		}
	}
	j, err := s.lookUp(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	unchanged := func() bool { return in.IfNoneMatch != "" && matches(in.IfNoneMatch, j.Revision) }
	if wait > 0 && !j.State.Terminal() && (in.IfNoneMatch == "" || unchanged()) {
		if j, err = s.await(ctx, j, wait); err != nil {
			return nil, err
		}
	}
	if unchanged() {
		return unchangedJob(j.Revision), nil
	}
	return &jobOutput{Status: http.StatusOK, ETag: etag(j.Revision), CacheControl: cacheJob, Body: viewJob(callerOf(ctx), j)}, nil
}

const cacheJob = "private, no-cache"

func unchangedJob(revision int64) *jobOutput {
	return &jobOutput{Status: http.StatusNotModified, ETag: etag(revision), CacheControl: cacheJob}
}

// glance finds out what revision a job that the caller may read has.
func (s *server) glance(ctx context.Context, id string) (job.Glance, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.RequestTimeout)
	defer cancel()
	return readJob(ctx, func(tenant string) (job.Glance, error) { return s.jobs.Peek(ctx, tenant, id) })
}

// lookUp gets a job that the caller may read, within the time of an ordinary
// request.
func (s *server) lookUp(ctx context.Context, id string) (*job.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.RequestTimeout)
	defer cancel()
	return readJob(ctx, func(tenant string) (*job.Job, error) { return s.jobs.Get(ctx, tenant, id) })
}

// await returns the job when it has changed, when the time is up, or when the
// process wants to stop.
func (s *server) await(ctx context.Context, j *job.Job, wait time.Duration) (*job.Job, error) {
	release, err := s.waits.acquire()
	if err != nil {
		return nil, err
	}
	defer release()
	waiting, cancel := s.untilDrain(ctx, wait)
	defer cancel()
	next, err := s.jobs.Wait(waiting, j.Tenant, j.ID, j.Revision)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return j, nil // the time is up; the last look holds
	}
	return next, err
}

func (s *server) getLogs(ctx context.Context, in *logsQuery) (*logsOutput, error) {
	lines, err := readJob(ctx, func(tenant string) ([]job.LogLine, error) {
		return s.jobs.Logs(ctx, tenant, in.ID, in.After, in.Limit)
	})
	if err != nil {
		return nil, err
	}
	out := &logsOutput{Body: Logs{Items: make([]LogLine, 0, len(lines))}}
	for _, line := range lines {
		out.Body.Items = append(out.Body.Items, viewLine(line))
	}
	if n := len(lines); n > 0 && n == in.Limit {
		out.Body.NextAfter = lines[n-1].Seq
		out.Link = nextLink(ctx, "after", strconv.Itoa(lines[n-1].Seq))
	}
	return out, nil
}

func viewLine(line job.LogLine) LogLine {
	level := line.Level
	if level != "warn" && level != "error" {
		level = "info"
	}
	return LogLine{Seq: line.Seq, At: line.At.UTC(), Attempt: line.Attempt, Level: level, Message: line.Message}
}

func (s *server) getResult(ctx context.Context, in *resultQuery) (*redirectOutput, error) {
	j, err := readJob(ctx, func(tenant string) (*job.Job, error) { return s.jobs.Get(ctx, tenant, in.ID) })
	if err != nil {
		return nil, err
	}
	if err := s.release(ctx, j, in.File); err != nil {
		return nil, err
	}
	link, err := readJob(ctx, func(tenant string) (string, error) { return s.jobs.ResultURL(ctx, tenant, in.ID, in.File) })
	if err != nil {
		return nil, err
	}
	return &redirectOutput{Location: link}, nil
}

// changeOutput is the answer to a request to change a job's course.
type changeOutput struct {
	Location string `header:"Location" doc:"Where the job is"`
	ETag     string `header:"ETag"`
	Body     Job
}

type priorityInput struct {
	JobRef
	Body JobChange
}

// JobChange is what a client may change of a job that waits.
type JobChange struct {
	Priority int `json:"priority" minimum:"0" maximum:"9" doc:"0, the least urgent, to 9" example:"8"`
}

// jobChanged is the answer about a job that was changed.
type jobChanged struct {
	ETag string `header:"ETag"`
	Body Job
}

func (s *server) prioritise(ctx context.Context, in *priorityInput) (*jobChanged, error) {
	j, err := s.changeJob(job.As(ctx, callerOf(ctx).User), in.ID, func(ctx context.Context, tenant, id string) (*job.Job, error) {
		return s.jobs.Prioritise(ctx, tenant, id, in.Body.Priority)
	})
	if err != nil {
		return nil, err
	}
	return &jobChanged{ETag: etag(j.Revision), Body: viewJob(callerOf(ctx), j)}, nil
}

func (s *server) change(do func(ctx context.Context, tenant, id string) (*job.Job, error)) func(context.Context, *JobRef) (*changeOutput, error) {
	return func(ctx context.Context, in *JobRef) (*changeOutput, error) {
		j, err := s.changeJob(job.As(ctx, callerOf(ctx).User), in.ID, do)
		if err != nil {
			return nil, err
		}
		return &changeOutput{Location: jobPath(j.ID), ETag: etag(j.Revision), Body: viewJob(callerOf(ctx), j)}, nil
	}
}

// etag is weak, since the same revision may be sent compressed or not.
func etag(revision int64) string { return `W/"` + strconv.FormatInt(revision, 10) + `"` }

// matches reports whether the header If-None-Match names the revision.
func matches(header string, revision int64) bool {
	want := strconv.FormatInt(revision, 10)
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) == want {
			return true
		}
	}
	return false
}

// parseWait reads a duration such as 30s; a number alone counts seconds.
func parseWait(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if last := text[len(text)-1]; last >= '0' && last <= '9' {
		text += "s"
	}
	wait, err := time.ParseDuration(text)
	if err == nil && wait > MaxWait {
		err = errors.New("too long")
	}
	if err != nil {
		return 0, fault.Invalid("wait_out_of_range", "wait is %q; it must be a duration from 0s to %s", text, MaxWait).
			With(fault.Field{Location: "query.wait", Message: "must be a duration from 0s to 60s", Value: text})
	}
	return wait, nil
}
