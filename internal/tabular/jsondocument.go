package tabular

import (
	"io"

	"github.com/narrativeml/narrative/internal/fault"
)

// element returns the next element of the document's array of objects.
func (s *objects) element() ([]byte, *problem, error) {
	for {
		b, err := s.peek()
		if err != nil {
			return nil, nil, err
		}
		switch s.state {
		case atStart:
			err = s.open(b)
		case atFirst, atNext:
			var record []byte
			var bad *problem
			var found bool
			if record, bad, found, err = s.inArray(b); found || err != nil {
				return record, bad, err
			}
		case atMember, atMemberIn:
			err = s.member(b)
		case atMemberEnd:
			err = s.memberEnd(b)
		case atEnd:
			if s.pos < len(s.buf) {
				return nil, nil, s.broken(b, "the end of the file")
			}
			return nil, nil, io.EOF
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// open enters the document.
func (s *objects) open(b byte) error {
	switch {
	case b == '[':
		s.state = atFirst
	case b == '{':
		s.state = atMember
	case b == 0 && s.pos >= len(s.buf):
		return fault.Invalid("json_empty", "the file is empty; upload an array of objects, or one object a line")
	default:
		return s.broken(b, "an array of objects")
	}
	s.pos++
	return nil
}

// inArray looks at what follows in the array; found says that it is an element.
func (s *objects) inArray(b byte) (record []byte, bad *problem, found bool, err error) {
	if b == ']' {
		s.pos++
		s.state = atEnd
		if s.table != "" {
			s.state = atMemberEnd
		}
		return nil, nil, false, nil
	}
	if s.state == atNext {
		if b != ',' {
			return nil, nil, false, s.broken(b, "a comma or ]")
		}
		s.pos++
		if b, err = s.peek(); err != nil {
			return nil, nil, false, err
		}
	}
	if !beginsValue(b) {
		return nil, nil, false, s.broken(b, "an object")
	}
	s.state = atNext
	record, bad, err = s.value(&nesting{}, true)
	return record, bad, true, err
}

func beginsValue(b byte) bool {
	switch b {
	case 0, ',', ':', ']', '}':
		return false
	default:
		return true
	}
}

// member looks at a member of the outer object. The first that is an array of
// objects is the table; the others are passed over.
func (s *objects) member(b byte) error {
	if b == '}' && s.state == atMember {
		s.pos++
		s.state = atEnd
		return nil
	}
	if b != '"' {
		return s.broken(b, "a name in double quotes")
	}
	name, bad, err := s.value(&nesting{}, true)
	switch {
	case err != nil:
		return err
	case bad != nil:
		return bad.fault(nil)
	}
	table := shorten(string(name), 100)
	s.consume(len(name))
	if b, err = s.peek(); err != nil {
		return err
	}
	if b != ':' {
		return s.broken(b, "a colon")
	}
	s.pos++
	if b, err = s.peek(); err != nil {
		return err
	}
	if !beginsValue(b) {
		return s.broken(b, "a value")
	}
	passed := &nesting{}
	if b == '[' {
		s.pos++
		if b, err = s.peek(); err != nil {
			return err
		}
		if b == '{' {
			if s.table != "" {
				return fault.Invalid("json_several_tables", "the file has two arrays of objects, %s and %s; leave only the one that is the table", s.table, table)
			}
			s.table, s.state = table, atFirst
			return nil
		}
		passed.depth = 1
	}
	s.state = atMemberEnd
	_, bad, err = s.value(passed, false)
	if bad != nil {
		return bad.fault(nil)
	}
	return err
}

// memberEnd looks at what follows a member of the outer object.
func (s *objects) memberEnd(b byte) error {
	switch b {
	case ',':
		s.state = atMemberIn
	case '}':
		s.state = atEnd
	default:
		return s.broken(b, "a comma or }")
	}
	s.pos++
	return nil
}

// nesting follows a value to its end.
type nesting struct {
	depth           int
	quoted, escaped bool
}

// pass goes on over b and returns the index behind the end of the value, or a
// negative one when it does not end there.
func (n *nesting) pass(b []byte) int {
	for i, c := range b {
		if n.quoted {
			switch {
			case n.escaped:
				n.escaped = false
			case c == '\\':
				n.escaped = true
			case c == '"':
				n.quoted = false
				if n.depth == 0 {
					return i + 1
				}
			}
			continue
		}
		switch c {
		case '"':
			n.quoted = true
		case '{', '[':
			n.depth++
		case '}', ']':
			n.depth--
			if n.depth == 0 {
				return i + 1
			}
			if n.depth < 0 { // what it is in ends
				return i
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if n.depth == 0 {
				return i
			}
		}
	}
	return -1
}

// value returns the value at pos, or the rest of it, and stays in front of it if
// it is to be kept; else, and when it is too long, it is passed over.
func (s *objects) value(n *nesting, keep bool) ([]byte, *problem, error) {
	var bad *problem
	i := 0 // from pos, what n has seen
	for {
		rest := s.buf[s.pos:]
		end := n.pass(rest[i:])
		whole := end >= 0
		if whole {
			end += i
		} else {
			end = len(rest)
		}
		if keep && end > s.limits.Record {
			keep, bad = false, s.tooLong()
		}
		if !keep {
			s.consume(end)
			end = 0
		}
		switch {
		case whole && keep:
			return rest[:end], nil, nil
		case whole:
			return nil, bad, nil
		case s.eof && (n.depth > 0 || n.quoted):
			s.consume(end)
			return nil, nil, s.broken(0, "the rest of an object")
		case s.eof:
			return rest[:end], bad, nil
		}
		i = end
		if err := s.fill(); err != nil {
			return nil, nil, err
		}
	}
}
