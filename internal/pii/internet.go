package pii

import (
	"net/netip"
	"strings"
)

// ip4Parts looks at addresses with ports, and at lists of addresses, of which all
// have to be some.
func ip4Parts(s string) forms {
	f, n := ip4Form|ip4High, 0
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		host, port, ok := strings.Cut(part, ":")
		if ok && (len(port) == 0 || len(port) > 5) {
			return 0
		}
		f &= ip4Forms(host)
		n++
	}
	if n == 0 {
		return 0
	}
	return f
}

func ip4Forms(s string) forms {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return 0
	}
	// Numbers of versions are small.
	const small = 30
	b := a.As4()
	if b[0] == 0 {
		return 0
	}
	if b[0] >= small || b[1] >= small && (b[2] >= small || b[3] >= small) || b[0] == 10 && (b[1] == 0 || b[2] >= small || b[3] >= small) {
		return ip4Form | ip4High
	}
	return ip4Form
}

func ip6Forms(s string) forms {
	const longest = 45
	if len(s) > longest {
		return 0
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Is6() && s != "::" {
		return ip6Form
	}
	return 0
}
