package peer

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed *.py
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

// Scripts are the peers' scripts in a folder, for one Python.
type Scripts struct {
	python string // empty: there is none
	dir    string
}

// Install writes the scripts to a new folder below dir, for the Python of that
// path, or without one for Debian's or else the first on PATH.
func Install(dir, python string) (Scripts, error) {
	dir, err := os.MkdirTemp(dir, "peer-*")
	if err != nil {
		return Scripts{}, fmt.Errorf("write the peers' scripts: %w", err)
	}
	names, err := fs.Glob(scripts, "*.py")
	if err != nil {
		return Scripts{}, fmt.Errorf("write the peers' scripts: %w", err)
	}
	for _, name := range names {
		text, err := scripts.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			return Scripts{}, fmt.Errorf("write the peers' scripts: %w", err)
		}
	}
	s := Scripts{dir: dir}
	try := []string{"/usr/bin/python3", "python3"}
	if python != "" {
		try = []string{python}
	}
	for _, p := range try {
		if found, err := exec.LookPath(p); err == nil {
			s.python = found
			break
		}
	}
	if s.python == "" && python != "" {
		return Scripts{}, fmt.Errorf("find the Python of the peers: %s is no program", python)
	}
	return s, nil
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
		side.command = []string{s.python, filepath.Join(s.dir, "side_"+script+".py")}
	}
	return side
}

const stopWithin = 10 * time.Second

// Run has the side do the trial. Threads that wait do not spin, in any library
// that listens to OpenMP's variables.
func (s Side) Run(ctx context.Context, t Trial) (Outcome, error) {
	if len(s.command) == 0 {
		return Outcome{Absent: s.Name + ": install python3"}, nil
	}
	t.Quantized = s.Quantized
	input, err := json.Marshal(t)
	if err != nil {
		return Outcome{}, fmt.Errorf("run %s: %w", s.Name, err)
	}
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...) //nolint:gosec // our own scripts and program
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &said
	cmd.WaitDelay = stopWithin
	threads := strconv.Itoa(t.Threads)
	cmd.Env = append(os.Environ(), "OMP_WAIT_POLICY=passive", "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads,
		"GOMAXPROCS="+threads, "PYTHONDONTWRITEBYTECODE=1")
	if err := cmd.Run(); err != nil {
		return Outcome{}, fmt.Errorf("run %s: %w: %s", s.Name, errors.Join(err, ctx.Err()), lastLines(said.String()))
	}
	var o Outcome
	if err := json.Unmarshal(out.Bytes(), &o); err != nil {
		return Outcome{}, fmt.Errorf("read what %s measured: %w: %s", s.Name, err, lastLines(said.String()))
	}
	return o, nil
}

// lastLines returns the end of what a process said, where the reason is.
func lastLines(s string) string {
	const most = 3
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "; ")
}
