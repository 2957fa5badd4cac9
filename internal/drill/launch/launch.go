package launch

import (
	"context"
	"fmt"
	"net"
	"time"
)

const (
	within    = 60 * time.Second
	lookEvery = 50 * time.Millisecond
)

// Address returns an address on loopback where nobody listens.
func Address(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// Until calls ask until it returns no error, for a minute; then it returns the
// last one.
func Until(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
