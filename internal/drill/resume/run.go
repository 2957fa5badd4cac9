package resume

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

// Options say how the drill is done.
type Options struct {
	Program string    // this program
	Size    int64     // of the file, in bytes; a row more
	Seed    uint64    // decides what is in the file
	Piece   int64     // bytes of one request; 0: the client's own
	Environ []string  // more variables of the processes
	Out     io.Writer // gets the table and the verdict
}

// Outcome is what the drill found.
type Outcome struct {
	Bytes, Rows    int64
	Sent, Stored   string // SHA-256, in hexadecimal
	Cuts, Restarts int
	Resumed        []int64 // offsets at which the upload went on
	Took           time.Duration
	Peak           int64 // bytes of memory of the API
}

// Run sends a file, with a cut of the connection after a third and a kill of the
// API after two thirds, and returns an error when it did not arrive as it was.
func Run(ctx context.Context, o Options) (_ *Outcome, err error) {
	if o.Size < 1 {
		return nil, fmt.Errorf("the file is to have %d bytes; ask for at least one", o.Size)
	}
	dir, err := os.MkdirTemp("", "narrative-upload-*")
	if err != nil {
		return nil, fmt.Errorf("prepare the drill: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &drill{options: o, file: filepath.Join(dir, "table.csv")}
	if err := d.write(); err != nil {
		return nil, err
	}
	if d.platform, err = start(ctx, o.Program, dir, o.Environ); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.platform.stop()) }()
	if err := d.send(ctx); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, d.log(dir))
	}
	if err := d.compare(ctx); err != nil {
		return nil, err
	}
	return &d.outcome, d.report()
}

// drill is one run.
type drill struct {
	options  Options
	file     string
	platform *platform
	client   *client.Client
	accepted client.Accepted
	outcome  Outcome
}

// write makes the table.
func (d *drill) write() error {
	file, err := os.Create(d.file)
	if err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(file, sum), 1<<20)
	r := rand.New(rand.NewPCG(d.options.Seed, 1))
	n, err := fmt.Fprintln(w, "id,segment,amount,visits,note")
	d.outcome.Bytes = int64(n)
	segments := []string{"retail", "trade", "public", "abroad"}
	for err == nil && d.outcome.Bytes < d.options.Size {
		n, err = fmt.Fprintf(w, "%d,%s,%.4f,%d,\"note %x of %x\"\n", d.outcome.Rows, segments[r.IntN(len(segments))], r.NormFloat64()*1000, r.IntN(500), r.Uint64(), r.Uint64())
		d.outcome.Bytes += int64(n)
		d.outcome.Rows++
	}
	if err = errors.Join(err, w.Flush(), file.Close()); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	d.outcome.Sent = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// send uploads the table and hurts the platform on the way.
func (d *drill) send(ctx context.Context) (err error) {
	wire, err := newWire(ctx, d.platform.address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wire.end()) }()
	if d.client, err = client.New(wire.url(), client.Options{}); err != nil {
		return err
	}
	file, err := os.Open(d.file)
	if err != nil {
		return fmt.Errorf("send the table: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	var cut, kill sync.Once
	var killing sync.WaitGroup
	var killed error
	began := time.Now()
	d.accepted, err = d.client.UploadResumable(ctx, client.Resumable{
		Upload: client.Upload{Name: "drill", Filename: "table.csv"}, File: file, Size: d.outcome.Bytes, SHA256: d.outcome.Sent, Piece: d.options.Piece,
		Resumed: func(at int64) { d.outcome.Resumed = append(d.outcome.Resumed, at) },
		Progress: func(sent int64) {
			if sent >= d.outcome.Bytes/3 {
				cut.Do(func() {
					wire.cut()
					d.outcome.Cuts++
				})
			}
			if sent >= 2*d.outcome.Bytes/3 {
				kill.Do(func() {
					killing.Go(func() { killed = d.platform.killAPI(ctx) })
					d.outcome.Restarts++
				})
			}
		},
	})
	d.outcome.Took = time.Since(began)
	killing.Wait()
	if err = errors.Join(err, killed); err != nil {
		return err
	}
	if err := d.platform.look(); err != nil {
		return err
	}
	j, err := d.client.Wait(ctx, d.accepted.JobID, nil)
	if err == nil && j.State != client.Succeeded {
		err = fmt.Errorf("the ingest job %s is %s", j.ID, j.State)
	}
	return err
}

// compare reads what is stored.
func (d *drill) compare(ctx context.Context) error {
	c, err := client.New("http://"+d.platform.address, client.Options{})
	if err != nil {
		return err
	}
	made, err := c.Dataset(ctx, d.accepted.DatasetID)
	if err != nil {
		return err
	}
	files, err := d.platform.files()
	if err != nil {
		return fmt.Errorf("open the file storage: %w", err)
	}
	defer files.Close()
	keys := []string{}
	if err := files.Each(ctx, "uploads/", func(key string, _ int64, _ time.Time) error {
		keys = append(keys, key)
		return nil
	}); err != nil {
		return err
	}
	if len(keys) != 1 {
		return fmt.Errorf("one file was uploaded, and stored are %q", keys)
	}
	src, err := files.Open(ctx, keys[0])
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }() // it was only read
	sum := sha256.New()
	if _, err := io.Copy(sum, src); err != nil {
		return fmt.Errorf("read what is stored: %w", err)
	}
	d.outcome.Stored, d.outcome.Peak = hex.EncodeToString(sum.Sum(nil)), d.platform.peak
	if made.Rows != d.outcome.Rows {
		return fmt.Errorf("the data set has %d rows instead of %d", made.Rows, d.outcome.Rows)
	}
	return nil
}

// report prints what was found and says whether it is well.
func (d *drill) report() error {
	o := &d.outcome
	const mb = 1e6
	rows := [][2]string{
		{"bytes", strconv.FormatInt(o.Bytes, 10)},
		{"rows", strconv.FormatInt(o.Rows, 10)},
		{"cut connections", strconv.Itoa(o.Cuts)},
		{"killed and restarted APIs", strconv.Itoa(o.Restarts)},
		{"resumed at", fmt.Sprint(o.Resumed)},
		{"MB/s", fmt.Sprintf("%.0f", float64(o.Bytes)/mb/o.Took.Seconds())},
		{"API peak memory, MB", fmt.Sprintf("%.0f", float64(o.Peak)/mb)},
		{"SHA-256 sent", o.Sent},
		{"SHA-256 stored", o.Stored},
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(d.options.Out, "%-26s %s\n", row[0], row[1]); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	verdict := "the upload arrived as it was sent"
	var failed error
	switch {
	case o.Sent != o.Stored:
		failed = errors.New("what is stored is not what was sent")
	case o.Cuts != 1 || o.Restarts != 1 || len(o.Resumed) == 0:
		failed = errors.New("the upload was not hurt as it should be")
	}
	if failed != nil {
		return failed
	}
	if _, err := fmt.Fprintln(d.options.Out, verdict); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// log returns the end of the API's logs, for an error.
func (d *drill) log(dir string) string {
	names, _ := filepath.Glob(filepath.Join(dir, "*-api.log")) // the pattern is a good one
	const most = 4 << 10
	var text strings.Builder
	for _, name := range names {
		b, err := os.ReadFile(name) //nolint:gosec // in our own folder
		if err == nil {
			text.Write(b[max(0, len(b)-most):])
		}
	}
	return text.String()
}
