package peer

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed *.py *.cjs
var scripts embed.FS

// Side is one way to do a trial, in a process of its own.
type Side struct {
	Name      string // of the library
	Quantized bool   // see Trial
	Ours      bool
	command   []string
}

// Program is the side that a program of ours plays, which reads the trial and
// writes the outcome.
func Program(command ...string) Side { return Side{Name: "narrative", Ours: true, command: command} }

// Programs run the scripts.
type Programs struct {
	Python string // empty: Debian's, or else the first on PATH
	Node   string // empty: the first on PATH
}

// Scripts are the peers' scripts in a folder, and what runs them.
type Scripts struct {
	python, node string // empty: there is none
	dir          string
}

// Install writes the scripts to a new folder below dir. A program that is named
// has to be there.
func Install(dir string, p Programs) (Scripts, error) {
	dir, err := os.MkdirTemp(dir, "peer-*")
	if err != nil {
		return Scripts{}, fmt.Errorf("write the peers' scripts: %w", err)
	}
	files, err := scripts.ReadDir(".")
	if err != nil {
		return Scripts{}, fmt.Errorf("write the peers' scripts: %w", err)
	}
	for _, file := range files {
		text, err := scripts.ReadFile(file.Name())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file.Name()), text, 0o600)
		}
		if err != nil {
			return Scripts{}, fmt.Errorf("write the peers' scripts: %w", err)
		}
	}
	s := Scripts{dir: dir}
	if s.python, err = find("Python", p.Python, "/usr/bin/python3", "python3"); err != nil {
		return Scripts{}, err
	}
	if s.node, err = find("Node.js", p.Node, "node"); err != nil {
		return Scripts{}, err
	}
	return s, nil
}

// find returns the path of the program, or, when none is named, that of the
// first which is there, or nothing.
func find(what, named string, others ...string) (string, error) {
	if named != "" {
		others = []string{named}
	}
	for _, name := range others {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	if named != "" {
		return "", fmt.Errorf("find the %s of the peers: %s is no program", what, named)
	}
	return "", nil
}

// Boosters are the peers that boost trees, and LightGBM once more with
// quantized gradients.
func (s Scripts) Boosters() []Side {
	quantized := s.side("LightGBM quantized", "lightgbm")
	quantized.Quantized = true
	return []Side{s.side("LightGBM", "lightgbm"), quantized, s.side("XGBoost", "xgboost"), s.side("scikit-learn", "sklearn")}
}

// Forest is the peer that grows random forests.
func (s Scripts) Forest() Side { return s.side("scikit-learn", "forest") }

func (s Scripts) side(name, script string) Side {
	side := Side{Name: name}
	if s.python != "" {
		side.command = []string{s.python, s.path("side_" + script + ".py")}
	}
	return side
}

func (s Scripts) path(script string) string { return filepath.Join(s.dir, script) }

const stopWithin = 10 * time.Second

// Run has the side do the trial. Threads that wait do not spin, in any library
// that listens to OpenMP's variables.
func (s Side) Run(ctx context.Context, t Trial) (Outcome, error) {
	if len(s.command) == 0 {
		return Outcome{Absent: s.Name + ": install python3"}, nil
	}
	t.Quantized = s.Quantized
	threads := strconv.Itoa(t.Threads)
	var o Outcome
	err := ask(ctx, s.Name, s.command, t, &o, "OMP_WAIT_POLICY=passive", "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads, "GOMAXPROCS="+threads)
	return o, err
}

// ask starts the command, gives it what is to be done and reads what it
// measured.
func ask(ctx context.Context, name string, command []string, task, outcome any, environ ...string) error {
	input, err := json.Marshal(task)
	if err != nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // our own scripts and program
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &said
	cmd.WaitDelay = stopWithin
	cmd.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), environ...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w: %s", name, errors.Join(err, ctx.Err()), lastLines(said.String()))
	}
	if err := json.Unmarshal(out.Bytes(), outcome); err != nil {
		return fmt.Errorf("read what %s measured: %w: %s", name, err, lastLines(said.String()))
	}
	return nil
}

// lastLines returns the end of what a process said, where the reason is.
func lastLines(s string) string {
	const most = 3
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "; ")
}
