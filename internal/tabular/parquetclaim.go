package tabular

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/format"
)

// A page says in a few bytes how much is in it: how many values, how long they are
// when they are unpacked, how often one is repeated. The library makes room for what
// a page says, so that a page of ten bytes could take all memory, which no program
// survives. claims finds out before whether it is so.
type claims struct {
	src      io.ReaderAt
	codec    format.CompressionCodec
	kind     parquet.Kind
	optional bool

	packed   []byte
	unpacked []byte
}

// overhang is how many values more than it needs a run may have, since the last one
// of bits has eight, or a few times eight.
const overhang = 512

var errClaim = errors.New("a page says that it holds more than it can")

// check looks at the page whose header is h and whose body is at.
func (c *claims) check(h *format.PageHeader, at int64) error {
	switch {
	case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
		return c.dictionary(h, at)
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		return c.first(h, at)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		return c.second(h, at)
	default:
		return nil // the library refuses it
	}
}

func (c *claims) dictionary(h *format.PageHeader, at int64) error {
	const length, bits = 4, 8 // bytes in front of each text, truth values in a byte
	most := int64(h.UncompressedPageSize)
	switch c.kind {
	case parquet.ByteArray:
		most /= length
	case parquet.Boolean:
		most *= bits
	default:
	}
	if n := int64(h.DictionaryPageHeader.V.NumValues); n > most {
		return fmt.Errorf("%w: a dictionary of %d values in %d bytes", errClaim, n, h.UncompressedPageSize)
	}
	_, err := c.body(h, at, int64(h.CompressedPageSize), c.codec != format.Uncompressed, 0)
	return err
}

// first looks at a page of the first kind, whose levels are before its values.
func (c *claims) first(h *format.PageHeader, at int64) error {
	p := &h.DataPageHeader.V
	need := beginningOf(p.Encoding)
	if c.optional {
		need = all
	}
	body, err := c.body(h, at, int64(h.CompressedPageSize), c.codec != format.Uncompressed, need)
	if err != nil {
		return err
	}
	if c.optional {
		levels, rest, err := prefixed(body)
		if err != nil {
			return err
		}
		if p.DefinitionLevelEncoding == format.RLE {
			if err := runs(levels, 1, int64(p.NumValues)); err != nil {
				return err
			}
		}
		body = rest
	}
	return c.values(p.Encoding, body, int64(p.NumValues))
}

// second looks at a page of the second kind, whose levels are never packed.
func (c *claims) second(h *format.PageHeader, at int64) error {
	p := &h.DataPageHeaderV2.V
	repeated, defined, size := int64(p.RepetitionLevelsByteLength), int64(p.DefinitionLevelsByteLength), int64(h.CompressedPageSize)
	if repeated < 0 || defined < 0 || repeated+defined > size {
		return fmt.Errorf("%w: levels", errClaim)
	}
	if c.optional {
		levels, err := c.read(at+repeated, defined)
		if err != nil {
			return err
		}
		if err := runs(levels, 1, int64(p.NumValues)); err != nil {
			return err
		}
	}
	at, size = at+repeated+defined, size-repeated-defined
	packed := c.codec != format.Uncompressed && (!p.IsCompressed.Valid || p.IsCompressed.V)
	body, err := c.body(h, at, size, packed, beginningOf(p.Encoding))
	if err != nil {
		return err
	}
	return c.values(p.Encoding, body, int64(p.NumValues))
}

// all are the bytes of a page.
const all = 1 << 40

// beginningOf returns how many bytes of values in an encoding say how many there are.
func beginningOf(e format.Encoding) int64 {
	switch e {
	case format.Plain, format.ByteStreamSplit: // which are as long as they are
		return 0
	case format.DeltaBinaryPacked, format.DeltaLengthByteArray:
		return 3 * binary.MaxVarintLen64
	default:
		return all
	}
}

// body returns the first bytes of what is in a page, as many as are needed at least,
// and finds out whether unpacking gives more than the page says.
func (c *claims) body(h *format.PageHeader, at, size int64, packed bool, need int64) ([]byte, error) {
	if !packed {
		return c.read(at, min(need, size))
	}
	most := int64(h.UncompressedPageSize)
	if c.codec == format.Snappy {
		head, err := c.read(at, min(size, binary.MaxVarintLen64))
		if err != nil {
			return nil, err
		}
		if n, err := s2.DecodedLen(head); err != nil || int64(n) > most {
			return nil, errors.Join(errClaim, err)
		}
		if need == 0 {
			return nil, nil
		}
	}
	b, err := c.read(at, size)
	if err != nil {
		return nil, err
	}
	switch c.codec {
	case format.Snappy:
		c.unpacked, err = s2.Decode(c.unpacked[:cap(c.unpacked)], b)
	case format.Zstd:
		err = c.unpackZstd(b, most)
	case format.Gzip:
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			err = c.unpack(r, most)
		}
	default: // the only other one that is read
		err = c.unpack(brotli.NewReader(bytes.NewReader(b)), most)
	}
	if err == nil && int64(len(c.unpacked)) > most {
		err = fmt.Errorf("%w: it unpacks to more than %d bytes", errClaim, most)
	}
	return c.unpacked, err
}

// zstdRoom is what unpacking may take however small a page says that it is.
const zstdRoom = 128 << 20

func (c *claims) unpackZstd(b []byte, most int64) error {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(most, zstdRoom))))
	if err != nil {
		return fmt.Errorf("unpack page: %w", err)
	}
	defer d.Close()
	if c.unpacked, err = d.DecodeAll(b, c.unpacked[:0]); err != nil {
		return fmt.Errorf("unpack page: %w", err)
	}
	return nil
}

// unpack reads one byte more than there may be at most.
func (c *claims) unpack(r io.Reader, most int64) error {
	to := bytes.NewBuffer(c.unpacked[:0])
	_, err := io.Copy(to, io.LimitReader(r, most+1))
	c.unpacked = to.Bytes()
	if err != nil {
		return fmt.Errorf("unpack page: %w", err)
	}
	return nil
}

// read returns n bytes of the file.
func (c *claims) read(at, n int64) ([]byte, error) {
	if int64(cap(c.packed)) < n {
		c.packed = make([]byte, n)
	}
	c.packed = c.packed[:n]
	if k, err := c.src.ReadAt(c.packed, at); int64(k) < n {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return c.packed, nil
}

// olderDictionary is what older writers call an encoding by a dictionary.
const olderDictionary format.Encoding = 2

// values looks at n values at most, some of which may be missing.
func (c *claims) values(e format.Encoding, b []byte, n int64) error {
	switch e {
	case format.RLEDictionary, olderDictionary:
		if len(b) == 0 {
			return nil
		}
		return runs(b[1:], int64(b[0]), n)
	case format.RLE:
		if c.kind != parquet.Boolean {
			return runs(b, 0, n)
		}
		b, _, err := prefixed(b)
		if err != nil {
			return err
		}
		return runs(b, 1, n)
	case format.DeltaBinaryPacked, format.DeltaLengthByteArray:
		_, err := deltas(b, n, false)
		return err
	case format.DeltaByteArray:
		return shared(b, n)
	default:
		return nil
	}
}

// prefixed cuts off bytes in front of which their length is.
func prefixed(b []byte) (first, rest []byte, err error) {
	const size = 4
	if len(b) < size || int64(binary.LittleEndian.Uint32(b)) > int64(len(b)-size) {
		return nil, nil, io.ErrUnexpectedEOF
	}
	n := size + int(binary.LittleEndian.Uint32(b))
	return b[size:n], b[n:], nil
}

// runs looks at runs of numbers of so many bits, whose sum must be n about.
func runs(b []byte, width, n int64) error {
	const together, bits = 8, 8
	for sum := int64(0); len(b) > 0; {
		head, k := binary.Uvarint(b)
		if k <= 0 {
			return fmt.Errorf("%w: a run has no length", errClaim)
		}
		count, size := int64(head>>1), (width+bits-1)/bits
		if count > n+overhang {
			return fmt.Errorf("%w: a run of %d among %d values", errClaim, count, n)
		}
		if head&1 != 0 {
			size, count = count*width, count*together
		}
		if sum += count; sum > n+overhang {
			return fmt.Errorf("%w: runs of %d and more among %d values", errClaim, sum, n)
		}
		b = b[k:]
		b = b[min(size, int64(len(b))):]
	}
	return nil
}

// deltas looks at differences between numbers, of which there must be n at most, and
// returns what is behind them if that is wanted.
func deltas(b []byte, n int64, behind bool) ([]byte, error) {
	const bits = 8
	var head [4]uint64 // values of a block, its parts, values, the first value
	for k := range head {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, io.ErrUnexpectedEOF
		}
		head[k], b = v, b[size:]
		if k == 2 && !behind {
			break
		}
	}
	block, parts, left := head[0], head[1], head[2]
	if left > uint64(n) {
		return nil, fmt.Errorf("%w: differences of %d among %d values", errClaim, left, n)
	}
	if !behind || left == 0 {
		return b, nil
	}
	const most = 1 << 16
	if block == 0 || block > most || parts == 0 || parts > block {
		return nil, fmt.Errorf("%w: blocks of %d values in %d parts", errClaim, block, parts)
	}
	for left--; left > 0; {
		_, size := binary.Uvarint(b)
		if size <= 0 || uint64(len(b)-size) < parts {
			return nil, io.ErrUnexpectedEOF
		}
		widths := b[size:][:parts]
		b = b[size+int(parts):]
		for _, width := range widths {
			if left == 0 {
				break
			}
			b = b[min(uint64(len(b)), block/parts*uint64(width)/bits):]
			left -= min(left, block/parts)
		}
	}
	return b, nil
}

// shared looks at texts that begin as the one before does, each of which may be as
// long as all of them and take no room in the page.
func shared(b []byte, n int64) error {
	lengths, err := deltas(b, n, true)
	if err != nil {
		return err
	}
	if _, err := deltas(lengths, n, false); err != nil {
		return err
	}
	prefixes, err := new(delta.BinaryPackedEncoding).DecodeInt32(nil, b)
	if err != nil {
		return fmt.Errorf("lengths of prefixes: %w", err)
	}
	sum := int64(len(b))
	for _, p := range prefixes {
		sum += max(int64(p), 0)
	}
	if sum > maxPages {
		return fmt.Errorf("%w: texts of %d bytes", errClaim, sum)
	}
	return nil
}
