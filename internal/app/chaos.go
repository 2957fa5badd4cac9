package app

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/narrativeml/narrative/internal/drill/chaos"
	"github.com/narrativeml/narrative/internal/drill/resume"
)

// Disturbance says how a chaos run is done; see drill/chaos.
type Disturbance struct {
	Jobs   int
	Seed   uint64
	Tagged string // this program, built with the tag chaos
	Dir    string // that takes histories and logs
	Stages []string
}

// Chaos hurts a platform made of this program by a plan, prints what happened,
// and returns an error when a promise was broken.
func Chaos(ctx context.Context, d Disturbance, out io.Writer) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	_, err = chaos.Start(ctx, chaos.Options{
		Program: program, Tagged: d.Tagged, Dir: d.Dir, Jobs: d.Jobs, Seed: d.Seed, Tier: chaos.TierFor(d.Jobs), Stages: d.Stages, Out: out,
	})
	return err
}

// DrillUpload sends a file of that size to a platform made of this program, cuts
// the connection and kills the API on the way, and returns an error when the file
// did not arrive as it was.
func DrillUpload(ctx context.Context, size int64, seed uint64, out io.Writer) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	_, err = resume.Run(ctx, resume.Options{Program: program, Size: size, Seed: seed, Out: out})
	return err
}
