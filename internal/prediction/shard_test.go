package prediction_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// divided runs a prediction as a worker would: when it asks for children they
// are run, in any order, and it is called again. kill is asked, with the number
// of a child, whether its first attempt is to be stopped half way.
type divided struct {
	*bundle
	shardRows int64
	children  []job.ChildSpec // that were asked for
	kill      func(number int) bool
	runs      map[int]int             // attempts of each child
	lost      map[int]job.ChildResult // children that fail for good, by their place from 0
	between   func()                  // called when all children have ended
}

func (d *divided) runner() *prediction.Runner {
	return prediction.NewRunner(prediction.RunnerConfig{
		Files: d.files, Datasets: datasets{d.records}, Models: models{d.records}, Limits: d.limits, Threads: 2, ShardRows: d.shardRows,
	})
}

func (d *divided) run(ctx context.Context, tb testing.TB, req prediction.Request) (*prediction.Result, error) {
	tb.Helper()
	parent := &job.Job{Meta: store.Meta{ID: "job_parent"}, Tenant: "acme", Epoch: 1}
	saved := jobtest.NewCheckpoints()
	var fan *job.FanOutError
	for range 2 { // a worker that dies before it has fanned out changes nothing
		task := jobtest.NewTask(parent, saved)
		result, err := d.runner().Run(ctx, task.Task, req)
		again, ok := errors.AsType[*job.FanOutError](err)
		if !ok {
			return result, err
		}
		if fan != nil && !reflect.DeepEqual(fan.Fan, again.Fan) {
			tb.Fatal("a second attempt divides the file in another way")
		}
		fan = again
		parent.Epoch++
	}
	d.children, d.runs = fan.Children, map[int]int{}
	if fan.Tolerate != req.MaxFailedShards {
		tb.Errorf("%d parts may fail, and %d were asked for", fan.Tolerate, req.MaxFailedShards)
	}
	results := make([]job.ChildResult, len(fan.Children))
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(fan.Children)) {
		if lost, ok := d.lost[i]; ok {
			payload, err := json.Marshal(fan.Children[i].Payload)
			if err != nil {
				return nil, err
			}
			lost.ID, lost.Name, lost.Number, lost.Payload = fmt.Sprint("job_child", i), fan.Children[i].Name, i+1, payload
			results[i] = lost
			continue
		}
		made, err := d.runChild(ctx, i, fan.Children[i])
		if err != nil {
			return nil, err
		}
		results[i] = job.ChildResult{Name: fan.Children[i].Name, Number: i + 1, State: job.Succeeded, Result: made}
	}
	if d.between != nil {
		d.between()
	}
	parent.Family = &job.Family{Children: len(results)}
	task := jobtest.NewTask(parent, saved)
	task.Children = func(context.Context) ([]job.ChildResult, error) { return results, nil }
	return d.runner().Run(ctx, task.Task, req)
}

// runChild runs a child until it has ended, from its payload as it is stored.
func (d *divided) runChild(ctx context.Context, i int, spec job.ChildSpec) (json.RawMessage, error) {
	payload, err := json.Marshal(spec.Payload)
	if err != nil {
		return nil, err
	}
	j := &job.Job{Meta: store.Meta{ID: fmt.Sprint("job_child", i)}, Tenant: "acme", Payload: payload}
	for {
		j.Epoch++
		d.runs[i]++
		task := jobtest.NewTask(j, nil)
		var req prediction.ShardRequest
		if err := task.Decode(&req); err != nil {
			return nil, err
		}
		attempt, stop := context.WithCancel(ctx)
		if d.kill != nil && d.runs[i] == 1 && d.kill(i) {
			task.Report.On(func(jobtest.Step) { stop() })
		}
		made, err := d.runner().RunShard(attempt, task.Task, req)
		killed := attempt.Err() != nil
		stop()
		if killed && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		return json.Marshal(made)
	}
}

// messy is a file with whatever makes cutting hard: quoted line ends and
// quotes, quotes that are never closed, blank lines, ragged rows, bad values.
func messy(rows int, end string) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	b.WriteString("\ufeffid,word,x,\"no\nte\"" + end)
	for i := range rows {
		switch r.IntN(14) {
		case 0:
			fmt.Fprintf(&b, "%d,up,1,\"two%slines, and a \"\"quote\"\"%s\"%s", i, end, end, end)
		case 1:
			fmt.Fprintf(&b, "%d,\"down,2,open%s", i, end) // finds the next quote, or none
		case 2:
			b.WriteString(end + end)
			fmt.Fprintf(&b, "%d,up%s", i, end)
		case 3:
			fmt.Fprintf(&b, "%d,up,abc,n%s", i, end)
		case 4:
			fmt.Fprintf(&b, "%d,sideways,%d,\"a\"b%s", i, i, end)
		case 5:
			fmt.Fprintf(&b, "%d,up,%d,\xff%s", i, i, end)
		default:
			fmt.Fprintf(&b, "%d,up,%.3f,n%s", i, r.NormFloat64(), end)
		}
	}
	return b.Bytes()
}

// same compares what a divided prediction made with what a whole one did.
func (d *divided) same(tb testing.TB, whole, parts *prediction.Result) {
	tb.Helper()
	files := map[string]string{whole.OutputKey: parts.OutputKey}
	if (whole.ErrorsKey == "") != (parts.ErrorsKey == "") {
		tb.Errorf("errors in %q and in %q", whole.ErrorsKey, parts.ErrorsKey)
	} else if whole.ErrorsKey != "" {
		files[whole.ErrorsKey] = parts.ErrorsKey
	}
	for one, other := range files {
		if want, got := d.text(tb, one), d.text(tb, other); want != got {
			tb.Errorf("%s: the joined file of %d bytes is not the whole one of %d", one, len(got), len(want))
		}
	}
	w, p := *whole, *parts
	p.OutputKey, p.ErrorsKey, p.Shards = w.OutputKey, w.ErrorsKey, w.Shards
	if !reflect.DeepEqual(w, p) {
		tb.Errorf("result %+v\nwant %+v", p, w)
	}
}

func TestShardsMakeTheSameFiles(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r\n", "\r"} {
		for _, format := range []string{"csv", "jsonl"} {
			for _, parts := range []int{2, 3, 7, 40} {
				t.Run(fmt.Sprintf("%q %s %d", end, format, parts), func(t *testing.T) {
					t.Parallel()
					d := &divided{bundle: setup(t, messy(400, end)), kill: func(n int) bool { return n%3 == 1 }}
					d.limits = tabular.Limits{ChunkRows: 16}
					req := request()
					req.Format, req.IDColumn = format, map[bool]string{true: "id"}[parts == 3]
					whole, err := d.bundle.run(t.Context(), req)
					if err != nil {
						t.Fatal(err)
					}
					req.Shards = parts
					got, err := d.run(t.Context(), t, req)
					if err != nil {
						t.Fatal(err)
					}
					d.same(t, whole, got)
					if n := len(d.children); n < 2 || n > parts || n < parts/2 || got.Shards != n {
						t.Errorf("%d shards, the result says %d", n, got.Shards)
					}
					for n, runs := range d.runs {
						if want := 1 + map[bool]int{true: 1}[n%3 == 1]; runs != want {
							t.Errorf("shard %d ran %d times, not %d: the others' work stays", n+1, runs, want)
						}
					}
				})
			}
		}
	}
}

// A threshold that is moved while the shards are predicted is not the one that
// the result tells.
func TestShardsKeepTheirThreshold(t *testing.T) {
	t.Parallel()
	d := &divided{bundle: setup(t, messy(200, "\n"))}
	d.records.model.Threshold = &model.Threshold{Value: 0.3}
	whole, err := d.bundle.run(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	d.between = func() { d.records.model.Threshold = &model.Threshold{Value: 0.9} }
	req := request()
	req.Shards = 3
	got, err := d.run(t.Context(), t, req)
	if err != nil {
		t.Fatal(err)
	}
	d.same(t, whole, got)
}

func TestShardsOfParquet(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	schema := tabular.Schema{{Name: "x", Type: tabular.Float, Nullable: true}, {Name: "word", Type: tabular.String}}
	w, err := tabular.NewParquetWriter(&b, schema)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 300_000 // several row groups
	x, codes := make([]float64, rows), make([]int32, rows)
	for i := range x {
		x[i], codes[i] = float64(i%1000)/100, int32(i%3)
	}
	f, err := frame.New(frame.NewFloat("x", x), frame.NewString("word", codes, []string{"up", "down", "?"}))
	if err == nil {
		err = errors.Join(w.Write(f), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &divided{bundle: setup(t, b.Bytes())}
	req := request()
	whole, err := d.bundle.run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	groups := 0
	for _, shards := range []int{2, 3, 10_000} {
		req.Shards = shards
		got, err := d.run(t.Context(), t, req)
		if err != nil {
			t.Fatal(err)
		}
		d.same(t, whole, got)
		if got.Shards < 2 || got.Shards > shards || got.Shards < groups {
			t.Errorf("%d shards of %d", got.Shards, shards)
		}
		groups = got.Shards
	}
}

func TestShardsOfTheHoldout(t *testing.T) {
	t.Parallel()
	d := &divided{bundle: setup(t, messy(300, "\n"))}
	held := map[int64]bool{}
	var indices []int64
	for i := int64(3); i < 250; i += 7 {
		indices, held[i] = append(indices, i), true
	}
	d.files.objects["holdout"] = parquetFile(t, frame.NewInt("row", frame.Int, indices, nil))
	d.records.model.HoldoutRows = int64(len(indices))
	req := request()
	req.Rows = prediction.RowsHoldout
	whole, err := d.bundle.run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Shards = 5
	got, err := d.run(t.Context(), t, req)
	if err != nil {
		t.Fatal(err)
	}
	d.same(t, whole, got)
	d.records.model.HoldoutRows++
	if _, err := d.run(t.Context(), t, req); fault.CodeOf(err) != "holdout_mismatch" {
		t.Errorf("a row of the holdout is missing: %v", err)
	}
}

// Automatically a file is divided by its rows, where they are known.
func TestAutomaticShards(t *testing.T) {
	t.Parallel()
	raw := []byte("x,word\n" + strings.Repeat("1,up\n", 1000))
	ready := &dataset.Version{Rows: 1000, Format: tabular.Format{Kind: "csv", Delimiter: ",", Quote: `"`, Header: true}, Schema: tabular.Schema{{Name: "x"}, {Name: "word"}}}
	for _, tt := range []struct {
		name      string
		version   *dataset.Version
		shardRows int64
		change    func(*prediction.Request)
		want      int
	}{
		{"by rows", ready, 300, func(*prediction.Request) {}, 4},
		{"few rows", ready, 1000, func(*prediction.Request) {}, 0},
		{"off", ready, 0, func(*prediction.Request) {}, 0},
		{"unknown", nil, 300, func(*prediction.Request) {}, 0},
		{"asked for one", ready, 300, func(r *prediction.Request) { r.Shards = 1 }, 0},
		{"asked for more than rows", ready, 300, func(r *prediction.Request) { r.Shards = 5000 }, 1000},
		{"parquet", ready, 300, func(r *prediction.Request) { r.Format = "parquet" }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := &divided{bundle: setup(t, raw), shardRows: tt.shardRows}
			d.records.dataset.Version = tt.version
			req := request()
			tt.change(&req)
			got, err := d.run(t.Context(), t, req)
			if err != nil {
				t.Fatal(err)
			}
			if got.Shards != tt.want || len(d.children) != tt.want || got.Rows != 1000 {
				t.Errorf("%d shards, want %d; %d rows", got.Shards, tt.want, got.Rows)
			}
			sum := 0.0
			for _, c := range d.children {
				sum += c.Weight
			}
			if tt.want > 0 && sum != 1000 {
				t.Errorf("the weights of the children add up to %v", sum)
			}
		})
	}
}

func TestShardsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		req  prediction.Request
		code string
	}{
		{prediction.Request{Shards: 10_001}, "shards_out_of_range"},
		{prediction.Request{Shards: -1}, "shards_out_of_range"},
		{prediction.Request{Shards: 2, Format: "parquet"}, "shards_not_for_parquet"},
	} {
		d := &divided{bundle: setup(t, []byte(raw))}
		tt.req.ModelID, tt.req.DatasetID = "mdl_1", "ds_1"
		_, _, err := d.Submit(t.Context(), account.Caller{Tenant: "acme"}, tt.req, "")
		checkCode(t, err, fault.ClassInvalid, tt.code)
		_, err = d.run(t.Context(), t, tt.req)
		checkCode(t, err, fault.ClassInvalid, tt.code)
	}
	d := &divided{bundle: setup(t, []byte("x,word\n1,up\n2,up\n3,up\n"))}
	d.files.fail = map[string]error{"job_parent/3/predictions.csv": errors.New("away")}
	req := request()
	req.Shards = 2
	if _, err := d.run(t.Context(), t, req); err == nil || !strings.Contains(err.Error(), "away") {
		t.Errorf("the files cannot be joined: %v", err)
	}
	d.files.fail = nil
	d.files.shrink = true
	_, err := d.run(t.Context(), t, req)
	checkCode(t, err, fault.ClassInternal, "shard_changed")
}

// TestTwoMillionRows checks by the rows' numbers that a divided prediction of
// two million rows loses none and doubles none.
func TestTwoMillionRows(t *testing.T) {
	t.Parallel()
	rows := 2_000_000
	if testing.Short() {
		rows /= 20
	}
	var b bytes.Buffer
	b.WriteString("x,word\n")
	bad := map[int]bool{}
	for i := range rows {
		switch {
		case i%100_003 == 77:
			b.WriteString("1,up,2,3\n")
			bad[i+1] = true
		case i%5000 == 1:
			b.WriteString("1,\"up\n\"\n")
		default:
			b.WriteString("1,up\n")
		}
	}
	d := &divided{bundle: setup(t, b.Bytes()), kill: func(n int) bool { return n == 2 }}
	d.records.predictor = &logistic{}
	req := request()
	req.Shards = 8
	got, err := d.run(t.Context(), t, req)
	if err != nil {
		t.Fatal(err)
	}
	if got.Shards != 8 || got.Rows != int64(rows-len(bad)) || got.BadRows != int64(len(bad)) {
		t.Fatalf("%+v", got)
	}
	want := 0
	next := func() {
		for want++; bad[want]; want++ {
		}
	}
	for i, line := range slices.Collect(strings.Lines(d.text(t, got.OutputKey))) {
		if i == 0 {
			continue
		}
		next()
		id, _, _ := strings.Cut(line, ",")
		if id != strconv.Itoa(want) {
			t.Fatalf("line %d is of row %s instead of %d", i, id, want)
		}
	}
	if next(); want != rows+1 {
		t.Errorf("the last row is %d", want-1)
	}
	found := map[int]bool{}
	for line := range strings.Lines(d.text(t, got.ErrorsKey)) {
		var row tabular.BadRow
		if err := json.Unmarshal([]byte(line), &row); err != nil || found[int(row.Row)] {
			t.Fatalf("%s: %v", line, err)
		}
		found[int(row.Row)] = true
	}
	if !maps.Equal(found, bad) {
		t.Errorf("bad rows %v", found)
	}
}
