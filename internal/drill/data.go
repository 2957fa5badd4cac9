package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/drill/peer"
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
	// hugeWideRows make a file of 10 GB.
	hugeWideRows = 40_000_000
	trainRows    = 20_000
	mega         = 1e6
)

// DataPlan says how much is measured of tables.
type DataPlan struct {
	Start Start
	Size  string // small, full or huge; the sizes of other areas stand for full
	Peers peer.Programs
}

// dataSize is how much is measured.
type dataSize struct {
	rows     []int // of narrow tables, which are ingested and predicted
	wideRows int   // of the table of wideColumns
	rounds   int   // of the wide table, of which the median counts
	huge     bool  // the wide table is only previewed, and never a file of its own
}

func (p DataPlan) size() dataSize {
	switch p.Size {
	case "tiny":
		return dataSize{rows: []int{300, 3000}, wideRows: 300, rounds: 1}
	case "small":
		return dataSize{rows: []int{smallRows}, wideRows: smallRows, rounds: 1}
	case "huge":
		return dataSize{wideRows: hugeWideRows, huge: true}
	default:
		return dataSize{rows: []int{smallRows, largeRows, hugeRows}, wideRows: largeRows, rounds: 3}
	}
}

// DataArea measures, through the API, ingest and prediction of narrow tables of
// 100,000 to 4,000,000 rows with the peak memory of the process, and what is
// done with a table of 28 columns: ingest with its profile beside pandas,
// previews and a recipe of ten steps. A small table is done before the process
// has filled its buffers, hence the several sizes.
func DataArea(p DataPlan) Area {
	return Area{Name: "data", Measure: func(ctx context.Context, out io.Writer) (figures []Figure, err error) {
		target, stop, err := p.Start(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, stop()) }()
		d := &dataDrill{target: target, out: out, size: p.size(), peers: p.Peers}
		if len(d.size.rows) > 0 {
			if err := d.train(ctx); err != nil {
				return nil, err
			}
		}
		for _, n := range d.size.rows {
			if err := d.measure(ctx, n); err != nil {
				return nil, err
			}
		}
		if err := d.wide(ctx); err != nil {
			return nil, err
		}
		return d.figures, nil
	}}
}

// dataDrill is one run of the data area.
type dataDrill struct {
	target  Target
	out     io.Writer
	size    dataSize
	peers   peer.Programs
	modelID string
	figures []Figure
}

// upload sends the table as a file and waits for its ingest.
func (d *dataDrill) upload(ctx context.Context, filename string, file *table) (datasetID string, size int64, j *client.Job, err error) {
	datasetID, j, err = d.send(ctx, filename, file)
	return datasetID, file.read, j, err
}

func (d *dataDrill) send(ctx context.Context, filename string, file io.Reader) (datasetID string, j *client.Job, err error) {
	a, err := d.target.Client.Upload(ctx, client.Upload{Name: "bench " + filename, Filename: filename, Body: file})
	if err != nil {
		return "", nil, err
	}
	j, err = d.target.Client.Wait(ctx, a.JobID, nil)
	return a.DatasetID, j, err
}

func (d *dataDrill) train(ctx context.Context) error {
	dataset, _, _, err := d.upload(ctx, "train.csv", newTable(trainRows, header, narrowLine))
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
	dataset, size, j, err := d.upload(ctx, "bench.csv", newTable(rows, header, narrowLine))
	if err != nil {
		return err
	}
	if err := d.record("ingest", rows, columns, size, j); err != nil {
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
	return d.record("predict", rows, columns, size, j)
}

// taken returns how long the job took from its submission, in seconds, and the
// peak of memory since it was reset, with that of the job's own process. When it
// started tells little of a job that was divided: it starts again when its parts
// are done.
func (d *dataDrill) taken(j *client.Job) (seconds float64, peak int64, err error) {
	seconds = j.FinishedAt.Sub(j.CreatedAt).Seconds()
	if seconds <= 0 {
		return 0, 0, fmt.Errorf("job %s took %v seconds", j.ID, seconds)
	}
	if peak, err = peakMemory(d.target.PID); err != nil {
		return 0, 0, err
	}
	return seconds, peak + j.MemoryPeak, nil
}

// record makes figures of a finished job.
func (d *dataDrill) record(what string, rows, width int, size int64, j *client.Job) error {
	took, peak, err := d.taken(j)
	if err != nil {
		return err
	}
	name := what + "-" + short(rows)
	note := fmt.Sprintf("%d columns, %.1f MB, from submission to end of the job", width, float64(size)/mega)
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
