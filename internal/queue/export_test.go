package queue

import (
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
)

// Parse is how a task is read.
var Parse = parse

// TaskID is the name of a delivery's task.
func (d Delivery) TaskID() string { return d.taskID() }

// Share is how slots are divided among fetchers.
var Share = share

// NewLogger is what asynq writes to.
func NewLogger(l *slog.Logger, now func() time.Time) asynq.Logger { return newLogger(l, now) }
