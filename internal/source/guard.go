package source

import (
	"fmt"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// guard decides what may be connected to: public addresses and the networks of
// the configuration, on its ports.
type guard struct{ addresses *ssrf.Guardian }

func newGuard(c Config) guard {
	var v4, v6 []netip.Prefix
	for _, n := range c.Networks {
		if n.Addr().Is4() {
			v4 = append(v4, n)
		} else {
			v6 = append(v6, n)
		}
	}
	return guard{ssrf.New(ssrf.WithPorts(c.Ports...), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))}
}

// control is what a dialer asks before it connects to an address, after names
// have been resolved.
func (g guard) control(network, address string, c syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ssrf.ErrInvalidHostPort, err)
	}
	if at.Addr().Zone() != "" { // no network contains an address with a zone
		return fmt.Errorf("an address with a zone: %w", ssrf.ErrProhibitedIP)
	}
	return g.addresses.Safe(network, address, c) //nolint:wrapcheck // it says all
}

// safe reports whether the address may be connected to.
func (g guard) safe(at netip.AddrPort) bool {
	network := "tcp6"
	if at.Addr().Is4() {
		network = "tcp4"
	}
	return g.control(network, at.String(), nil) == nil
}
