package cache_test

import (
	"bytes"
	"testing"

	"github.com/narrativeml/narrative/internal/cache"
)

// FuzzUnpack reads whatever may be kept: it gives back what was packed for the
// key, or says that it is damaged.
func FuzzUnpack(f *testing.F) {
	k := []byte("key")
	for _, answer := range [][]byte{nil, []byte("short"), bytes.Repeat([]byte("long "), 1000)} {
		kept, err := cache.Pack(k, answer)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kept)
		f.Add(kept[:len(kept)/2])
	}
	const most = 1 << 20
	f.Fuzz(func(t *testing.T, kept []byte) {
		answer, err := cache.Unpack(k, kept, most)
		if err != nil {
			return
		}
		if len(answer) > most {
			t.Errorf("%d bytes came out", len(answer))
		}
		again, err := cache.Pack(k, answer)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := cache.Unpack(k, again, most); err != nil || !bytes.Equal(back, answer) {
			t.Errorf("packed again it is another: %v", err)
		}
	})
}
