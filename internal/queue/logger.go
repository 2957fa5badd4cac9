package queue

import (
	"fmt"
	"log/slog"

	"github.com/hibiken/asynq"
)

// logger passes on what asynq says about itself. What it says about single
// tasks is of use for debugging only: the server tells the same with the job.
type logger struct{ *slog.Logger }

var _ asynq.Logger = logger{}

// Debug implements asynq.Logger.
func (l logger) Debug(args ...any) { l.Logger.Debug("queue detail", "detail", fmt.Sprint(args...)) }

// Info implements asynq.Logger.
func (l logger) Info(args ...any) { l.Logger.Debug("queue detail", "detail", fmt.Sprint(args...)) }

// Warn implements asynq.Logger.
func (l logger) Warn(args ...any) { l.Logger.Debug("queue warning", "detail", fmt.Sprint(args...)) }

// Error implements asynq.Logger.
func (l logger) Error(args ...any) { l.Logger.Warn("queue trouble", "detail", fmt.Sprint(args...)) }

// Fatal implements asynq.Logger.
func (l logger) Fatal(args ...any) { l.Logger.Error("queue failure", "detail", fmt.Sprint(args...)) }
