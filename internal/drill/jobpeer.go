package drill

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/drill/peer"
	"github.com/narrativeml/narrative/internal/queue/bare"
)

// rival is another queue and what was measured of it.
type rival struct {
	queue     peer.Queue
	absent    string // why it is left out, if it is
	version   string // with its name
	how       string
	perSecond []float64 // of each round
}

// bare runs the load on asynq alone.
func (d *jobDrill) bare(ctx context.Context) (perSecond float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, jobPatience)
	defer cancel()
	took, err := bare.Load{
		URL: d.redis.URL(), Queue: "bare", Tasks: d.plan.Jobs,
		Enqueuers: d.plan.Callers, Slots: d.plan.Slots, Poll: jobPoll,
	}.Run(ctx)
	return float64(d.plan.Jobs) / took.Seconds(), err
}

// others runs the load on every other queue. One that cannot do it is left out
// from then on, and said to be.
func (d *jobDrill) others(ctx context.Context, round int) error {
	for _, r := range d.rivals {
		if r.absent != "" {
			continue
		}
		ran, err := d.other(ctx, r.queue)
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case err != nil:
			r.absent = err.Error()
		case ran.Absent != "":
			r.absent = ran.Absent
		default:
			r.version, r.how = ran.Version, ran.How
			r.perSecond = append(r.perSecond, float64(d.plan.Jobs)/ran.Took.Seconds())
		}
		if r.absent != "" {
			_, err = fmt.Fprintf(d.out, "left out: %s\n", r.absent)
		} else {
			_, err = fmt.Fprintf(d.out, "round %d, %s: %.0f tasks/s\n", round, r.version, r.perSecond[round-1])
		}
		if err != nil {
			return fmt.Errorf("print progress: %w", err)
		}
	}
	return nil
}

func (d *jobDrill) other(ctx context.Context, q peer.Queue) (peer.Ran, error) {
	ctx, cancel := context.WithTimeout(ctx, jobPatience)
	defer cancel()
	ran, err := q.Run(ctx, peer.Load{URL: d.redis.URL(), Tasks: d.plan.Jobs, Callers: d.plan.Callers, Slots: d.plan.Slots})
	if err == nil && ran.Absent == "" && ran.Took <= 0 {
		err = fmt.Errorf("%s says that it ran %d tasks within %s", q.Name, d.plan.Jobs, ran.Took.Round(time.Millisecond))
	}
	return ran, err
}

// against returns a figure for each of the other queues that was measured: the
// same jobs as in ours, beside its tasks.
func (d *jobDrill) against(ours Figure, load string) (figures []Figure) {
	for _, r := range d.rivals {
		if r.absent != "" {
			continue
		}
		theirs := median(r.perSecond)
		f := ours
		f.Name += "-" + strings.ToLower(r.queue.Name)
		f.Note = fmt.Sprintf("%s, without records, did %.0f/s: %s; %s", r.version, theirs, r.how, load)
		figures = append(figures, Against(f, r.version, theirs, false))
	}
	return figures
}

// leftOut tells of the queues that were not measured.
func (d *jobDrill) leftOut() string {
	var b strings.Builder
	for _, r := range d.rivals {
		if r.absent != "" {
			b.WriteString("; without " + r.absent)
		}
	}
	return b.String()
}
