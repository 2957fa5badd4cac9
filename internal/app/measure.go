package app

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/narrativeml/narrative/internal/drill"
	"github.com/narrativeml/narrative/internal/drill/peer"
)

// Measurement says what is measured; see drill.
type Measurement struct {
	Area   string // or all
	Size   string
	Python string // that runs peers
	Node   string // likewise
	File   string // that the figures are merged into
}

// Bench measures, prints the figures and merges them into the file. This
// program is started for it as a user would.
func Bench(ctx context.Context, m Measurement, out io.Writer) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	learners := drill.MLPlan{Program: []string{program, "bench-trial"}, Python: m.Python, Size: m.Size}
	jobs := drill.JobPlan{Peers: peer.Programs{Python: m.Python, Node: m.Node}, Workers: &drill.WorkerPlan{Program: program}}
	tables := drill.DataPlan{Start: drill.StartDev(program), Size: m.Size, Peers: peer.Programs{Python: m.Python, Node: m.Node}}
	areas := []drill.Area{drill.MLArea(learners), drill.JobsArea(jobs), drill.DataArea(tables)}
	return drill.Run(ctx, areas, m.Area, m.File, out)
}

// BenchTrial plays our side of a comparison of learners, in a process that
// Bench started.
func BenchTrial(ctx context.Context, in io.Reader, out io.Writer) error {
	return drill.PlayTrial(ctx, in, out)
}
