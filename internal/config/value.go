package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/secret"
)

// value is one setting's text form. Parsing replaces the value; a text that
// cannot be read leaves it as it was.
type value interface {
	parse(text string) error
	format() string // without secrets; parse(format()) gives the value back
}

// typed is a value of any type, by its parser and its printer.
type typed[T any] struct {
	at    *T
	read  func(string) (T, error)
	write func(T) string
}

func (v typed[T]) parse(text string) error {
	got, err := v.read(text)
	if err != nil {
		return err
	}
	*v.at = got
	return nil
}

func (v typed[T]) format() string { return v.write(*v.at) }

func text[T ~string](at *T) value {
	return typed[T]{at, func(s string) (T, error) { return T(s), nil }, func(v T) string { return string(v) }}
}

func texts(at *[]string) value {
	return typed[[]string]{at, func(s string) ([]string, error) { return fields(s), nil }, func(v []string) string {
		return strings.Join(v, ",")
	}}
}

func hidden(at *secret.String) value {
	return typed[secret.String]{at, func(s string) (secret.String, error) { return secret.New(s), nil }, secret.String.String}
}

func hiddens(at *[]secret.String) value {
	read := func(s string) ([]secret.String, error) {
		var all []secret.String
		for _, f := range fields(s) {
			all = append(all, secret.New(f))
		}
		return all, nil
	}
	write := func(v []secret.String) string {
		shown := make([]string, len(v))
		for i, s := range v {
			shown[i] = s.String()
		}
		return strings.Join(shown, ",")
	}
	return typed[[]secret.String]{at, read, write}
}

func boolean(at *bool) value {
	return typed[bool]{at, func(s string) (bool, error) {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return false, formError("write true or false")
		}
		return b, nil
	}, strconv.FormatBool}
}

func count(at *int) value {
	return typed[int]{at, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, formError("write a whole number")
		}
		return n, nil
	}, strconv.Itoa}
}

func period(at *time.Duration) value { return typed[time.Duration]{at, parsePeriod, formatPeriod} }

func size(at *int64) value { return typed[int64]{at, parseSize, formatSize} }

func pools(at *map[string]int) value {
	return typed[map[string]int]{at, parsePools, formatPools}
}

// formError says what a text should have looked like.
type formError string

func (w formError) Error() string { return string(w) }

// fields splits at commas, trims, and drops what is empty.
func fields(s string) []string {
	var all []string
	for f := range strings.SplitSeq(s, ",") {
		if f = strings.TrimSpace(f); f != "" {
			all = append(all, f)
		}
	}
	return all
}

// parsePeriod reads a duration; on top of the units of time.ParseDuration it
// knows d for 24 hours, before the other units: "30d", "1d12h".
func parsePeriod(s string) (time.Duration, error) {
	const want = formError("write a period such as 250ms, 15s, 24h or 30d")
	rest := s
	var days time.Duration
	if head, tail, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 32)
		if err != nil || n > 36_500 {
			return 0, want
		}
		days, rest = time.Duration(n)*day, tail
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, want
	}
	return days + d, nil
}

func formatPeriod(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	s = strings.TrimSuffix(s, "m0s") + suffixIf(strings.HasSuffix(s, "m0s"), "m")
	return strings.TrimSuffix(s, "h0m") + suffixIf(strings.HasSuffix(s, "h0m"), "h")
}

func suffixIf(yes bool, s string) string {
	if yes {
		return s
	}
	return ""
}

type unit struct {
	name  string
	bytes int64
}

// units are the sizes that are understood, longest name first.
func units() []unit {
	return []unit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}
}

// ParseSize reads a number of bytes: "1048576", "1MiB", "100 GiB".
func ParseSize(s string) (int64, error) { return parseSize(s) }

// parseSize is ParseSize, for settings.
func parseSize(s string) (int64, error) {
	const want = formError("write a number of bytes such as 1048576, 512KiB, 1MiB or 100GiB")
	for _, u := range units() {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.bytes {
			return 0, want
		}
		return n * u.bytes, nil
	}
	return 0, want
}

func formatSize(n int64) string {
	for _, u := range units() {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// parsePools reads "training=2,batch=4".
func parsePools(s string) (map[string]int, error) {
	const want = formError("write pools and their slots, such as training=2,batch=4")
	all := map[string]int{}
	for _, f := range fields(s) {
		name, slots, ok := strings.Cut(f, "=")
		n, err := strconv.Atoi(strings.TrimSpace(slots))
		if !ok || err != nil {
			return nil, want
		}
		name = strings.TrimSpace(name)
		if _, twice := all[name]; twice {
			return nil, formError(fmt.Sprintf("name the pool %q once", name))
		}
		all[name] = n
	}
	return all, nil
}

func formatPools(p map[string]int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		all = append(all, name+"="+strconv.Itoa(p[name]))
	}
	return strings.Join(all, ",")
}
