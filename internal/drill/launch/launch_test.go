package launch_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"github.com/narrativeml/narrative/internal/drill/launch"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	addr, err := launch.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !net.ParseIP(host).IsLoopback() || port == "0" {
		t.Errorf("the address is %s, %v", addr, err)
	}
}

func TestUntil(t *testing.T) {
	t.Parallel()
	no := errors.New("not yet")
	for name, c := range map[string]struct {
		fails  int
		cancel bool
		want   error
	}{
		"at once":      {},
		"at the third": {fails: 2},
		"never":        {fails: 1 << 30, want: no},
		"nobody waits": {fails: 1 << 30, cancel: true, want: no},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				asked := 0
				err := launch.Until(ctx, func() error {
					if asked++; asked > c.fails {
						return nil
					}
					if c.cancel {
						cancel()
					}
					return no
				})
				if !errors.Is(err, c.want) || c.want == nil && asked != c.fails+1 {
					t.Errorf("asked %d times: %v", asked, err)
				}
			})
		})
	}
}
