package child

import (
	"errors"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// pack makes what is handed over of an error.
func pack(err error) *failure {
	if err == nil {
		return nil
	}
	if asks, ok := errors.AsType[*job.FanOutError](err); ok {
		packed, failed := packFan(asks.Fan)
		if failed != nil {
			return pack(failed)
		}
		return &failure{Verdict: verdictFanOut, Text: err.Error(), Fan: packed}
	}
	f := &failure{Text: err.Error()}
	if e, ok := fault.As(err); ok {
		f.Class, f.Code, f.Message, f.Fields = fault.ClassOf(e), e.Code, e.Message, e.Fields
	}
	snooze, snoozed := errors.AsType[*job.SnoozeError](err)
	_, permanent := errors.AsType[*job.PermanentError](err)
	switch {
	case errors.Is(err, job.Drained):
		f.Verdict = verdictDrained
	case snoozed:
		f.Verdict, f.For, f.Code, f.Message = verdictSnooze, snooze.For, snooze.Code, snooze.Message
	case permanent:
		f.Verdict = verdictPermanent
	case errors.Is(err, store.ErrNotFound):
		f.Verdict = verdictMissing
	}
	return f
}

// unpack makes an error again that means the same to whoever asks.
func (f *failure) unpack() error {
	if f == nil {
		return nil
	}
	err := errors.New(f.Text)
	if f.Class != "" {
		err = &fault.Error{Class: f.Class, Code: f.Code, Message: f.Message, Fields: f.Fields, Err: err}
	}
	switch f.Verdict {
	case verdictDrained:
		return job.Drained
	case verdictFanOut:
		return f.Fan.unpack()
	case verdictSnooze:
		return job.Snooze(f.For, f.Code, "%s", f.Message)
	case verdictPermanent:
		return job.Permanent(err)
	case verdictMissing:
		return store.ErrNotFound
	default:
		return err
	}
}
