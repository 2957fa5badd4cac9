// Command narrative is every process of Narrative and its command line.
package main

import (
	"context"
	"io"
	"os"

	"github.com/narrativeml/narrative/internal/app"
	"github.com/narrativeml/narrative/internal/cli"
	"github.com/narrativeml/narrative/internal/config"
)

// version is set when the program is built.
var version = "dev"

func main() {
	program := app.Program{Version: version, Stdout: os.Stdout, Stderr: os.Stderr}
	serve := func(run func(context.Context, config.Config, app.Program) error) cli.Serve {
		return func(ctx context.Context, c config.Config) error { return run(ctx, c, program) }
	}
	bench := func(ctx context.Context, m cli.Measurement, out io.Writer) error {
		return app.Bench(ctx, app.Measurement(m), out)
	}
	chaos := func(ctx context.Context, d cli.Disturbance, out io.Writer) error {
		return app.Chaos(ctx, app.Disturbance(d), out)
	}
	os.Exit(cli.Main(cli.NewRoot(cli.Servers{
		Dev: serve(app.Dev), Demo: serve(app.Demo), Walk: serve(app.Walk), Parts: serve(app.Parts),
		API: serve(app.API), Worker: serve(app.Worker), Scheduler: serve(app.Scheduler),
		RunJob: func(ctx context.Context) error { return app.RunJob(ctx, program) },
		Bench:  bench, BenchTrial: app.BenchTrial, Chaos: chaos, Version: version,
		Transformations: app.Transformations, DrillUpload: app.DrillUpload,
	})))
}
