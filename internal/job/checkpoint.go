package job

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// CheckpointFiles keeps the checkpoints of jobs. It is a subset of the blob
// client.
type CheckpointFiles interface {
	// Put stores the file, replacing what was there.
	Put(ctx context.Context, key, contentType string, r io.Reader) (int64, error)
	// Open returns the file, or a fault of class not_found.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	// Delete removes files; missing ones are fine.
	Delete(ctx context.Context, keys ...string) error
	// Each calls fn for every file whose key begins with the prefix.
	Each(ctx context.Context, prefix string, fn func(key string, size int64, modified time.Time) error) error
}

// CheckpointPrefix is where the checkpoints of a job are kept.
func CheckpointPrefix(id string) string { return Prefix(id) + "checkpoint/" }

// checkpoints implements Checkpoint for one attempt. A checkpoint is shared by
// all attempts, so it is fenced: Save refuses once the attempt has lost its
// job, and asks the record first when it has not been in touch with it for a
// while, as after a pause of the process. What remains is a request already
// under way when the job was lost: it replaces a checkpoint by another true
// one of the same job, since what a handler saves depends on its input only.
type checkpoints struct {
	files   CheckpointFiles
	job     string
	epoch   int
	max     int
	fence   func(ctx context.Context) error // nil while the attempt has its job
	trouble func(ctx context.Context, operation string, err error)
	saved   func()      // told of every checkpoint that is kept
	used    atomic.Bool // there is, or may be, something to delete
}

var _ Checkpoint = (*checkpoints)(nil)

var checkpointName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`)

// The envelope of a checkpoint: 4 bytes "NCP1", the epoch that wrote it in 4
// bytes, the length of the data in 8 bytes, the data, and the CRC-32C of
// everything before and of the job's identifier and the name, in 4 bytes; all
// big endian.
const (
	envelopeMagic = "NCP1"
	envelopeHead  = 16
	envelopeTail  = 4
)

var errEnvelope = errors.New("job: the checkpoint is damaged")

func (c *checkpoints) key(name string) (string, error) {
	if !checkpointName.MatchString(name) {
		return "", fmt.Errorf("checkpoint %q of job %s: a name is made of letters, digits and ._-", name, c.job)
	}
	return CheckpointPrefix(c.job) + name, nil
}

// Load implements Checkpoint. A damaged checkpoint counts as none.
func (c *checkpoints) Load(ctx context.Context, name string) (data []byte, ok bool, err error) {
	key, err := c.key(name)
	if err != nil {
		return nil, false, err
	}
	r, err := c.files.Open(ctx, key)
	if isNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("load checkpoint %s of job %s: %w", name, c.job, err)
	}
	defer func() { _ = r.Close() }()
	c.used.Store(true)
	sealed, err := io.ReadAll(io.LimitReader(r, int64(c.max)+envelopeHead+envelopeTail+1))
	if isNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("load checkpoint %s of job %s: %w", name, c.job, err)
	}
	data, err = unseal(c.job, name, sealed)
	if err != nil {
		c.trouble(ctx, "load_checkpoint", fmt.Errorf("checkpoint %s: %w", name, err))
		return nil, false, nil
	}
	return data, true, nil
}

// Save implements Checkpoint.
func (c *checkpoints) Save(ctx context.Context, name string, data []byte) error {
	key, err := c.key(name)
	if err != nil {
		return err
	}
	if len(data) > c.max {
		return fault.TooLarge("checkpoint_too_large", "A checkpoint takes %d bytes; at most %d are kept.", len(data), c.max)
	}
	if err := c.fence(ctx); err != nil {
		return fmt.Errorf("save checkpoint %s of job %s: %w", name, c.job, err)
	}
	c.used.Store(true)
	if _, err := c.files.Put(ctx, key, "application/octet-stream", bytes.NewReader(seal(c.job, name, c.epoch, data))); err != nil {
		return fmt.Errorf("save checkpoint %s of job %s: %w", name, c.job, err)
	}
	c.saved()
	return nil
}

// clear deletes all checkpoints of the job, best effort: what stays behind is
// found by the clean-up.
func (c *checkpoints) clear(ctx context.Context) {
	if !c.used.Load() {
		return
	}
	var keys []string
	err := c.files.Each(ctx, CheckpointPrefix(c.job), func(key string, _ int64, _ time.Time) error {
		keys = append(keys, key)
		return nil
	})
	if err == nil && len(keys) > 0 {
		err = c.files.Delete(ctx, keys...)
	}
	if err != nil {
		c.trouble(ctx, "delete_checkpoints", err)
	}
}

func checksum(job, name string, sealed []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum(sealed, table)
	sum = crc32.Update(sum, table, []byte(job))
	return crc32.Update(sum, table, []byte("/"+name))
}

func seal(job, name string, epoch int, data []byte) []byte {
	b := make([]byte, 0, envelopeHead+len(data)+envelopeTail)
	b = append(b, envelopeMagic...)
	b = binary.BigEndian.AppendUint32(b, uint32(epoch))
	b = binary.BigEndian.AppendUint64(b, uint64(len(data)))
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, checksum(job, name, b))
}

func unseal(job, name string, sealed []byte) ([]byte, error) {
	if len(sealed) < envelopeHead+envelopeTail || string(sealed[:4]) != envelopeMagic {
		return nil, errEnvelope
	}
	body, tail := sealed[:len(sealed)-envelopeTail], sealed[len(sealed)-envelopeTail:]
	if binary.BigEndian.Uint32(tail) != checksum(job, name, body) ||
		binary.BigEndian.Uint64(body[8:]) != uint64(len(body)-envelopeHead) {
		return nil, errEnvelope
	}
	return body[envelopeHead:], nil
}
