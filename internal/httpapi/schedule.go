package httpapi

import (
	"context"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/health"
	"github.com/narrativeml/narrative/internal/job"
)

// Schedule is something that is done at times.
type Schedule struct {
	Name     string     `json:"name" example:"cleanup"`
	Spec     string     `json:"spec" doc:"When, as a cron expression in UTC" example:"17 * * * *"`
	LastAt   *time.Time `json:"last_at,omitempty" doc:"The newest tick"`
	Done     bool       `json:"done" doc:"What the newest tick was for is done; a tick that was missed or interrupted is fired again"`
	Tries    int        `json:"tries" doc:"How often the newest tick was fired"`
	NextAt   *time.Time `json:"next_at,omitempty" doc:"The tick after it"`
	Missed   int        `json:"missed" doc:"Ticks, since ever, that no scheduler was there for; of several in a row the newest is fired late and not counted"`
	MissedAt *time.Time `json:"missed_at,omitempty" doc:"The tick before which the last ones were missed"`
}

type schedulesQuery struct{ Paging }

func (s *server) registerSchedules() {
	op := operation(tagSchedules, "GET /schedules", "list-schedules", "List schedules",
		`What the scheduler does at times, when it last did, and what it missed, by name. For operators.`)
	op.Metadata[metaRoles] = []string{account.RoleOperator}
	register(s, op, func(ctx context.Context, in *schedulesQuery) (*pageOutput[Schedule], error) {
		page, err := s.jobs.Schedules(ctx, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return pageOf(ctx, page.Items, page.Next, viewSchedule), nil
	})
}

func viewSchedule(s *job.ScheduleState) Schedule {
	return Schedule{
		Name: s.Name, Spec: s.Spec, LastAt: moment(s.LastAt), Done: s.Done, Tries: s.Tries, NextAt: moment(s.NextAt),
		Missed: s.Missed, MissedAt: moment(s.MissedAt),
	}
}

// Finding is what was found out about a part at a time.
type Finding struct {
	Check     string    `json:"check" doc:"The part" example:"s3"`
	Status    string    `json:"status" enum:"ok,unavailable"`
	Breaker   string    `json:"breaker,omitempty" enum:"closed,half_open,open" doc:"The circuit breaker of calls to it, in the scheduler"`
	LatencyMS float64   `json:"latency_ms"`
	Error     string    `json:"error,omitempty" doc:"Why it was not ok"`
	Changed   bool      `json:"changed" doc:"It was otherwise before"`
	At        time.Time `json:"at"`
}

type findingsQuery struct {
	Paging
	Check string `query:"check" pattern:"^[a-z][a-z0-9_]{0,63}$" patternDescription:"the name of a part, such as store" doc:"Only this part" example:"store"`
}

func (s *server) registerHealthHistory(history HealthHistory) {
	op := operation(tagHealth, "GET /health/history", "list-health-history", "List what was found out about the parts",
		`What the scheduler's health sweeps have found: a row whenever a part changed, and one an hour while it did not. The newest first. Times at which no scheduler could work, such as those without a store, show as ticks that were missed; see the schedules. For operators.`)
	op.Metadata[metaRoles] = []string{account.RoleOperator}
	register(s, op, func(ctx context.Context, in *findingsQuery) (*pageOutput[Finding], error) {
		page, err := history.List(ctx, in.Check, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return pageOf(ctx, page.Items, page.Next, viewFinding), nil
	})
}

func viewFinding(f *health.Finding) Finding {
	return Finding{
		Check: f.Check, Status: string(f.Status), Breaker: f.Breaker, LatencyMS: f.LatencyMS,
		Error: f.Error, Changed: f.Changed, At: f.At.UTC(),
	}
}
