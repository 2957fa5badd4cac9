// Command worker is the worker process of Narrative.
package main

import (
	"context"
	"os"

	"github.com/narrativeml/narrative/internal/app"
	"github.com/narrativeml/narrative/internal/cli"
	"github.com/narrativeml/narrative/internal/config"
)

// version is set when the program is built.
var version = "dev"

func main() {
	program := app.Program{Version: version, Stdout: os.Stdout, Stderr: os.Stderr}
	serve := func(ctx context.Context, c config.Config) error { return app.Worker(ctx, c, program) }
	runJob := func(ctx context.Context) error { return app.RunJob(ctx, program) }
	os.Exit(cli.Main(cli.NewWorker(serve, runJob, version)))
}
