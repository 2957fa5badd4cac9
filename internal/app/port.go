//go:build !chaos

package app

import (
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// fileClient is how a process reaches the files.
type fileClient = blob.Client

// ports are where a process meets its parts and its clock. Built with the tag
// chaos they can be broken, see internal/drill/failpoint; here nothing stands
// between.
type ports struct{}

func openPorts() (ports, error) { return ports{}, nil }

func (ports) store(d store.Driver) store.Driver { return d }
func (ports) queue(q job.Queue) job.Queue       { return q }
func (ports) files(c *blob.Client) *fileClient  { return c }

// environ are variables for the processes of jobs.
func (ports) environ() []string { return nil }

func (ports) now() time.Time { return time.Now() }
