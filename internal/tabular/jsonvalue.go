package tabular

import (
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// objectParser takes an object apart into the cells of a row. Members of objects
// inside it are cells of their own, named outer.inner; what is deeper, and
// lists, are JSON text.
type objectParser struct {
	set   *columnSet
	src   io.Reader // that may know the encoding
	limit int       // on a value, in bytes

	b      []byte
	i      int
	c      *rawChunk
	sparse *sparse
	row    int32   // in the chunk
	key    []byte  // of the member in work
	stamp  int64   // of this parse
	stamps []int64 // of the last that met the column
}

// parse puts the values of the record into the chunk, as its next row. The line
// of a mistake is counted from 0, the first of the record.
func (p *objectParser) parse(record []byte, c *rawChunk, s *sparse) *problem {
	p.b, p.i, p.c, p.sparse, p.row = record, 0, c, s, int32(len(c.rows))
	p.stamp++
	bad := p.invalid()
	if bad == nil {
		bad = p.record()
	}
	if bad != nil {
		bad.line = countLines(p.b[:min(p.i, len(p.b))])
	}
	return bad
}

// invalid looks for bytes that are not UTF-8.
func (p *objectParser) invalid() *problem {
	if utf8.Valid(p.b) {
		return nil
	}
	for p.i < len(p.b) {
		r, n := utf8.DecodeRune(p.b[p.i:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		p.i += n
	}
	bad := &problem{column: -1}
	bad.code, bad.reason = undecodableReason(encodingOf(p.src), p.b[p.i], "json")
	return bad
}

func (p *objectParser) record() *problem {
	p.blank()
	if p.next() != '{' {
		return &problem{code: "json_not_object", column: -1, reason: "there is " + p.found() + " where an object must be; give every row as an object, such as {\"a\": 1}"}
	}
	if bad := p.object(0, 0); bad != nil {
		return bad
	}
	p.blank()
	if p.i < len(p.b) {
		return p.syntax("the end of the line")
	}
	return nil
}

// next returns the byte in work; zero at the end.
func (p *objectParser) next() byte {
	if p.i == len(p.b) {
		return 0
	}
	return p.b[p.i]
}

func (p *objectParser) blank() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\r', '\n':
			p.i++
		default:
			return
		}
	}
}

func (p *objectParser) found() string {
	if p.i == len(p.b) {
		return "the end"
	}
	r, _ := utf8.DecodeRune(p.b[p.i:])
	return fmt.Sprintf("%q", string(r))
}

func (p *objectParser) syntax(want string) *problem {
	return &problem{code: "json_syntax", column: -1, reason: fmt.Sprintf("there is %s where %s must be", p.found(), want)}
}

// object reads the members of the object that begins here. Their names follow
// the first bytes of the key.
func (p *objectParser) object(prefix, depth int) *problem {
	p.i++
	p.blank()
	if p.next() == '}' {
		p.i++
		return nil
	}
	for {
		if p.next() != '"' {
			return p.syntax("a name in double quotes")
		}
		var bad *problem
		if p.key, bad = p.text(p.key[:prefix]); bad != nil {
			return bad
		}
		p.blank()
		if p.next() != ':' {
			return p.syntax("a colon")
		}
		p.i++
		p.blank()
		if depth == 0 && p.next() == '{' {
			p.key = append(p.key, '.')
			bad = p.object(len(p.key), depth+1)
		} else {
			bad = p.member()
		}
		if bad != nil {
			return bad
		}
		p.blank()
		switch p.next() {
		case ',':
			p.i++
			p.blank()
		case '}':
			p.i++
			return nil
		default:
			return p.syntax("a comma or }")
		}
	}
}

// member reads the value of the key.
func (p *objectParser) member() *problem {
	column, bad := p.set.at(p.key)
	if bad != nil {
		return bad
	}
	start := len(p.c.data)
	switch p.next() {
	case '"':
		p.c.data, bad = p.text(p.c.data)
	case '{', '[':
		bad = p.compact(0)
	default:
		bad = p.scalar(false)
	}
	if bad != nil {
		if column != ignored {
			bad.column = column
		}
		return bad
	}
	end := len(p.c.data)
	if column == ignored {
		p.c.data = p.c.data[:start]
		return nil
	}
	for len(p.stamps) <= column {
		p.stamps = append(p.stamps, 0)
	}
	if p.stamps[column] == p.stamp {
		return &problem{code: "json_duplicate_key", column: column, reason: "the object has this name twice; give every value its own name"}
	}
	p.stamps[column] = p.stamp
	if end-start > p.limit {
		return &problem{code: "json_value_too_long", column: column, reason: fmt.Sprintf("a value has more than %d bytes; shorten it, or leave it out", p.limit)}
	}
	if end > start {
		p.sparse.cells = append(p.sparse.cells, cell{row: p.row, column: int32(column), span: span{uint32(start), uint32(end)}})
	}
	return nil
}

// text appends the string that begins here, without its quotes and escapes.
func (p *objectParser) text(to []byte) ([]byte, *problem) {
	p.i++
	for {
		start := p.i
		for p.i < len(p.b) && p.b[p.i] != '"' && p.b[p.i] != '\\' && p.b[p.i] >= ' ' {
			p.i++
		}
		to = append(to, p.b[start:p.i]...)
		switch p.next() {
		case '"':
			p.i++
			return to, nil
		case '\\':
			var bad *problem
			if to, bad = p.escape(to); bad != nil {
				return to, bad
			}
		default:
			return to, p.inText()
		}
	}
}

// inText says what is wrong with a string that does not go on.
func (p *objectParser) inText() *problem {
	if p.i == len(p.b) {
		return p.syntax("the closing quote of a text")
	}
	return &problem{code: "json_syntax", column: -1, reason: fmt.Sprintf("there is the control character 0x%02X in a text; write it as \\u%04x", p.b[p.i], p.b[p.i])}
}

// escape appends what the escape here stands for.
func (p *objectParser) escape(to []byte) ([]byte, *problem) {
	p.i++
	c := p.next()
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return p.unicode(to)
	default:
		return to, p.syntax(`one of " \ / b f n r t u, behind a backslash,`)
	}
	p.i++
	return append(to, c), nil
}

// unicode appends the character of \uXXXX, or of two of them.
func (p *objectParser) unicode(to []byte) ([]byte, *problem) {
	r, ok := p.hex()
	if ok && utf16.IsSurrogate(r) {
		ok = false
		if p.i+1 < len(p.b) && p.b[p.i] == '\\' && p.b[p.i+1] == 'u' {
			p.i++
			low, more := p.hex()
			r = utf16.DecodeRune(r, low)
			ok = more && r != utf8.RuneError
		}
	}
	switch {
	case !ok:
		return to, &problem{code: "json_bad_escape", column: -1, reason: `a \u is not followed by the four digits of a character, or by one half of one only; write the character itself`}
	case r == 0:
		return to, &problem{code: "json_nul_character", column: -1, reason: `there is a NUL character (\u0000), which text does not have; remove it`}
	default:
		return utf8.AppendRune(to, r), nil
	}
}

// hex reads the u here and the four digits behind it.
func (p *objectParser) hex() (rune, bool) {
	const digits = 4
	p.i++
	if len(p.b)-p.i < digits {
		return 0, false
	}
	var r rune
	for _, c := range p.b[p.i : p.i+digits] {
		switch {
		case c-'0' <= 9:
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	p.i += digits
	return r, true
}

// scalar appends the number or the word here; nothing for null and NaN, or null
// inside of JSON text.
func (p *objectParser) scalar(inside bool) *problem {
	start := p.i
	for p.i < len(p.b) && (p.b[p.i] == '-' || p.b[p.i] == '+' || p.b[p.i] == '.' || p.b[p.i]-'0' <= 9 || p.b[p.i]|0x20 >= 'a' && p.b[p.i]|0x20 <= 'z') {
		p.i++
	}
	word := p.b[start:p.i]
	switch string(word) {
	case "true", "false":
	case "null", "NaN":
		word = nil
		if inside {
			word = []byte("null")
		}
	case "Infinity", "-Infinity": // not JSON, but written; a column of numbers refuses it
		if inside {
			p.i = start
			return p.syntax("a finite number")
		}
	default:
		if !isNumber(word) {
			p.i = start
			return p.syntax("a value")
		}
	}
	p.c.data = append(p.c.data, word...)
	return nil
}

// isNumber reports whether b is a number as JSON has it.
func isNumber(b []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(b) && b[n]-'0' <= 9 {
			n++
		}
		b = b[n:]
		return n > 0
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) > 1 && b[0] == '0' && b[1]-'0' <= 9 || !digits() {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		b = b[1:]
		if !digits() {
			return false
		}
	}
	if len(b) > 0 && b[0]|0x20 == 'e' {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
}

// maxNesting is how deep lists and objects in a value may be.
const maxNesting = 100

// compact appends the list or object here as JSON text without blanks.
func (p *objectParser) compact(depth int) *problem {
	if depth > maxNesting {
		return &problem{code: "json_too_deep", column: -1, reason: fmt.Sprintf("lists and objects are more than %d deep in each other; flatten them, or leave them out", maxNesting)}
	}
	open := p.next()
	end := byte(']')
	if open == '{' {
		end = '}'
	}
	p.c.data = append(p.c.data, open)
	p.i++
	p.blank()
	if p.next() == end {
		p.c.data = append(p.c.data, end)
		p.i++
		return nil
	}
	for {
		if open == '{' {
			if bad := p.compactName(); bad != nil {
				return bad
			}
		}
		if bad := p.compactValue(depth); bad != nil {
			return bad
		}
		p.blank()
		c := p.next()
		switch c {
		case ',', end:
			p.c.data = append(p.c.data, c)
			p.i++
			if c == end {
				return nil
			}
			p.blank()
		default:
			return p.syntax("a comma or " + string(rune(end)))
		}
	}
}

func (p *objectParser) compactName() *problem {
	if p.next() != '"' {
		return p.syntax("a name in double quotes")
	}
	if bad := p.quoted(); bad != nil {
		return bad
	}
	p.blank()
	if p.next() != ':' {
		return p.syntax("a colon")
	}
	p.c.data = append(p.c.data, ':')
	p.i++
	p.blank()
	return nil
}

func (p *objectParser) compactValue(depth int) *problem {
	switch p.next() {
	case '"':
		return p.quoted()
	case '{', '[':
		return p.compact(depth + 1)
	default:
		return p.scalar(true)
	}
}

// quoted appends the string here as it is written, after a look at it.
func (p *objectParser) quoted() *problem {
	start, mark := p.i, len(p.c.data)
	var bad *problem
	p.c.data, bad = p.text(p.c.data)
	p.c.data = append(p.c.data[:mark], p.b[start:p.i]...)
	return bad
}
