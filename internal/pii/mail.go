package pii

import "strings"

func emailForms(s string, h shape) forms {
	if h.at == 1 && h.spaces == 0 && address(s) {
		return emailForm
	}
	if emailWithin(s) {
		return emailInside
	}
	return 0
}

// address reports whether the text is an address of electronic mail.
func address(s string) bool {
	local, domain, _ := strings.Cut(s, "@")
	if local == "" || len(local) > 64 || len(domain) > 253 || local[0] == '.' || local[len(local)-1] == '.' {
		return false
	}
	for i := range len(local) {
		c := local[i]
		if !isDigit(c) && !isLower(c) && !isUpper(c) && c < 0x80 && strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) < 0 {
			return false
		}
	}
	at := strings.LastIndexByte(domain, '.')
	if at < 1 || len(domain)-at-1 < 2 {
		return false
	}
	for i := range len(domain) {
		c := domain[i]
		if !isDigit(c) && !isLower(c) && !isUpper(c) && c != '-' && c != '.' && c < 0x80 {
			return false
		}
		if i > at && !isLower(c) && !isUpper(c) && c < 0x80 {
			return false
		}
	}
	return domain[0] != '-' && !strings.Contains(domain, "..")
}

// emailWithin reports whether a word of the text is an address.
func emailWithin(s string) bool {
	for {
		at := strings.IndexByte(s, '@')
		if at < 0 {
			return false
		}
		from, to := at, at+1
		for from > 0 && ofAddress(s[from-1]) {
			from--
		}
		for to < len(s) && ofAddress(s[to]) {
			to++
		}
		if address(strings.Trim(s[from:to], ".-'")) {
			return true
		}
		s = s[at+1:]
	}
}

func ofAddress(c byte) bool {
	return isDigit(c) || isLower(c) || isUpper(c) || c == '.' || c == '-' || c == '_' || c == '+' || c == '%' || c >= 0x80
}
