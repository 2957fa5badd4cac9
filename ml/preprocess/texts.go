package preprocess

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

func textColumns() Parameter {
	return Parameter{Name: "columns", Type: ColumnNames, Doc: "Columns of texts; without it all of those"}
}

func textEntries() []entry {
	columns := textColumns()
	unknown := Parameter{Name: "unknown", Type: Choice, Default: "keep", Choices: []string{"keep", "missing"}, Doc: "What becomes of a text that is not understood"}
	return []entry{
		{
			Operation: Operation{
				Name: "trim_text", Group: "text", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Removes white space around texts, and can make one space of several within. A text of nothing else becomes missing.",
				Parameters: []Parameter{
					columns,
					{Name: "side", Type: Choice, Default: "both", Choices: []string{"both", "left", "right"}, Doc: "Where white space goes"},
					{Name: "collapse", Type: Flag, Default: false, Doc: "Make one space of all white space within"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"name"}, "collapse": true}, Before: messy()},
			},
			kind: kindTrimText, says: "Removes white space around {columns}[side: , on the {side} side][collapse: , and makes one space of several within].", bind: bindTrimText,
		},
		{
			Operation: Operation{
				Name: "change_case", Group: "text", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Writes texts in lower, upper, title or sentence case.",
				Parameters: []Parameter{
					columns,
					{Name: "case", Type: Choice, Required: true, Choices: []string{"lower", "upper", "title", "sentence"}, Doc: "The case"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"name"}, "case": "title"}, Before: messy()},
			},
			kind: kindChangeCase, says: "Writes {columns} in {case} case.", bind: bindChangeCase,
		},
		{
			Operation: Operation{
				Name: "remove_characters", Group: "text", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Removes or replaces special characters, punctuation, digits, letters, white space, control characters or all that is not ASCII.",
				Parameters: []Parameter{
					columns,
					{Name: "remove", Type: Choice, Default: "special", Choices: []string{"special", "punctuation", "digits", "letters", "whitespace", "control", "non_ascii"}, Doc: "Which characters go; special are all but letters, digits and white space"},
					{Name: "keep", Type: Text, Default: "", Doc: "Characters that stay all the same"},
					{Name: "replacement", Type: Text, Default: "", Doc: "What takes the place of each"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"name"}, "keep": "-"}, Before: messy()},
			},
			kind: kindRemoveCharacters, says: "Removes what is {remove} from {columns}[keep: , but for {keep}][replacement: , and puts {replacement} in its place].", bind: bindRemoveCharacters,
		},
		{
			Operation: Operation{
				Name: "standardise_format", Group: "text", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Writes e-mail addresses, telephone numbers, addresses of pages, dates, numbers or truth values in one way each.",
				Parameters: []Parameter{
					columns,
					{Name: "format", Type: Choice, Required: true, Choices: []string{"email", "phone", "url", "date", "number", "boolean"}, Doc: "What the texts are"},
					{Name: "country_code", Type: Text, Default: "", Doc: "For telephone numbers without one, such as 49"},
					{Name: "day_first", Type: Flag, Default: true, Doc: "Whether 01/02/2024 is in February"},
					{Name: "decimal", Type: Choice, Default: "auto", Choices: []string{"auto", "point", "comma"}, Doc: "What is before the fraction of a number"},
					unknown,
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"phone"}, "format": "phone", "country_code": "49"}, Before: messy()},
			},
			kind: kindStandardiseFormat, says: "Writes {columns} in the standard format of {format}[country_code: , with the country code {country_code}][unknown: ; what is not understood becomes missing].", bind: bindStandardiseFormat,
		},
	}
}

func patternEntries() []entry {
	columns := textColumns()
	return []entry{
		{
			Operation: Operation{
				Name: "replace_text", Group: "text", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Replaces what a regular expression (RE2) matches; $1 stands for its first group.",
				Parameters: []Parameter{
					columns,
					{Name: "pattern", Type: Pattern, Required: true, Doc: "The regular expression"},
					{Name: "replacement", Type: Text, Default: "", Doc: "What takes the place of a match"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"phone"}, "pattern": `^\+(\d\d)`, "replacement": "(+$1)"}, Before: messy()},
			},
			kind: kindReplaceText, says: "Replaces {pattern} in {columns} by {replacement}.", bind: bindReplaceText,
		},
		{
			Operation: Operation{
				Name: "extract_text", Group: "text", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Makes a column of what a regular expression (RE2) finds in another; missing where it finds nothing.",
				Parameters: []Parameter{
					{Name: "column", Type: ColumnName, Required: true, Doc: "The column to look in"},
					{Name: "name", Type: Text, Required: true, Doc: "The column to make"},
					{Name: "pattern", Type: Pattern, Required: true, Doc: "The regular expression"},
					{Name: "group", Type: Whole, Default: 0, Min: new(float64(0)), Max: new(float64(100)), Doc: "Which group of it is taken; 0 is all of the match"},
				},
				Example: Example{Parameters: map[string]any{"column": "email", "name": "domain", "pattern": `@(.+)$`, "group": 1}, Before: messy()},
			},
			kind: kindExtractText, says: "Makes {name} of what {pattern} finds in {column}[group: , of its group {group}].", bind: bindExtractText,
		},
		{
			Operation: Operation{
				Name: "replace_values", Group: "text", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Replaces whole texts by others, such as codes by names.",
				Parameters: []Parameter{
					columns,
					{Name: "values", Type: Mapping, Required: true, Doc: "The new text for each old one"},
					{Name: "others", Type: Choice, Default: "keep", Choices: []string{"keep", "missing"}, Doc: "What becomes of other texts"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"member"}, "values": map[string]string{"yes": "member", "no": "guest"}, "others": "missing"}, Before: messy()},
			},
			kind: kindReplaceValues, says: "Replaces texts of {columns}: {values}[others: ; others become missing].", bind: bindReplaceValues,
		},
	}
}

// changesTexts is the plan of an operation that changes texts one by one.
func changesTexts(b *binding, change func(s string) (string, bool)) plan {
	fields := b.columns("columns", isString, "texts")
	return b.changes(fields, nullable, func(c frame.Column) (frame.Column, error) { return mapTexts(c, change), nil })
}

func bindTrimText(b *binding) plan {
	side, collapse := b.args.text("side"), b.args.flag("collapse")
	return changesTexts(b, func(s string) (string, bool) {
		switch side {
		case "left":
			s = strings.TrimLeftFunc(s, unicode.IsSpace)
		case "right":
			s = strings.TrimRightFunc(s, unicode.IsSpace)
		default:
			s = strings.TrimSpace(s)
		}
		if collapse {
			s = collapsed(s)
		}
		return s, strings.TrimSpace(s) != ""
	})
}

// collapsed makes one space of white space between words.
func collapsed(s string) string {
	var out strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space {
			out.WriteByte(' ')
			space = false
		}
		out.WriteRune(r)
	}
	if space {
		out.WriteByte(' ')
	}
	return out.String()
}

func bindChangeCase(b *binding) plan {
	change := map[string]func(string) string{"lower": strings.ToLower, "upper": strings.ToUpper, "title": titled, "sentence": sentence}[b.args.text("case")]
	return changesTexts(b, func(s string) (string, bool) { return change(s), true })
}

// titled writes the first letter of every word large and the others small.
func titled(s string) string {
	inside := false
	return strings.Map(func(r rune) rune {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r) || r == '\'' && inside
		defer func() { inside = letter }()
		if letter && !inside {
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}

func sentence(s string) string {
	lower := strings.ToLower(s)
	r, n := utf8.DecodeRuneInString(lower)
	if n == 0 || r == utf8.RuneError {
		return lower
	}
	return string(unicode.ToTitle(r)) + lower[n:]
}

func bindRemoveCharacters(b *binding) plan {
	keep, by := b.args.text("keep"), b.args.text("replacement")
	goes := map[string]func(r rune) bool{
		"special":     func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !unicode.IsSpace(r) },
		"punctuation": unicode.IsPunct,
		"digits":      unicode.IsDigit,
		"letters":     unicode.IsLetter,
		"whitespace":  unicode.IsSpace,
		"control":     unicode.IsControl,
		"non_ascii":   func(r rune) bool { return r > unicode.MaxASCII },
	}[b.args.text("remove")]
	return changesTexts(b, func(s string) (string, bool) {
		if strings.IndexFunc(s, goes) < 0 {
			return s, true
		}
		var out strings.Builder
		for _, r := range s {
			if goes(r) && !strings.ContainsRune(keep, r) {
				out.WriteString(by)
			} else {
				out.WriteRune(r)
			}
		}
		return out.String(), out.Len() > 0
	})
}

func bindReplaceText(b *binding) plan {
	pattern, err := regexp.Compile(b.args.text("pattern"))
	if err != nil {
		b.fail(err)
		return plan{}
	}
	by := b.args.text("replacement")
	return changesTexts(b, func(s string) (string, bool) { return pattern.ReplaceAllString(s, by), true })
}

func bindExtractText(b *binding) plan {
	f := b.field("column", b.args.text("column"), isString, "texts")
	name, group := b.args.text("name"), b.args.whole("group")
	b.free("name", name)
	pattern, err := regexp.Compile(b.args.text("pattern"))
	if err != nil {
		b.fail(err)
		return plan{}
	}
	if group > pattern.NumSubexp() {
		b.fail(&ml.InputError{Code: "invalid_parameter", Parameter: "group", Row: -1, Message: "the pattern has no such group; put parentheses around what is to be taken"})
	}
	return plan{
		out: b.schema.with(Field{Name: name, Type: frame.String, Nullable: true}), reads: []string{f.Name}, writes: []string{name},
		act: statelessly(func(x *frame.Frame) (*frame.Frame, error) {
			c, err := present(x, f)
			if err != nil {
				return nil, err
			}
			return put(x, mapTexts(c, func(s string) (string, bool) {
				found := pattern.FindStringSubmatchIndex(s)
				if found == nil || found[2*group] < 0 {
					return "", false
				}
				return s[found[2*group]:found[2*group+1]], true
			}).Rename(name))
		}),
	}
}

func bindReplaceValues(b *binding) plan {
	values, keep := b.args.mapping("values"), b.args.text("others") == "keep"
	return changesTexts(b, func(s string) (string, bool) {
		if to, ok := values[s]; ok {
			return to, true
		}
		return s, keep
	})
}
