//go:build chaos

package app

import (
	"os"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/drill/failpoint"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// fileClient is how a process reaches the files.
type fileClient = failpoint.Files

// ports are where a process meets its parts and its clock, with failpoints.
type ports struct{ switches *failpoint.Switches }

func openPorts() (ports, error) {
	s, err := failpoint.Load(os.Environ())
	return ports{s}, err
}

func (p ports) store(d store.Driver) store.Driver { return failpoint.Store(p.switches, d) }
func (p ports) queue(q job.Queue) job.Queue       { return failpoint.Queue(p.switches, q) }
func (p ports) files(c *blob.Client) *fileClient  { return failpoint.NewFiles(p.switches, c) }

// environ are variables for the processes of jobs.
func (p ports) environ() []string { return p.switches.Environ() }

func (p ports) now() time.Time { return p.switches.Now() }
