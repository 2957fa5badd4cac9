package dataset

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/narrativeml/narrative/internal/fault"
)

// sum finds the SHA-256 of a file that came in pieces, and compares it with what
// the client says. Mostly the file has just been read from its first byte to its
// last; if not, it is read for this alone.
func (in *ingest) sum(ctx context.Context) error {
	d := in.dataset
	if d.SHA256 != "" {
		return nil
	}
	if in.digest == "" {
		src, err := in.Open(ctx)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, src)
		if closing := src.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return fmt.Errorf("read file of data set %s: %w", d.ID, err)
		}
	}
	if d.Said != "" && d.Said != in.digest {
		return fault.Invalid("checksum_mismatch", "the file that has arrived is not the one that was sent: its SHA-256 is %s and not %s; upload it again", in.digest, d.Said)
	}
	return nil
}

// digesting finds the checksum of a file that is read to its end.
type digesting struct {
	io.ReadCloser
	hash hash.Hash
	in   *ingest
}

// Read implements io.Reader.
func (d *digesting) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	_, _ = d.hash.Write(p[:n]) // never fails
	if errors.Is(err, io.EOF) && d.in.digest == "" {
		d.in.digest = hex.EncodeToString(d.hash.Sum(nil))
	}
	return n, err
}
