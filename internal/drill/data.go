package drill

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

// Target is a platform to be measured, running in a process of its own.
type Target struct {
	Client *client.Client
	PID    int // of the process that runs the jobs
}

// Start starts a platform with empty parts; stop ends it.
type Start func(ctx context.Context) (t Target, stop func() error, err error)

const (
	smallRows = 100_000
	largeRows = 1_000_000
	hugeRows  = 4_000_000
	trainRows = 20_000
	mega      = 1e6
)

// DataArea measures ingest and prediction of tables of so many rows, through
// the API, and the peak memory of the process; without rows, of 100,000,
// 1,000,000 and 4,000,000, since a small table is done before the process has
// filled its buffers.
func DataArea(start Start, rows ...int) Area {
	if len(rows) == 0 {
		rows = []int{smallRows, largeRows, hugeRows}
	}
	return Area{Name: "data", Measure: func(ctx context.Context, out io.Writer) (figures []Figure, err error) {
		target, stop, err := start(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, stop()) }()
		d := &dataDrill{target: target, out: out}
		if err := d.train(ctx); err != nil {
			return nil, err
		}
		for _, n := range rows {
			if err := d.measure(ctx, n); err != nil {
				return nil, err
			}
		}
		return d.figures, nil
	}}
}

// dataDrill is one run of the data area.
type dataDrill struct {
	target  Target
	out     io.Writer
	modelID string
	figures []Figure
}

func (d *dataDrill) upload(ctx context.Context, rows int) (datasetID string, size int64, j *client.Job, err error) {
	file := newTable(rows)
	a, err := d.target.Client.Upload(ctx, client.Upload{Name: "bench " + strconv.Itoa(rows), Filename: "bench.csv", Body: file})
	if err != nil {
		return "", 0, nil, err
	}
	j, err = d.target.Client.Wait(ctx, a.JobID, nil)
	return a.DatasetID, file.read, j, err
}

func (d *dataDrill) train(ctx context.Context) error {
	dataset, _, _, err := d.upload(ctx, trainRows)
	if err != nil {
		return err
	}
	j, err := d.target.Client.Train(ctx, client.TrainRequest{
		DatasetID: dataset, Target: targetColumn, Algorithms: []string{"gbdt"}, Folds: 2, Trees: 50,
	}, "")
	if err != nil {
		return err
	}
	if j, err = d.target.Client.Wait(ctx, j.ID, nil); err != nil {
		return err
	}
	var made struct {
		ModelID string `json:"model_id"`
	}
	if err := unmarshal(j, &made); err != nil {
		return err
	}
	d.modelID = made.ModelID
	return nil
}

func (d *dataDrill) measure(ctx context.Context, rows int) error {
	if err := resetPeak(d.target.PID); err != nil {
		return err
	}
	dataset, size, j, err := d.upload(ctx, rows)
	if err != nil {
		return err
	}
	if err := d.record("ingest", rows, size, j); err != nil {
		return err
	}
	if err := resetPeak(d.target.PID); err != nil {
		return err
	}
	if j, err = d.target.Client.Predict(ctx, client.PredictRequest{ModelID: d.modelID, DatasetID: dataset}, ""); err != nil {
		return err
	}
	if j, err = d.target.Client.Wait(ctx, j.ID, nil); err != nil {
		return err
	}
	var p client.Predicted
	if err := unmarshal(j, &p); err != nil {
		return err
	}
	if p.Rows != int64(rows) {
		return fmt.Errorf("%d of %d rows were predicted", p.Rows, rows)
	}
	return d.record("predict", rows, size, j)
}

// record makes figures of a finished job.
func (d *dataDrill) record(what string, rows int, size int64, j *client.Job) error {
	took := j.FinishedAt.Sub(j.StartedAt).Seconds()
	if took <= 0 {
		return fmt.Errorf("job %s took %v seconds", j.ID, took)
	}
	peak, err := peakMemory(d.target.PID)
	if err != nil {
		return err
	}
	peak += j.MemoryPeak // of a job in a process of its own
	name := what + "-" + short(rows)
	note := fmt.Sprintf("%d columns, %.1f MB, from start to end of the job", columns, float64(size)/mega)
	d.figures = append(d.figures,
		Alone(name+"-rows-per-second", float64(rows)/took, "rows/s", note),
		Alone(name+"-mb-per-second", float64(size)/mega/took, "MB/s", note),
		Alone(name+"-peak-memory", float64(peak)/mega, "MB", "resident, of the process with embedded parts and of the job's own, if it has one"),
	)
	_, err = fmt.Fprintf(d.out, "%s: %.1f s, %.0f MB\n", name, took, float64(peak)/mega)
	return err
}

func short(rows int) string {
	if rows >= mega {
		return strconv.Itoa(rows/mega) + "m"
	}
	return strconv.Itoa(rows/1000) + "k"
}

const (
	targetColumn = "churned"
	header       = "id,age,balance,rate,visits,plan,city,opened_at,active,score_a,score_b,note,churned\n"
	columns      = 13
)

// table is a CSV file that is made while it is read: the same bytes for the
// same number of rows.
type table struct {
	rows, next int
	random     *rand.Rand
	reader     *bufio.Reader
	pending    []byte
	read       int64
}

func newTable(rows int) *table {
	t := &table{rows: rows, random: rand.New(rand.NewPCG(1, uint64(rows))), pending: []byte(header)}
	t.reader = bufio.NewReaderSize(lines{t}, 1<<16)
	return t
}

// Read implements io.Reader.
func (t *table) Read(p []byte) (int, error) {
	n, err := t.reader.Read(p)
	t.read += int64(n)
	return n, err
}

// lines reads a table line by line.
type lines struct{ t *table }

func (l lines) Read(p []byte) (int, error) {
	if len(l.t.pending) == 0 {
		if l.t.next == l.t.rows {
			return 0, io.EOF
		}
		l.t.pending = l.t.line(l.t.pending[:0])
	}
	n := copy(p, l.t.pending)
	l.t.pending = l.t.pending[n:]
	return n, nil
}

// line appends the next row.
func (t *table) line(b []byte) []byte {
	t.next++
	r := t.random
	age, balance, visits := 18+r.IntN(70), r.NormFloat64()*1000, r.IntN(40)
	plan := [...]string{"free", "basic", "pro", "team"}[r.IntN(4)]
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(1500))
	churned := "no"
	if r.Float64() < 0.1+0.4*float64(40-visits)/40 {
		churned = "yes"
	}
	b = strconv.AppendInt(b, int64(t.next), 10)
	b = strconv.AppendInt(append(b, ','), int64(age), 10)
	b = append(b, ',')
	if r.IntN(20) > 0 { // one in twenty is missing
		b = strconv.AppendFloat(b, balance, 'f', 2, 64)
	}
	b = strconv.AppendFloat(append(b, ','), r.Float64(), 'f', 4, 64)
	b = strconv.AppendInt(append(b, ','), int64(visits), 10)
	b = append(append(b, ','), plan...)
	b = strconv.AppendInt(append(b, ",city-"...), int64(r.IntN(200)), 10)
	b = day.AppendFormat(append(b, ','), time.DateOnly)
	b = strconv.AppendBool(append(b, ','), r.IntN(2) == 0)
	b = strconv.AppendFloat(append(b, ','), r.NormFloat64(), 'f', 5, 64)
	b = strconv.AppendFloat(append(b, ','), r.ExpFloat64(), 'f', 5, 64)
	b = strconv.AppendInt(append(b, ",\"note, number "...), int64(r.IntN(5000)), 10)
	b = append(append(b, "\","...), churned...)
	return append(b, '\n')
}
