package tabular

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/narrativeml/narrative/internal/fault"
)

// Names of encodings.
const (
	encodingUTF8        = "utf-8"
	encodingUTF16       = "utf-16" // told only: by its mark, else by its zeros
	encodingUTF16LE     = "utf-16le"
	encodingUTF16BE     = "utf-16be"
	encodingWindows1252 = "windows-1252"
	encodingLatin1      = "iso-8859-1"
)

// charsets are the encodings of one byte a character.
func charsets() map[string]*charmap.Charmap {
	return map[string]*charmap.Charmap{
		encodingWindows1252: charmap.Windows1252,
		encodingLatin1:      charmap.ISO8859_1,
		"iso-8859-2":        charmap.ISO8859_2,
		"iso-8859-15":       charmap.ISO8859_15,
		"windows-1250":      charmap.Windows1250,
		"windows-1251":      charmap.Windows1251,
	}
}

// Encodings returns the encodings of text that are read.
func Encodings() []string {
	return []string{
		encodingUTF8, encodingUTF16, encodingUTF16LE, encodingUTF16BE, encodingWindows1252, encodingLatin1,
		"iso-8859-2", "iso-8859-15", "windows-1250", "windows-1251",
	}
}

// canonicalEncoding returns the name that Encodings has for a name, also one
// that others use; empty for one that is not known.
func canonicalEncoding(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	switch name {
	case "utf8":
		return encodingUTF8
	case "utf16":
		return encodingUTF16
	case "utf-16-le":
		return encodingUTF16LE
	case "utf-16-be":
		return encodingUTF16BE
	case "latin1", "latin-1", "iso8859-1":
		return encodingLatin1
	}
	if number, ok := strings.CutPrefix(name, "cp125"); ok {
		name = "windows-125" + number
	}
	if slices.Contains(Encodings(), name) {
		return name
	}
	return ""
}

// undecodable is what a decoder writes for what is no text in the encoding:
// a byte that UTF-8 never has, so that whoever reads on finds it, with its place.
const undecodable = 0xff

const (
	encodingHead   = 4 << 10  // bytes of a file that tell UTF-16
	encodingWindow = 64 << 10 // bytes from the first that is not ASCII on that tell UTF-8
)

// decoder turns text in any encoding into UTF-8. Text that may be UTF-8 or have
// one byte a character is passed on as it is up to the first byte that is not
// ASCII, however late that comes; what follows there decides. UTF-8 is passed on
// unchanged all the way, with its mark and with what is wrong in it.
type decoder struct {
	src      io.Reader
	encoding string // empty as long as all was ASCII
	bom      bool
	table    [utf8.RuneSelf]string // by the byte above ASCII
	in       []byte                // read and not decoded
	out      []byte                // decoded and not handed over
	spare    []byte                // room for out
	err      error                 // of src, behind in
}

var _ io.Reader = (*decoder)(nil)

// newDecoder returns a decoder of src, which begins with head, from the encoding
// that was told, if one was.
func newDecoder(src io.Reader, head []byte, told string) (*decoder, error) {
	d := &decoder{src: src}
	mark, marked := byteOrderMark(head)
	told = canonicalEncoding(told)
	switch {
	case marked == "utf-32":
		return nil, fault.Invalid("unsupported_encoding", "the file begins with the byte order mark of UTF-32; save it as UTF-8")
	case marked != "" && (told == "" || told == marked || told == encodingUTF16 && marked != encodingUTF8):
		d.encoding, d.bom = marked, true
		if marked == encodingUTF8 {
			return d, nil // whoever reads UTF-8 takes off the mark
		}
		d.src = &skipped{src: src, left: mark}
	case marked != "":
		return nil, fault.Invalid("encoding_mismatch", "the file begins with the byte order mark of %s, but its encoding was said to be %s; leave the encoding out", marked, told).
			With(fault.Field{Location: "body.encoding", Message: "the file says " + marked})
	case told == encodingUTF16:
		d.encoding = zeros(head)
		if d.encoding == "" {
			d.encoding = encodingUTF16LE
		}
	case told != "":
		d.use(told)
	default:
		d.encoding = zeros(head)
	}
	return d, nil
}

// byteOrderMark returns the length of the mark that the text begins with, and
// the encoding it stands for.
func byteOrderMark(head []byte) (length int, encoding string) {
	for _, m := range []struct{ mark, encoding string }{
		{bom, encodingUTF8},
		{"\xff\xfe\x00\x00", "utf-32"},
		{"\x00\x00\xfe\xff", "utf-32"},
		{"\xff\xfe", encodingUTF16LE},
		{"\xfe\xff", encodingUTF16BE},
	} {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			return len(m.mark), m.encoding
		}
	}
	return 0, ""
}

// zeros finds UTF-16 without a mark: of its pairs of bytes many have a zero on
// the same side, since tables are full of digits, delimiters and line ends.
func zeros(head []byte) string {
	var count [2]int
	pairs := len(head) / 2
	for i, b := range head[:2*pairs] {
		if b == 0 {
			count[i%2]++
		}
	}
	const share, other, least = 5, 4, 4
	switch {
	case max(count[0], count[1]) < least: // a mistake in other text
		return ""
	case count[1]*share >= pairs && count[0]*other < count[1]:
		return encodingUTF16LE
	case count[0]*share >= pairs && count[1]*other < count[0]:
		return encodingUTF16BE
	default:
		return ""
	}
}

// skipped is a source without its first bytes.
type skipped struct {
	src  io.Reader
	left int
}

// Read implements io.Reader.
func (s *skipped) Read(p []byte) (int, error) {
	if s.left > 0 {
		n, err := io.CopyN(io.Discard, s.src, int64(s.left))
		s.left -= int(n)
		if err != nil {
			return 0, err
		}
	}
	return s.src.Read(p)
}

// use makes the decoder go on in the encoding.
func (d *decoder) use(encoding string) {
	d.encoding = encoding
	set := charsets()[encoding]
	if set == nil {
		return
	}
	for i := range d.table {
		r := set.DecodeByte(byte(utf8.RuneSelf + i))
		const lastControl = 0x9f
		if r == utf8.RuneError || r <= lastControl {
			// Control characters do not occur in tables: they are letters of
			// another encoding.
			d.table[i] = string([]byte{undecodable})
			continue
		}
		d.table[i] = string(r)
	}
}

// Read implements io.Reader.
func (d *decoder) Read(p []byte) (int, error) {
	for {
		switch {
		case len(d.out) > 0:
			n := copy(p, d.out)
			d.out = d.out[n:]
			return n, nil
		case d.encoding == "":
			n, err := d.undecided(p)
			if n > 0 || err != nil {
				return n, err
			}
		case d.encoding == encodingUTF8:
			if len(d.in) > 0 {
				n := copy(p, d.in)
				d.in = d.in[n:]
				return n, nil
			}
			if d.err != nil {
				return 0, d.err
			}
			return d.src.Read(p)
		default:
			if err := d.decode(); err != nil {
				return 0, err
			}
		}
	}
}

// undecided reads on as long as all is ASCII. It returns neither bytes nor an
// error when it has decided.
func (d *decoder) undecided(p []byte) (int, error) {
	n, err := d.src.Read(p)
	k := firstBeyondASCII(p[:n])
	if k == n {
		return n, err
	}
	d.in, d.err = append(d.in[:0], p[k:n]...), err
	for d.err == nil && len(d.in) < encodingWindow {
		d.more()
	}
	d.use(textEncoding(d.in, errors.Is(d.err, io.EOF)))
	return k, nil
}

// more reads more of the source behind in.
func (d *decoder) more() {
	const room = 32 << 10
	at := len(d.in)
	if cap(d.in)-at < room {
		grown := make([]byte, at, 2*at+room)
		copy(grown, d.in)
		d.in = grown
	}
	for range 100 {
		var n int
		n, d.err = d.src.Read(d.in[at : at+room])
		d.in = d.in[:at+n]
		if n > 0 || d.err != nil {
			return
		}
	}
	d.err = io.ErrNoProgress
}

// firstBeyondASCII returns the index of the first byte that is not ASCII, or the
// length.
func firstBeyondASCII(b []byte) int {
	i := 0
	for ; len(b)-i >= 4*wordSize; i += 4 * wordSize {
		w := (*[4 * wordSize]byte)(b[i:])
		if (binary.LittleEndian.Uint64(w[:])|binary.LittleEndian.Uint64(w[8:])|binary.LittleEndian.Uint64(w[16:])|binary.LittleEndian.Uint64(w[24:]))&highBits != 0 {
			break
		}
	}
	for i < len(b) && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// textEncoding tells UTF-8 from text with one byte a character by a part of it;
// whole says that nothing follows. Letters of the one are hardly ever those of
// the other, so that the more frequent ones decide: what is wrong in UTF-8 stays
// wrong and is reported.
func textEncoding(b []byte, whole bool) string {
	valid, invalid := 0, 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r != utf8.RuneError || n > 1:
			valid++
		case whole || utf8.FullRune(b[i:]):
			invalid++
		}
		i += n
	}
	if invalid > valid {
		return encodingWindows1252
	}
	return encodingUTF8
}

// decode turns what is in, or more of the source, into out.
func (d *decoder) decode() error {
	const longest = 4 // bytes of a character, in any encoding
	if len(d.in) < longest && d.err == nil {
		d.more()
	}
	if len(d.in) == 0 {
		return d.err
	}
	d.out = d.spare[:0]
	if d.table[0] == "" {
		d.utf16()
	} else {
		for _, b := range d.in {
			if b < utf8.RuneSelf {
				d.out = append(d.out, b)
			} else {
				d.out = append(d.out, d.table[b-utf8.RuneSelf]...)
			}
		}
		d.in = d.in[:0]
	}
	d.spare = d.out[:0]
	return nil
}

// utf16 decodes in up to a character that is not there as a whole.
func (d *decoder) utf16() {
	b := d.in
	order := binary.ByteOrder(binary.LittleEndian)
	if d.encoding == encodingUTF16BE {
		order = binary.BigEndian
	}
	for len(b) >= 2 {
		r := rune(order.Uint16(b))
		if !utf16.IsSurrogate(r) {
			d.out = utf8.AppendRune(d.out, r)
			b = b[2:]
			continue
		}
		if len(b) < 4 && d.err == nil {
			break
		}
		pair := utf8.RuneError
		if len(b) >= 4 {
			pair = utf16.DecodeRune(r, rune(order.Uint16(b[2:])))
		}
		if pair == utf8.RuneError {
			d.out = append(d.out, undecodable)
			b = b[2:]
			continue
		}
		d.out = utf8.AppendRune(d.out, pair)
		b = b[4:]
	}
	if d.err != nil && len(b) > 0 {
		d.out = append(d.out, undecodable)
		b = nil
	}
	d.in = append(d.in[:0], b...)
}

// known returns the encoding as far as the text has shown it.
func (d *decoder) known() string {
	if d.encoding == "" {
		return encodingUTF8
	}
	return d.encoding
}

// encoded is a source that says in what encoding the text is.
type encoded interface{ known() string }

// encodingOf returns the encoding that the text of the source was in.
func encodingOf(src io.Reader) string {
	if e, ok := src.(encoded); ok {
		return e.known()
	}
	return encodingUTF8
}

// undecodableReason says that a byte is no text; prefix is that of the code.
func undecodableReason(encoding string, b byte, prefix string) (code, reason string) {
	if encoding == encodingUTF8 {
		return prefix + "_invalid_utf8", fmt.Sprintf("the byte 0x%02X is not UTF-8 text; save the file as UTF-8, or say its encoding, such as windows-1252", b)
	}
	return prefix + "_undecodable", fmt.Sprintf("there is something here that is not %s text; say the encoding of the file, or save it as UTF-8", encoding)
}
