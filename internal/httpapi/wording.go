package httpapi

import "strings"

// reword tells what the validation says about one place as the rest of the API
// does: what would be right. It may name the place more exactly.
func reword(location, message string) (place, words string) {
	if name, ok := cut(message, "expected required property ", " to be present"); ok {
		return location + "." + name, "is required"
	}
	if values, ok := cut(message, `expected value to be one of "`, `"`); ok {
		return location, "must be one of " + values
	}
	for _, w := range []struct{ prefix, words string }{
		{"expected number >= ", "must be at least "},
		{"expected number > ", "must be more than "},
		{"expected number <= ", "must be at most "},
		{"expected number < ", "must be less than "},
		{"expected string to be ", "must be "},
		{"expected string to match ", "must match "},
		{"expected array items to be unique", "must not name anything twice"},
	} {
		if rest, ok := strings.CutPrefix(message, w.prefix); ok {
			return location, w.words + rest
		}
	}
	for _, w := range []struct{ prefix, unit string }{{"expected length ", " characters"}, {"expected array length ", " items"}} {
		rest, ok := strings.CutPrefix(message, w.prefix)
		if !ok {
			continue
		}
		if rest == ">= 1" {
			return location, "must not be empty"
		}
		rest = strings.Replace(rest, ">=", "at least", 1)
		rest = strings.Replace(rest, "<=", "at most", 1)
		return location, "must have " + rest + w.unit
	}
	switch kind, ok := strings.CutPrefix(message, "expected "); {
	case ok && (kind == "integer" || kind == "array" || kind == "object"):
		return location, "must be an " + kind
	case ok && (kind == "string" || kind == "number" || kind == "boolean"):
		return location, "must be a " + kind
	}
	return location, message
}

// cut returns what stands between the prefix and the suffix.
func cut(s, prefix, suffix string) (string, bool) {
	s, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(s, suffix)
}
