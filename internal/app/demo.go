package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/demo"
	"github.com/narrativeml/narrative/internal/terminal"
)

// Demo starts everything in one process on a folder of its own, drives the
// main job over the public API, and stops. What it printed is all it leaves.
func Demo(ctx context.Context, c config.Config, program Program) error {
	return shown(ctx, c, program, demo.Run)
}

// Walk is Demo for the first stages of messy data sets.
func Walk(ctx context.Context, c config.Config, program Program) error {
	return shown(ctx, c, program, demo.Walk)
}

func shown(ctx context.Context, c config.Config, program Program, run func(context.Context, demo.Options) error) (err error) {
	dir, err := os.MkdirTemp("", "narrative-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c.Dev.DataDir = dir
	l, err := listen(ctx, loopback)
	if err != nil {
		return err
	}
	// The log would tear the progress bars apart; it is shown if something
	// goes wrong.
	log := &tail{limit: tailBytes}
	stderr := program.Stderr
	program.Stderr = log

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	up := make(chan string, 1)
	ended := make(chan error, 1)
	go func() { ended <- dev(ctx, c, program, l, func(url string) { up <- url }) }()
	var result error
	select {
	case url := <-up:
		result = run(ctx, demo.Options{BaseURL: url, Out: program.Stdout, Terminal: terminal.Is(program.Stdout)})
		stop()
		result = errors.Join(result, <-ended)
	case result = <-ended:
	}
	if result == nil {
		_, result = fmt.Fprintln(program.Stdout, "To stay and look around: make run, then http://127.0.0.1:8080/docs")
	}
	if result != nil {
		fmt.Fprintf(stderr, "the end of the log:\n%s\n", log.text()) //nolint:errcheck // nobody is left to be told
	}
	return result
}

// tailBytes is how much of the log a failed demo shows.
const tailBytes = 16 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mu    sync.Mutex
	limit int
	kept  []byte
}

var _ io.Writer = (*tail)(nil)

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		if i := bytes.IndexByte(t.kept, '\n'); i >= 0 {
			t.kept = append(t.kept[:0], t.kept[i+1:]...)
		}
	}
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
