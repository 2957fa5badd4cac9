package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/narrativeml/narrative/internal/secret"
)

const (
	minPeriod   = time.Millisecond
	maxPeriod   = time.Hour
	maxKept     = 36_500 * day
	minSecret   = 32 // bytes
	maxSlots    = 1024
	heartbeats  = 3 // that must be missed before a job is dead
	maxTextSeen = 80
)

// The checks answer with what would be right, or with nothing when all is.

func oneOf(got string, allowed ...string) string {
	if slices.Contains(allowed, got) {
		return ""
	}
	return "write " + strings.Join(allowed[:len(allowed)-1], ", ") + " or " + allowed[len(allowed)-1]
}

func filled(got, want string) string {
	if strings.TrimSpace(got) == "" {
		return want
	}
	return ""
}

func inside(got, low, high int64) string {
	if got < low || got > high {
		return fmt.Sprintf("write a number between %d and %d", low, high)
	}
	return ""
}

func between(got, low, high time.Duration) string {
	if got < low || got > high {
		return fmt.Sprintf("write a period between %s and %s", formatPeriod(low), formatPeriod(high))
	}
	return ""
}

func kept(got time.Duration) string {
	if got == 0 {
		return ""
	}
	return between(got, time.Second, maxKept)
}

func address(got string) string {
	host, port, err := net.SplitHostPort(got)
	n, errPort := strconv.Atoi(port)
	if err != nil || errPort != nil || n < 0 || n > 65535 || strings.ContainsAny(host, " /") {
		return "write host:port, such as 127.0.0.1:8080, or :8080 for every interface"
	}
	return ""
}

// onLoopback reports whether only this machine reaches the address.
func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// scheme accepts an empty text, or a URL with one of the schemes and, but for
// unix, a host.
func scheme(got string, allowed ...string) string {
	if got == "" {
		return ""
	}
	want := "write a URL that begins with " + strings.Join(allowed, ":// or ") + "://"
	if slices.Contains(allowed, "mongodb") {
		// Several hosts with ports are no URL that net/url accepts.
		for _, s := range allowed {
			if rest, ok := strings.CutPrefix(got, s+"://"); ok && rest != "" && rest[0] != '/' {
				return ""
			}
		}
		return want
	}
	u, err := url.Parse(got)
	if err != nil || !slices.Contains(allowed, u.Scheme) || u.Host == "" && u.Scheme != "unix" {
		return want + " and names a host"
	}
	if u.User != nil && (u.Scheme == "http" || u.Scheme == "https") {
		return want + ", without a user and a password"
	}
	return ""
}

func origins(got []string) string {
	for _, o := range got {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return "write origins such as https://app.example.com, without a path, separated by commas; * is not allowed, since requests carry credentials"
		}
	}
	return ""
}

func cronExpression(got string) string {
	// The parser panics at a time zone without a schedule, and ours is UTC.
	if strings.Contains(got, "TZ=") {
		return "write the schedule in UTC, without a time zone"
	}
	if _, err := cron.ParseStandard(got); err != nil {
		return "write minute, hour, day, month and weekday, such as 17 * * * *, or @every 30s"
	}
	return ""
}

func poolNames(got map[string]int) string {
	const want = "write pools and their slots, such as training=2,batch=4; a name has lower-case letters, digits, - and _, and 1 to 1024 slots"
	if len(got) == 0 {
		return want
	}
	name := regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	for pool, slots := range got {
		if !name.MatchString(pool) || slots < 1 || slots > maxSlots {
			return want
		}
	}
	return ""
}

func partSize(got int64) string {
	const low, high = 5 << 20, 5 << 30 // of S3
	if got != 0 && (got < low || got > high) {
		return fmt.Sprintf("write a size between %s and %s, or 0", formatSize(low), formatSize(high))
	}
	return ""
}

func memoryBudget(got int64) string {
	const low, high = 64 << 20, 1 << 50
	if got != 0 && (got < low || got > high) {
		return fmt.Sprintf("write a size between %s and %s, such as 8GiB, or 0", formatSize(low), formatSize(high))
	}
	return ""
}

func bucketName(got string) string {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`).MatchString(got) {
		return "write a bucket's name: 3 to 63 lower-case letters, digits, dots and dashes"
	}
	return ""
}

func hosts(got []string) string {
	name := regexp.MustCompile(`^(\*\.)?[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*$`)
	for _, h := range got {
		if !name.MatchString(h) {
			return "write names of hosts, such as files.example.com or *.example.com, without a scheme, a port and a path, separated by commas"
		}
	}
	return ""
}

func networks(got []string) string {
	for _, n := range got {
		if p, err := netip.ParsePrefix(n); err != nil || p != p.Masked() || p.Addr().Is4In6() {
			return "write networks, such as 10.20.0.0/16, 10.20.30.40/32 or fd00:1::/32, separated by commas"
		}
	}
	return ""
}

func ports(got []string) string {
	for _, p := range got {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return "write ports between 1 and 65535, separated by commas"
		}
	}
	if len(got) == 0 {
		return "write at least one port, such as 443"
	}
	return ""
}

func bucketPatterns(got []string) string {
	form := regexp.MustCompile(`^[a-z0-9.-]*(\{tenant\})?[a-z0-9.-]*(/([^{}*/]*(\{tenant\})?[^{}*/]*/)+)?$`)
	for _, p := range got {
		clean := "/" + strings.TrimSuffix(p, "/")
		if !form.MatchString(p) || p == "" || p[0] == '/' || path.Clean(clean) != clean {
			return "write a bucket, or a bucket and what keys begin with, which ends in a slash, such as landing/{tenant}/; {tenant} stands for the tenant's name"
		}
	}
	return ""
}

func databaseName(got string) string {
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`).MatchString(got) {
		return "write a database's name: up to 63 letters, digits, - and _"
	}
	return ""
}

func longEnough(got []secret.String) string {
	for i, s := range got {
		if n := len(s.Reveal()); n < minSecret {
			return fmt.Sprintf("secret %d of %d has %d bytes; it must have at least %d, such as the output of openssl rand -base64 33", i+1, len(got), n, minSecret)
		}
	}
	return ""
}

// longSecret accepts an empty secret, or a long one.
func longSecret(got secret.String) string {
	if n := len(got.Reveal()); n > 0 && n < minSecret {
		return fmt.Sprintf("the secret has %d bytes; it must have at least %d, such as the output of openssl rand -base64 33", n, minSecret)
	}
	return ""
}

// checkAll adds to m what is wrong with values that were understood.
func checkAll(c *Config, m *MistakesError, unread map[string]bool) {
	for _, s := range settings(c) {
		if unread[s.path] {
			continue
		}
		text := s.value.format()
		switch {
		case text == "" && s.needed != nil && s.needed(c.role, c.Mode):
			*m = append(*m, mistake(s, c.origins[s.path], "", s.lack))
		case s.check != nil:
			if want := s.check(); want != "" {
				*m = append(*m, mistake(s, c.origins[s.path], text, want))
			}
		}
	}
	checkTogether(c, m, unread)
}

// checkTogether looks at settings that must fit each other.
func checkTogether(c *Config, m *MistakesError, unread map[string]bool) {
	for _, rule := range []struct {
		path, other string
		wrong       bool
		want        string
	}{
		{
			"scheduler.dead_after", "worker.heartbeat",
			c.Scheduler.DeadAfter < heartbeats*c.Worker.Heartbeat,
			fmt.Sprintf("wait for at least %d heartbeats of %s, or a slow worker is taken for a dead one", heartbeats, formatPeriod(c.Worker.Heartbeat)),
		},
		{
			"api.addr", "mode",
			c.Mode == Development && (c.role == RoleAPI || c.role == RoleDev) && !onLoopback(c.API.Addr),
			"in development mode nobody has to prove who asks: listen on loopback, such as 127.0.0.1:8080, or set NARRATIVE_MODE=production and a secret",
		},
		{
			"limits.body_bytes", "limits.payload_bytes", c.Limits.BodyBytes < c.Limits.PayloadBytes,
			"allow bodies at least as large as payloads of jobs, " + formatSize(c.Limits.PayloadBytes),
		},
		{"import.http", "mode", c.Import.HTTP && c.Mode != Development, "read over https only, or set NARRATIVE_MODE=development on a machine that only you reach"},
		{
			"import.s3_buckets", "s3.bucket", slices.ContainsFunc(c.Import.S3Buckets, func(p string) bool {
				bucket, _, _ := strings.Cut(p, "/")
				return bucket == c.S3.Bucket
			}),
			"leave out the platform's own bucket: the files of all tenants are in it",
		},
		{"llm.api_key", "llm.url", !c.LLM.APIKey.IsZero() && c.LLM.URL == "", "give llm.url too, or drop the key"},
		{
			"s3.access_key_id", "s3.endpoint",
			c.Embedded() && c.S3.Endpoint != "" && (c.S3.AccessKeyID == "" || c.S3.SecretAccessKey.IsZero()),
			"give the access key and its secret for the endpoint, or leave the endpoint empty for the embedded server",
		},
	} {
		if !rule.wrong || unread[rule.path] || unread[rule.other] {
			continue
		}
		for _, s := range settings(c) {
			if s.path == rule.path {
				*m = append(*m, mistake(s, c.origins[s.path], s.value.format(), rule.want))
			}
		}
	}
}
