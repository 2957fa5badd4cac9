package app

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/narrativeml/narrative/internal/drill"
)

// Bench measures the area, or all, prints the figures and merges them into the
// file. This program is started for it as a user would.
func Bench(ctx context.Context, area, file string, out io.Writer) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	areas := []drill.Area{drill.MLArea(), drill.JobsArea(drill.JobPlan{}), drill.DataArea(drill.StartDev(program))}
	return drill.Run(ctx, areas, area, file, out)
}
