package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/store/mongowire"
	"github.com/narrativeml/narrative/internal/telemetry"
)

// PartsFile is the file in the data folder that holds, while Parts runs, the
// variables that tell the other processes where the parts are.
const PartsFile = "parts.env"

// Parts serves Redis, S3 and records on loopback, for separate processes on
// one machine, until ctx ends. It prints where
// PartsFile is, which holds the variables that the processes need.
func Parts(ctx context.Context, c config.Config, program Program) (err error) {
	logger, err := telemetry.NewLogger(program.Stderr, c.Logging.Level, c.Logging.Format)
	if err != nil {
		return err
	}
	p, c, err := startParts(ctx, c, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop(ctx)) }()
	file := filepath.Join(p.folder.Path(), PartsFile)
	records, err := p.serveRecords(ctx, c, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.stop(ctx)) }()
	variables := []string{
		"NARRATIVE_MONGODB_URI=mongodb://" + records.addr + "/?directConnection=true",
		"NARRATIVE_MONGODB_DATABASE=" + c.Store.Database,
		"NARRATIVE_REDIS_URL=" + c.Redis.URL.Reveal(),
		"NARRATIVE_S3_ENDPOINT=" + c.S3.Endpoint,
		"NARRATIVE_S3_PATH_STYLE=true",
		"NARRATIVE_S3_REGION=" + c.S3.Region,
		"NARRATIVE_S3_BUCKET=" + c.S3.Bucket,
		"NARRATIVE_S3_ACCESS_KEY_ID=" + c.S3.AccessKeyID,
		"NARRATIVE_S3_SECRET_ACCESS_KEY=" + c.S3.SecretAccessKey.Reveal(),
	}
	if err := writePrivate(file, strings.Join(variables, "\n")+"\n"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	logger.InfoContext(ctx, "parts are up", "variables", file)
	if _, err := fmt.Fprintf(program.Stdout, "parts are up; to use them from a shell:\n  set -a; . %s; set +a\n", file); err != nil {
		return fmt.Errorf("print where the parts are: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-p.failed():
		return errFilesEnded
	case err := <-records.ended:
		return fmt.Errorf("serve records: %w", err)
	}
}

// recordServer serves the embedded store to other processes.
type recordServer struct {
	addr   string
	server *mongowire.Server
	parts  *parts
	ended  chan error
}

// serveRecords starts the server on the address of the last start, when it is
// free, so that processes find it again.
func (p *parts) serveRecords(ctx context.Context, c config.Config, logger *slog.Logger) (*recordServer, error) {
	if p.store == nil {
		return nil, errors.New("a record store was given by NARRATIVE_MONGODB_URI; leave it out to serve one")
	}
	l, err := listenAgain(ctx, filepath.Join(p.folder.Path(), "records.addr"))
	if err != nil {
		return nil, err
	}
	s := &recordServer{
		addr: l.Addr().String(), parts: p, ended: make(chan error, 1),
		server: mongowire.New(p.store, mongowire.Config{Database: c.Store.Database, Logger: logger}),
	}
	serving := context.WithoutCancel(ctx)
	go func() { s.ended <- s.server.Serve(serving, l) }()
	return s, nil
}

func (s *recordServer) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(s.server.Shutdown(ctx), s.parts.store.Close(ctx))
}

// listenAgain listens on the address that the file holds, or on a free one,
// and keeps it in the file.
func listenAgain(ctx context.Context, file string) (net.Listener, error) {
	if last, err := os.ReadFile(file); err == nil { //nolint:gosec // a file of ours in the data folder
		if host, _, err := net.SplitHostPort(string(last)); err == nil && net.ParseIP(host).IsLoopback() {
			if l, err := listen(ctx, string(last)); err == nil {
				return l, nil
			}
		}
	}
	l, err := listen(ctx, loopback)
	if err != nil {
		return nil, err
	}
	return l, writePrivate(file, l.Addr().String())
}

// writePrivate replaces the file as a whole; only its owner may read it.
func writePrivate(file, text string) error {
	const owner = 0o600
	next := file + ".new"
	if err := os.WriteFile(next, []byte(text), owner); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	if err := os.Rename(next, file); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	return nil
}
