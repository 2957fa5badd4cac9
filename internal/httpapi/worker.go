package httpapi

import (
	"context"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// Worker is a process that runs jobs, as operators see it.
type Worker struct {
	Worker      string         `json:"worker" doc:"Its identifier, as the histories of jobs name it; a process that starts anew has a new one" example:"wkr_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
	State       string         `json:"state" enum:"alive,draining,stopped,lost" doc:"lost: its heartbeat stopped"`
	Host        string         `json:"host"`
	PID         int            `json:"pid"`
	Running     int            `json:"running" doc:"Jobs under way"`
	Slots       map[string]int `json:"slots" doc:"How many jobs it runs at a time, of each queue" example:"{\"training\": 2}"`
	Busy        map[string]int `json:"busy,omitempty" doc:"How many of those are taken" example:"{\"training\": 1}"`
	Memory      int64          `json:"memory_bytes,omitempty" doc:"For all its jobs; missing: no limit"`
	MemoryUsed  int64          `json:"memory_used_bytes,omitempty" doc:"Of that, given to jobs"`
	StartedAt   time.Time      `json:"started_at"`
	HeartbeatAt time.Time      `json:"heartbeat_at" doc:"By its own clock"`
}

type workersQuery struct {
	Paging
	State string `query:"state" enum:"alive,draining,stopped,lost" doc:"Only those in this state"`
}

func (s *server) registerWorkers() {
	register(s, forOperatorsOnly(operation(tagQueues, "GET /workers", "list-workers", "List workers",
		`The processes that run jobs, by their states, and those first whose heartbeat is oldest. What stopped or was lost is shown for a day. For operators.`)),
		func(ctx context.Context, in *workersQuery) (*pageOutput[Worker], error) {
			page, err := s.jobs.Workers(ctx, in.State, in.Cursor, in.Limit)
			if err != nil {
				return nil, err
			}
			return pageOf(ctx, page.Items, page.Next, viewWorker), nil
		})
}

func viewWorker(w *job.Worker) Worker {
	return Worker{
		Worker: w.ID, State: w.State, Host: w.Host, PID: w.PID, Running: w.Running, Slots: w.Pools, Busy: w.Busy,
		Memory: w.Memory, MemoryUsed: w.MemoryUsed, StartedAt: w.StartedAt.UTC(), HeartbeatAt: w.HeartbeatAt.UTC(),
	}
}
