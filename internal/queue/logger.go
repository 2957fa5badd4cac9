package queue

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
)

// logger passes on what asynq says about itself. What it says about single
// tasks is of use for debugging only: the server tells the same with the job.
// While Redis is away asynq says so many times a second; of each trouble one
// line in quietFor is a warning, and the others are details.
type logger struct {
	*slog.Logger
	now func() time.Time

	mu   sync.Mutex
	told map[string]*telling // by the trouble
}

// telling is what was said about one trouble.
type telling struct {
	at     time.Time // of the last warning
	hidden int       // how often it was a detail since then
}

const (
	quietFor    = time.Minute
	maxTroubles = 32 // that are told apart
)

var _ asynq.Logger = (*logger)(nil)

func newLogger(l *slog.Logger, now func() time.Time) *logger {
	return &logger{Logger: l, now: now, told: map[string]*telling{}}
}

// Debug implements asynq.Logger.
func (l *logger) Debug(args ...any) { l.Logger.Debug("queue detail", "detail", fmt.Sprint(args...)) }

// Info implements asynq.Logger.
func (l *logger) Info(args ...any) { l.Logger.Debug("queue detail", "detail", fmt.Sprint(args...)) }

// Warn implements asynq.Logger.
func (l *logger) Warn(args ...any) { l.Logger.Debug("queue warning", "detail", fmt.Sprint(args...)) }

// Error implements asynq.Logger.
func (l *logger) Error(args ...any) {
	detail := fmt.Sprint(args...)
	tell, hidden := l.due(detail)
	if !tell {
		l.Logger.Debug("queue trouble", "detail", detail)
		return
	}
	l.Logger.Warn("queue trouble", "detail", detail, "not_shown", hidden)
}

// Fatal implements asynq.Logger.
func (l *logger) Fatal(args ...any) { l.Logger.Error("queue failure", "detail", fmt.Sprint(args...)) }

// due reports whether a trouble is worth a warning, and how many went without
// one since the last. What comes before the first colon tells troubles apart.
func (l *logger) due(detail string) (tell bool, hidden int) {
	trouble, _, _ := strings.Cut(detail, ":")
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.told[trouble]
	if t == nil {
		if len(l.told) >= maxTroubles {
			clear(l.told)
		}
		t = &telling{}
		l.told[trouble] = t
	}
	at := l.now()
	if !t.at.IsZero() && at.Sub(t.at) < quietFor {
		t.hidden++
		return false, 0
	}
	hidden = t.hidden
	t.at, t.hidden = at, 0
	return true, hidden
}
