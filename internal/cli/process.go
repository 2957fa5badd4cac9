package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/demo"
	"github.com/narrativeml/narrative/internal/terminal"
)

// demoCommand takes a data set from a file to predictions.
func demoCommand(s Servers) *cobra.Command {
	return shownCommand(s, "demo", "Take a real data set from a file to predictions, and leave", s.Demo, demo.Run)
}

// walkCommand takes messy data sets through the first stages.
func walkCommand(s Servers) *cobra.Command {
	return shownCommand(s, "walk", "Take three messy real data sets through the first four stages of the workflow, and leave", s.Walk, demo.Walk)
}

// shownCommand starts everything for itself, or uses a server that runs.
func shownCommand(s Servers, use, short string, serve Serve, run func(context.Context, demo.Options) error) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use: use, Short: short, GroupID: "start",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url != "" {
				return run(cmd.Context(), demo.Options{
					BaseURL: url, Token: config.LoadClient(s.Environ).Token,
					Out: cmd.OutOrStdout(), Terminal: terminal.Is(cmd.OutOrStdout()),
				})
			}
			c, err := load(cmd, config.RoleDev, s.Environ)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c)
		},
	}
	config.Register(cmd.Flags(), config.RoleDev)
	cmd.Flags().StringVar(&url, "url", "", "use the server at this address instead of starting one")
	return cmd
}

func configCommand(environ []string) *cobra.Command {
	role := string(config.RoleDev)
	var asJSON bool
	roles := []string{string(config.RoleAPI), string(config.RoleWorker), string(config.RoleScheduler), string(config.RoleDev), string(config.RoleParts)}
	cmd := &cobra.Command{
		Use: "config", Short: "Show the settings in force, without secrets", GroupID: "start", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(roles, role) {
				return usage("--role is %q; write one of %q", role, roles)
			}
			c, err := load(cmd, config.Role(role), environ)
			if err != nil {
				return err
			}
			entries := c.Entries()
			if asJSON {
				return writeEntries(cmd, entries)
			}
			rows := make([][]string, len(entries))
			for i, e := range entries {
				rows[i] = []string{e.Path, e.Value, e.Origin}
			}
			return terminal.Table(cmd.OutOrStdout(), []string{"setting", "value", "from"}, rows)
		},
	}
	config.Register(cmd.Flags(), config.RoleDev)
	cmd.Flags().StringVar(&role, "role", role, "the process: api, worker, scheduler, dev or parts")
	cmd.Flags().BoolVar(&asJSON, "json", false, "answer in JSON")
	return cmd
}

func writeEntries(cmd *cobra.Command, entries []config.Entry) error {
	type shown struct {
		Setting string `json:"setting"`
		Value   string `json:"value"`
		Origin  string `json:"origin"`
	}
	all := make([]shown, len(entries))
	for i, e := range entries {
		all[i] = shown{e.Path, e.Value, e.Origin}
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}

func benchCommand(s Servers) *cobra.Command {
	m := Measurement{File: "build/bench.json", Size: "full"}
	cmd := &cobra.Command{
		Use: "bench AREA", Short: "Measure ml, jobs, data, pii or all", Hidden: true,
		Args:      args(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		ValidArgs: []string{"ml", "jobs", "data", "pii", "all"},
		RunE: func(cmd *cobra.Command, args []string) error {
			m.Area = args[0]
			if m.Python == "" {
				m.Python = config.BenchPython(s.Environ)
			}
			return s.Bench(cmd.Context(), m, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&m.File, "out", m.File, "the file that the figures are merged into")
	cmd.Flags().StringVar(&m.Size, "size", m.Size, "how much of ml is measured: tiny, small, contest (full without the growth tables), growth (those alone) or full")
	cmd.Flags().StringVar(&m.Python, "python", "", "the Python that runs peers (default NARRATIVE_BENCH_PYTHON, or the system's)")
	cmd.Flags().StringVar(&m.Node, "node", "", "the Node.js that runs a peer of jobs (default the one on PATH)")
	return cmd
}

func trialCommand(s Servers) *cobra.Command {
	return &cobra.Command{
		Use: "bench-trial", Short: "Play our side of a comparison", Hidden: true,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.BenchTrial(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

func chaosCommand(s Servers) *cobra.Command {
	d := Disturbance{Jobs: 1000, Seed: 1, Dir: "build/chaos"}
	cmd := &cobra.Command{
		Use: "chaos", Short: "Hurt a platform, and see whether its jobs survive", Hidden: true,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if d.Jobs < 1 || d.Tagged == "" {
				return usage("--jobs is %d and --tagged is %q; ask for at least one job, and name the program that was built with the tag chaos", d.Jobs, d.Tagged)
			}
			return s.Chaos(cmd.Context(), d, cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&d.Jobs, "jobs", d.Jobs, "how many jobs are submitted")
	cmd.Flags().Uint64Var(&d.Seed, "seed", d.Seed, "decides jobs and faults")
	cmd.Flags().StringVar(&d.Tagged, "tagged", d.Tagged, "this program, built with the tag chaos")
	cmd.Flags().StringSliceVar(&d.Stages, "stages", nil, "main, starved, points, outages, disks, redone, rows or switches, joined by commas; all when empty")
	cmd.Flags().StringVar(&d.Dir, "dir", d.Dir, "the folder that takes histories and logs")
	return cmd
}

func drillUploadCommand(s Servers) *cobra.Command {
	size, seed := "1GiB", uint64(1)
	cmd := &cobra.Command{
		Use: "drill-upload", Short: "Upload a large file, cut the connection and kill the API on the way, and compare checksums", Hidden: true,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			bytes, err := config.ParseSize(size)
			if err != nil || bytes < 1 {
				return usage("--size is %q; write a size such as 1GiB", size)
			}
			return s.DrillUpload(cmd.Context(), bytes, seed, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&size, "size", size, "how large the file is")
	cmd.Flags().Uint64Var(&seed, "seed", seed, "decides what is in the file")
	return cmd
}

func jobCommand(run func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: "run-job", Short: "Run one job; a worker starts it", Hidden: true,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context()) },
	}
}
