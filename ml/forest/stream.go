package forest

import (
	"io"
	"iter"

	"github.com/narrativeml/narrative/ml/internal/wire"
)

// pieceSize is from how many bytes on a piece is handed on.
const pieceSize = 32 << 10

// Pieces returns what AppendBinary appends, some trees at a time, so that a
// large model can be written without its bytes being held at once. A piece is
// there until the next.
func (m *Model) Pieces() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		b, c := m.appendHead(nil), m.codec()
		for i := range m.trees {
			b = c.append(b, &m.trees[i])
			if len(b) < pieceSize {
				continue
			}
			if !yield(b) {
				return
			}
			b = b[:0]
		}
		if len(b) > 0 {
			yield(b)
		}
	}
}

// Read reads the next size bytes of r as Decode does, tree by tree.
func Read(r io.Reader, size uint64) (*Model, error) { return read(wire.NewStream(r, size)) }
