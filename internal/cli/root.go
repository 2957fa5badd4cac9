package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/config"
)

// The exit codes.
const (
	ExitOK           = 0
	ExitFailure      = 1
	ExitUsage        = 2 // of a command or of the configuration
	ExitJobFailed    = 3 // or was cancelled
	ExitNotFound     = 4
	ExitUnauthorized = 5
	ExitUnreachable  = 6
	ExitInterrupted  = 130
)

// Serve runs a process until the context ends.
type Serve func(ctx context.Context, c config.Config) error

// Measurement says what is measured and how much of it.
type Measurement struct {
	Area   string // ml, jobs, data, pii or all
	Size   string // of ml
	Python string // that runs peers of ml and jobs; empty: the system's
	Node   string // that runs a peer of jobs; empty: the one on PATH
	File   string // that the figures are merged into
}

// Disturbance says how a platform is hurt.
type Disturbance struct {
	Jobs   int
	Seed   uint64
	Tagged string // the program, built with the tag chaos
	Dir    string // that takes histories and logs
	Stages []string
}

// Servers are the processes that the commands start.
type Servers struct {
	Dev       Serve
	Demo      Serve
	Walk      Serve
	Parts     Serve
	API       Serve
	Worker    Serve
	Scheduler Serve

	// Bench measures and merges the figures into the file; nil: there is no such
	// command. BenchTrial is what it starts in processes of their own.
	Bench      func(ctx context.Context, m Measurement, out io.Writer) error
	BenchTrial func(ctx context.Context, in io.Reader, out io.Writer) error

	// Chaos hurts a platform of its own and says whether jobs survived; nil: there
	// is no such command.
	Chaos func(ctx context.Context, d Disturbance, out io.Writer) error

	// DrillUpload sends a file of that many bytes to a platform of its own, hurts
	// it on the way, and says whether the file arrived; nil: there is no such command.
	DrillUpload func(ctx context.Context, size int64, seed uint64, out io.Writer) error

	// RunJob runs one job, in a process that a worker started for it; nil: there
	// is no such command.
	RunJob func(ctx context.Context) error

	// Transformations returns the vocabulary of recipes, to be encoded as JSON; nil:
	// there is no such command.
	Transformations func() any

	Environ []string // nil: that of the process
	Version string
}

// usageError is a mistake in how a command was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// NewRoot returns the command narrative.
func NewRoot(s Servers) *cobra.Command {
	if s.Environ == nil {
		s.Environ = os.Environ()
	}
	root := &cobra.Command{
		Use:   "narrative",
		Short: "Turn a table into a model, as durable jobs",
		Long: `Narrative turns a table into a model, as durable jobs.

narrative demo shows the whole way on real data; narrative dev starts
everything in one process. The client commands talk to the server at
NARRATIVE_URL (default http://127.0.0.1:8080) with the bearer token
NARRATIVE_TOKEN.

Exit codes: 0 done, 1 failure, 2 wrong usage or configuration, 3 the job
failed or was cancelled, 4 not found, 5 not authorised, 6 the server cannot be
reached, 130 interrupted.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       s.Version,
		Args:          args(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddGroup(&cobra.Group{ID: "start", Title: "Start:"}, &cobra.Group{ID: "client", Title: "Use:"})

	start := func(use, short string, role config.Role, serve Serve) {
		if serve == nil {
			return
		}
		cmd := process(use, short, role, serve, s.Environ)
		cmd.GroupID = "start"
		root.AddCommand(cmd)
	}
	start("dev", "Everything in one process, at http://127.0.0.1:8080", config.RoleDev, s.Dev)
	start("parts", "Redis, S3 and records on loopback, for separate processes", config.RoleParts, s.Parts)
	start("api", "The process that accepts requests", config.RoleAPI, s.API)
	start("worker", "The process that runs jobs", config.RoleWorker, s.Worker)
	start("scheduler", "The process that looks after the rest", config.RoleScheduler, s.Scheduler)
	if s.Demo != nil {
		root.AddCommand(demoCommand(s))
	}
	if s.Walk != nil {
		root.AddCommand(walkCommand(s))
	}
	root.AddCommand(configCommand(s.Environ))
	if s.Bench != nil {
		root.AddCommand(benchCommand(s), trialCommand(s))
	}
	if s.Chaos != nil {
		root.AddCommand(chaosCommand(s))
	}
	if s.DrillUpload != nil {
		root.AddCommand(drillUploadCommand(s))
	}
	if s.Transformations != nil {
		root.AddCommand(transformationsCommand(s.Transformations))
	}
	if s.RunJob != nil {
		root.AddCommand(jobCommand(s.RunJob))
	}
	for _, command := range []func(*session) *cobra.Command{
		uploadCommand, importCommand, sniffCommand, profileCommand, schemaCommand, chartCommand, trainCommand, tuneCommand, predictCommand, cleanupCommand, batchCommand,
		watchCommand, logsCommand, historyCommand, downloadCommand, listCommand, showCommand, cancelCommand, retryCommand, priorityCommand,
		queueCommand, tenantCommand, deadLettersCommand, schedulesCommand, healthCommand, workersCommand,
		recipeCommand, versionCommand, workflowCommand, piiCommand, auditCommand,
	} {
		session := &session{environ: s.Environ}
		cmd := command(session)
		cmd.GroupID = "client"
		session.flags(cmd)
		root.AddCommand(cmd)
	}
	return root
}

// NewWorker returns the command of a program that is a worker; runJob runs one
// job in a process that the worker started for it.
func NewWorker(serve Serve, runJob func(ctx context.Context) error, version string) *cobra.Command {
	cmd := NewProcess(config.RoleWorker, serve, version)
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.AddCommand(jobCommand(runJob))
	return cmd
}

// NewProcess returns the command of a program that is one process.
func NewProcess(role config.Role, serve Serve, version string) *cobra.Command {
	cmd := process(string(role), "The "+string(role)+" of Narrative", role, serve, os.Environ())
	cmd.Version = version
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	return cmd
}

func process(use, short string, role config.Role, serve Serve, environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd, role, environ)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c)
		},
	}
	config.Register(cmd.Flags(), role)
	return cmd
}

func load(cmd *cobra.Command, role config.Role, environ []string) (config.Config, error) {
	return config.Load(role, config.Source{Flags: cmd.Flags(), Environ: environ, ReadFile: os.ReadFile})
}

// args makes a wrong number of arguments a mistake in usage.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{fmt.Errorf("%w; write %s, or see %s --help", err, cmd.UseLine(), cmd.CommandPath())}
		}
		return nil
	}
}

// Main runs the command with the arguments of the program until it ends or a
// signal comes, and returns the exit code.
func Main(cmd *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, cmd)
}

// Run runs the command, tells its error on the command's standard error, and
// returns the exit code.
func Run(ctx context.Context, cmd *cobra.Command) int {
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	code := Code(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		code = ExitInterrupted
	}
	if code != ExitInterrupted {
		cmd.PrintErrln("narrative: " + err.Error())
	}
	return code
}

// Code is the exit code of an error.
func Code(err error) int {
	if err == nil {
		return ExitOK
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		switch e.Status {
		case http.StatusNotFound:
			return ExitNotFound
		case http.StatusUnauthorized, http.StatusForbidden:
			return ExitUnauthorized
		default:
			return ExitFailure
		}
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return ExitUsage
	}
	if _, ok := errors.AsType[config.MistakesError](err); ok {
		return ExitUsage
	}
	if _, ok := errors.AsType[*client.JobError](err); ok {
		return ExitJobFailed
	}
	if _, ok := errors.AsType[*client.UnreachableError](err); ok {
		return ExitUnreachable
	}
	return ExitFailure
}
