package cache

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// layout is that of keys and of what is kept; another one is another number.
const layout = 1

// What is kept begins with the layout, how it is packed, a CRC-32C over the key,
// the packing and what follows, and the length of the answer.
const (
	headBytes = 1 + 1 + 4 + 4
	whole     = 0
	deflated  = 1
)

// packFrom is the length from which on an answer is compressed.
const packFrom = 1 << 10

var errDamaged = errors.New("cache: what is kept is damaged, or another key's")

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func checksum(key, head, body []byte) uint32 {
	sum := crc32.Update(0, castagnoli(), key)
	return crc32.Update(crc32.Update(sum, castagnoli(), head), castagnoli(), body)
}

// pack returns what is kept of an answer.
func pack(key, answer []byte) ([]byte, error) {
	packing, body := byte(whole), answer
	if len(answer) >= packFrom {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, flate.BestSpeed)
		if err != nil {
			return nil, fmt.Errorf("cache: compress: %w", err)
		}
		_, err = w.Write(answer)
		if err = errors.Join(err, w.Close()); err != nil {
			return nil, fmt.Errorf("cache: compress: %w", err)
		}
		if b.Len() < len(answer) {
			packing, body = deflated, b.Bytes()
		}
	}
	head := binary.BigEndian.AppendUint32([]byte{layout, packing}, uint32(len(answer)))
	out := make([]byte, 0, headBytes+len(body))
	out = append(out, layout, packing)
	out = binary.BigEndian.AppendUint32(out, checksum(key, head, body))
	out = binary.BigEndian.AppendUint32(out, uint32(len(answer)))
	return append(out, body...), nil
}

// unpack returns the answer of what is kept, which may be anything: whoever can
// write to Redis can have written it.
func unpack(key, kept []byte, most int64) ([]byte, error) {
	if len(kept) < headBytes || kept[0] != layout {
		return nil, errDamaged
	}
	packing, sum, length := kept[1], binary.BigEndian.Uint32(kept[2:]), binary.BigEndian.Uint32(kept[6:])
	body := kept[headBytes:]
	head := binary.BigEndian.AppendUint32([]byte{layout, packing}, length)
	if checksum(key, head, body) != sum || int64(length) > most {
		return nil, errDamaged
	}
	switch packing {
	case whole:
		if len(body) != int(length) {
			return nil, errDamaged
		}
		return body, nil
	case deflated:
		r := flate.NewReader(bytes.NewReader(body))
		answer := make([]byte, length)
		if _, err := io.ReadFull(r, answer); err != nil {
			return nil, errDamaged
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			return nil, errDamaged
		}
		return answer, nil
	default:
		return nil, errDamaged
	}
}
