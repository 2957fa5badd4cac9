package drill

import (
	"context"
	"errors"
	"io"

	"github.com/narrativeml/narrative/internal/drill/generator"
	"github.com/narrativeml/narrative/internal/secret"
)

// Flood runs jobs on a platform of its own, with records in the file.
func Flood(ctx context.Context, path string, redis secret.String, jobs int) error {
	r, err := openDirect(ctx, path)
	if err != nil {
		return err
	}
	p, err := startJobs(r.driver, redis, 2)
	if err != nil {
		return errors.Join(err, r.close(ctx))
	}
	_, _, err = p.flood(ctx, jobs, 2)
	return errors.Join(err, p.stop(ctx), r.close(ctx))
}

// Allowed reads the list of processors from a process's status.
func Allowed(status string) []string { return allowed(status) }

// Bound is the command of the n-th worker on these processors.
func Bound(cores []string, n int, command ...string) []string { return bound(cores, n, command) }

// Fits reports whether the memory allows a hard table of so many rows.
func Fits(rows int, out io.Writer) (bool, error) {
	d := &mlDrill{out: out}
	return d.fits(growthPoint{table: generator.Table{Kind: generator.Hard, Rows: rows}})
}
