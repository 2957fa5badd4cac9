// Command scheduler is the scheduler process of Narrative.
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
	os.Exit(cli.Main(cli.NewProcess(config.RoleScheduler, func(ctx context.Context, c config.Config) error {
		return app.Scheduler(ctx, c, program)
	}, version)))
}
