package app

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/narrativeml/narrative/internal/drill/chaos"
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
