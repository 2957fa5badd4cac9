package ml

import (
	"runtime"

	"github.com/narrativeml/narrative/ml/frame"
)

// MaxThreads is the most goroutines that compute at a time: each takes memory of
// its own, and no machine runs more.
const MaxThreads = 1024

// Options are what every Train takes besides its parameters. The zero value
// works. Nothing in them but Validation changes the model.
type Options struct {
	Recorder   Recorder    // takes progress; nil means Discard
	Threads    int         // goroutines that compute at a time; 0 means GOMAXPROCS, more than MaxThreads count as that
	Validation *Validation // rows for early stopping; nil means none

	// Checkpoint keeps finished parts of the call, so that a later call with the
	// same input goes on where this one stopped and gives the same model; nil
	// means none. Algorithms that take no time keep nothing.
	Checkpoint Checkpoint
	// CheckpointEvery is the number of rounds or trees between two parts; 0 means
	// 10. A call with no more than that keeps nothing.
	CheckpointEvery int
}

// Interval returns the number of rounds or trees between two parts that are
// kept, at least 1.
func (o Options) Interval() int {
	if o.CheckpointEvery > 0 {
		return o.CheckpointEvery
	}
	return 10
}

// Validation is a table kept out of training, that an algorithm may measure
// itself on to know when to stop. X has at least the columns of the training
// table, by name and type.
type Validation struct {
	X *frame.Frame
	Y Target
}

// Workers returns the number of goroutines to compute with, 1 to MaxThreads.
func (o Options) Workers() int {
	if o.Threads > 0 {
		return min(o.Threads, MaxThreads)
	}
	return min(runtime.GOMAXPROCS(0), MaxThreads)
}

// Record passes progress on to the Recorder, if there is one.
func (o Options) Record(p Progress) {
	if o.Recorder != nil {
		o.Recorder.Record(p)
	}
}
