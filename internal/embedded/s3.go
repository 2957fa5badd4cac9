package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/debuglogger"
	"github.com/versity/versitygw/embedgw"

	"github.com/narrativeml/narrative/internal/secret"
)

// S3Config says where an embedded S3 gateway keeps its files and listens.
type S3Config struct {
	// Dir is the folder of the objects, their attributes and the credentials;
	// absolute.
	Dir string
	// Addr is the loopback address to listen on; port 0 takes the port of the
	// last start when it is free, else any.
	Addr string
	// Region is the one to sign for; empty means us-east-1.
	Region string
	Logger *slog.Logger
}

// S3 is an embedded S3 gateway over a folder.
type S3 struct {
	config  S3Config
	addr    string
	access  secret.String
	private secret.String
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error // why the gateway ended; read it after ended is closed
}

// Limits of the gateway.
const (
	maxConnections = 1024
	maxRequests    = 512
	maxParts       = 10000
	copyThreshold  = 5 << 30 // bytes; the zero value would refuse every copy
)

// StartS3 starts the gateway and waits until it listens. One process can run
// one gateway at a time, and the gateway changes the process's working
// directory to its folder: use absolute paths everywhere else.
func StartS3(ctx context.Context, c S3Config) (*S3, error) {
	if !filepath.IsAbs(c.Dir) {
		return nil, fmt.Errorf("embedded: the folder %q of S3 is not an absolute path", c.Dir)
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	objects, attributes := filepath.Join(c.Dir, "objects"), filepath.Join(c.Dir, "attributes")
	for _, dir := range []string{objects, attributes} {
		if err := os.MkdirAll(dir, folderMode); err != nil {
			return nil, fmt.Errorf("start s3: %w", err)
		}
	}
	s := &S3{config: c, ended: make(chan struct{})}
	var err error
	if s.access, err = keep(filepath.Join(c.Dir, "access-key-id")); err != nil {
		return nil, fmt.Errorf("start s3: %w", err)
	}
	if s.private, err = keep(filepath.Join(c.Dir, "secret-access-key")); err != nil {
		return nil, fmt.Errorf("start s3: %w", err)
	}
	if s.addr, err = choose(ctx, c.Addr, filepath.Join(c.Dir, "addr")); err != nil {
		return nil, fmt.Errorf("start s3: %w", err)
	}
	// A server that is there already would be taken for the gateway.
	if _, err := listen(ctx, s.addr); err != nil {
		return nil, fmt.Errorf("start s3: %w", err)
	}
	if err := s.start(ctx, objects, attributes); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *S3) start(ctx context.Context, objects, attributes string) error {
	store, err := meta.NewSideCar(attributes)
	if err != nil {
		return fmt.Errorf("start s3: %w", err)
	}
	options := posix.PosixOpts{CopyObjectThreshold: copyThreshold, ForceNoObjLockFile: true}
	options.SetNewDirPerm(folderMode)
	options.SetNewFilePerm(fileMode)
	backend, err := posix.New(objects, store, options)
	if err != nil {
		return fmt.Errorf("start s3: %w", err)
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	go func() {
		defer close(s.ended)
		s.err = embedgw.RunVersityGW(life, backend, &embedgw.Config{
			RootUserAccess: s.access.Reveal(), RootUserSecret: s.private.Reveal(),
			Region: s.config.Region, Ports: []string{s.addr},
			MaxConnections: maxConnections, MaxRequests: maxRequests, MultipartMaxParts: maxParts,
			IAMService: auth.NewIAMServiceSingle(auth.Account{
				Access: s.access.Reveal(), Secret: s.private.Reveal(), Role: auth.RoleAdmin,
			}),
			LogLevel: debuglogger.LevelSilent, Quiet: true, KeepAlive: true, DisableACLs: true,
			// Pages of any origin may send what is signed for them; nothing else is answered.
			CORSAllowOrigin: "*",
		})
	}()
	if err := s.await(ctx); err != nil {
		cancel()
		<-s.ended
		return err
	}
	return nil
}

// await returns when the gateway takes connections.
func (s *S3) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.ended:
			return fmt.Errorf("start s3 on %s: %w", s.addr, errors.Join(s.err, errEnded))
		case <-ctx.Done():
			return fmt.Errorf("start s3 on %s: %w", s.addr, ctx.Err())
		case <-ticker.C:
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
			if err != nil {
				continue
			}
			if err := conn.Close(); err != nil {
				return fmt.Errorf("start s3: %w", err)
			}
			return nil
		}
	}
}

// errEnded means that the gateway stopped without being asked to.
var errEnded = errors.New("embedded: the gateway ended")

// Endpoint returns the URL of the gateway; buckets are in the path.
func (s *S3) Endpoint() string { return "http://" + s.addr }

// Addr returns host and port.
func (s *S3) Addr() string { return s.addr }

// Region returns the region to sign for.
func (s *S3) Region() string { return s.config.Region }

// AccessKeyID returns the name of the one account.
func (s *S3) AccessKeyID() string { return s.access.Reveal() }

// SecretAccessKey returns the key of the one account.
func (s *S3) SecretAccessKey() secret.String { return s.private }

// Done is closed when the gateway has ended, asked or not.
func (s *S3) Done() <-chan struct{} { return s.ended }

// Stop ends the gateway and waits for it.
func (s *S3) Stop(ctx context.Context) error {
	s.cancel()
	select {
	case <-s.ended:
		if s.err != nil {
			return fmt.Errorf("stop s3: %w", s.err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop s3: %w", ctx.Err())
	}
}
