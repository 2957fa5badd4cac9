package tabular

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// memoryTexts is how many bytes of texts, their ends included, a textStore keeps
// in memory.
const memoryTexts = 32 << 20

// textStore keeps texts by number: in memory, and from a size on in a file. It
// is not safe for concurrent use.
type textStore struct {
	room int // bytes in memory
	data []byte
	ends []int64 // of the texts in memory
	size int64   // bytes of all texts
	n    int     // texts
	file *spill
}

// spill is where texts go that do not fit into memory: the texts one behind the
// other, and for each where it ends.
type spill struct {
	texts, ends     *os.File
	textsAt, endsAt io.ReaderAt // when all are written
	textsTo, endsTo *outBuffer
}

func newTextStore(room int) *textStore { return &textStore{room: room} }

// add keeps a copy of the text under the next number.
func (s *textStore) add(text []byte) error {
	s.size += int64(len(text))
	s.n++
	if s.file == nil {
		const end = 8
		if len(s.data)+len(text)+end*s.n <= s.room {
			s.data = append(s.data, text...)
			s.ends = append(s.ends, s.size)
			return nil
		}
		if err := s.leaveMemory(); err != nil {
			return err
		}
	}
	err := s.file.textsTo.write(text)
	if err == nil {
		err = s.file.endsTo.write(binary.LittleEndian.AppendUint64(nil, uint64(s.size)))
	}
	if err != nil {
		return fmt.Errorf("keep texts of a workbook: %w", err)
	}
	return nil
}

// leaveMemory moves what there is to files.
func (s *textStore) leaveMemory() error {
	texts, err := scratch()
	if err != nil {
		return err
	}
	ends, err := scratch()
	if err != nil {
		return errors.Join(err, discard(texts))
	}
	s.file = &spill{texts: texts, ends: ends, textsTo: &outBuffer{file: texts}, endsTo: &outBuffer{file: ends}}
	err = s.file.textsTo.write(s.data)
	for _, end := range s.ends {
		if err == nil {
			err = s.file.endsTo.write(binary.LittleEndian.AppendUint64(nil, uint64(end)))
		}
	}
	if err != nil {
		return fmt.Errorf("keep texts of a workbook: %w", err)
	}
	s.data, s.ends = nil, nil
	return nil
}

// outBuffer collects what goes to a file.
type outBuffer struct {
	file *os.File
	b    []byte
}

func (o *outBuffer) write(b []byte) error {
	o.b = append(o.b, b...)
	if len(o.b) < readSize {
		return nil
	}
	return o.flush()
}

func (o *outBuffer) flush() error {
	_, err := o.file.Write(o.b)
	o.b = o.b[:0]
	return err
}

// scratch makes a file that is gone when it is closed, or when the process ends.
func scratch() (*os.File, error) {
	f, err := os.CreateTemp("", "narrative-texts-*")
	if err != nil {
		return nil, fmt.Errorf("keep texts of a workbook: %w", err)
	}
	_ = os.Remove(f.Name()) // where that does not go, discard does it
	return f, nil
}

func discard(f *os.File) error {
	err := f.Close()
	if gone := os.Remove(f.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// done ends adding.
func (s *textStore) done() error {
	if s.file == nil {
		return nil
	}
	if err := errors.Join(s.file.textsTo.flush(), s.file.endsTo.flush()); err != nil {
		return fmt.Errorf("keep texts of a workbook: %w", err)
	}
	const end = 8
	s.file.textsAt = Buffered(s.file.texts, s.size)
	s.file.endsAt = Buffered(s.file.ends, int64(s.n)*end)
	return nil
}

// get appends the text of that number. It reports false when there is none.
func (s *textStore) get(to []byte, number int) ([]byte, bool, error) {
	if number < 0 || number >= s.n {
		return to, false, nil
	}
	if s.file == nil {
		start := int64(0)
		if number > 0 {
			start = s.ends[number-1]
		}
		return append(to, s.data[start:s.ends[number]]...), true, nil
	}
	const size = 8
	var around [2 * size]byte // the end of the one before, and its own
	at, from := int64(number-1)*size, around[:]
	if number == 0 {
		at, from = 0, around[size:]
	}
	if _, err := s.file.endsAt.ReadAt(from, at); err != nil {
		return to, false, fmt.Errorf("read texts of a workbook: %w", err)
	}
	start, end := binary.LittleEndian.Uint64(around[:]), binary.LittleEndian.Uint64(around[size:])
	mark := len(to)
	to = append(to, make([]byte, end-start)...)
	if _, err := s.file.textsAt.ReadAt(to[mark:], int64(start)); err != nil {
		return to, false, fmt.Errorf("read texts of a workbook: %w", err)
	}
	return to, true, nil
}

// close gives the files back.
func (s *textStore) close() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(discard(s.file.texts), discard(s.file.ends))
}
