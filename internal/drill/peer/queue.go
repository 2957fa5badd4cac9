package peer

import (
	"context"
	"time"

	"github.com/narrativeml/narrative/internal/secret"
)

// Load is how many tasks that do nothing a queue is to run, and by how many.
type Load struct {
	URL     secret.String // of Redis
	Tasks   int
	Callers int // that submit one task after another
	Slots   int // tasks that are worked on together
}

// Ran is how a queue ran its load.
type Ran struct {
	Absent  string        // why it did not; everything else is empty then
	Version string        // with the name
	How     string        // what it keeps and when it acknowledges
	Took    time.Duration // from the first submission to the last task's end
}

// Queue is a peer that takes tasks and runs them, in processes of its own.
type Queue struct {
	Name    string
	command []string
	lacks   string // what to install for the command
}

// Queues are the peers that queue tasks on Redis.
func (s Scripts) Queues() []Queue {
	return []Queue{
		s.queue("BullMQ", s.node, "side_bullmq.cjs", "nodejs and npm"),
		s.queue("Celery", s.python, "side_celery.py", "python3"),
	}
}

func (s Scripts) queue(name, program, script, lacks string) Queue {
	q := Queue{Name: name, lacks: lacks}
	if program != "" {
		q.command = []string{program, s.path(script)}
	}
	return q
}

// Run has the queue run the load.
func (q Queue) Run(ctx context.Context, l Load) (Ran, error) {
	if len(q.command) == 0 {
		return Ran{Absent: q.Name + ": install " + q.lacks}, nil
	}
	task := struct {
		URL     string `json:"url"`
		Tasks   int    `json:"tasks"`
		Callers int    `json:"callers"`
		Slots   int    `json:"slots"`
	}{l.URL.Reveal(), l.Tasks, l.Callers, l.Slots}
	var o struct {
		Absent  string  `json:"absent"`
		Version string  `json:"version"`
		How     string  `json:"how"`
		Seconds float64 `json:"seconds"`
	}
	if err := ask(ctx, q.Name, q.command, task, &o); err != nil {
		return Ran{}, err
	}
	return Ran{Absent: o.Absent, Version: o.Version, How: o.How, Took: time.Duration(o.Seconds * float64(time.Second))}, nil
}
