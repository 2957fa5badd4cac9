package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
)

// browse opens a page of the server for ada with jsdom, which loads its scripts as a
// browser does, plays a scenario of testdata/browser and decodes what is shown at its
// end. told are called when the scenario asks for it, which waits. Where jsdom is not
// installed the test is skipped, and fails where CI is set.
func browse(t *testing.T, b *bench, scenario, path string, shown any, told map[string]func()) {
	t.Helper()
	folder := filepath.Join("testdata", "browser")
	_, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json"))
	if err == nil {
		_, err = exec.LookPath("node")
	}
	if err != nil {
		if os.Getenv("CI") != "" { //nolint:forbidigo // a test asks where it runs
			t.Fatalf("jsdom is not installed, and a continuous integration run must not skip this test: %v", err)
		}
		t.Skipf("jsdom is not installed; run scripts/test-needs.sh, as make test does: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "run.mjs", scenario, b.url, ada, path)
	node.Dir = folder
	var stderr strings.Builder
	node.Stderr = &stderr
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	var last []byte
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), ": "); ok {
			told[name]()
			if _, err := io.WriteString(in, "done\n"); err != nil {
				t.Error(err)
			}
			continue
		}
		last = slices.Clone(lines.Bytes())
	}
	if err := node.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", scenario, err, stderr.String())
	}
	if err := json.Unmarshal(last, shown); err != nil {
		t.Fatalf("%s: %v: %s", scenario, err, last)
	}
}

// ingested uploads a table and waits until it has been read.
func (b *bench) ingested(t *testing.T, token, table string) string {
	t.Helper()
	uploaded := b.upload(t, token, nil, "file", table)
	b.finished(t, token, uploaded)
	return decode[httpapi.Accepted](t, uploaded).DatasetID
}

func pageOfDataset(id string) string { return "/dataset?id=" + id }

// wantText checks that a text of a page has these words.
func wantText(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, words := range want {
		if !strings.Contains(got, words) {
			t.Errorf("%s is %q, without %q", what, got, words)
		}
	}
}

// The start page draws the eight stages of the newest data sets.
func TestThePageDrawsWorkflows(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	id := b.ingested(t, ada, "a,b\n1,\n2,x\n,y\n4,y\n5,x\n6,\n")
	var page struct {
		State string
		Jobs  []string
		Flows []struct {
			Title, Next, Href string
			Steps             []struct{ Name, State, Heard, Title string }
		}
	}
	browse(t, b, "start", "/", &page, nil)
	if page.State != "Live" || len(page.Jobs) != 1 || len(page.Flows) != 1 || len(page.Flows[0].Steps) != 8 || !strings.Contains(page.Flows[0].Next, "narrative schema "+id) || page.Flows[0].Href != pageOfDataset(id) {
		t.Fatalf("the page shows %+v", page)
	}
	var shown []string
	for _, s := range page.Flows[0].Steps {
		shown = append(shown, s.Name+": "+s.State)
	}
	want := "load: done, profile: done, prepare: ready, engineer features: locked, train: locked, evaluate: locked, predict: locked, deploy: locked"
	if got := strings.Join(shown, ", "); got != want {
		t.Errorf("the stages are %s", got)
	}
	wantText(t, "a stage", page.Flows[0].Steps[3].Title, "Needs: the table is clean")
	wantText(t, "a stage", page.Flows[0].Steps[3].Heard, "engineer features, locked")
}

// TestThePageOfADataSetDraws reads the profile of a table with a bit of everything, and
// draws each kind of chart of it.
func TestThePageOfADataSetDraws(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	var table strings.Builder
	table.WriteString("Total,when,x,kind,note\n")
	for i := range 60 {
		fmt.Fprintf(&table, "%d.5,2024-%02d-%02d,%d,%s,%s\n", i, 1+i%12, 1+i%28, (i*7)%31, []string{"A Thing", "<b>b</b>"}[i%2], []string{"", "n"}[i%3/2])
	}
	var page struct {
		Name, About                string
		Quality, Findings, Missing []string
		Columns                    []struct {
			Text string
			Bars int
		}
		Links  int
		Charts map[string]struct {
			State, Address string
			Marks          int
			Odd            bool
		}
	}
	browse(t, b, "chart", pageOfDataset(b.ingested(t, ada, table.String())), &page, nil)
	if !strings.Contains(page.About, "60 rows, 5 columns; the file was read as csv") || len(page.Quality) < 5 || len(page.Columns) != 5 || page.Links != 1 || len(page.Missing) != 2 {
		t.Fatalf("the page shows %+v", page)
	}
	if !slices.ContainsFunc(page.Findings, func(s string) bool { return strings.Contains(s, `"note" lacks`) }) {
		t.Errorf("findings %q", page.Findings)
	}
	if c := page.Columns[0]; !strings.HasPrefix(c.Text, "Total") || c.Bars < 10 || page.Columns[3].Bars != 2 || !strings.Contains(page.Columns[1].Text, "2024-01-01") {
		t.Errorf("columns %+v", page.Columns)
	}
	if len(page.Charts) != 6 {
		t.Errorf("charts %+v", page.Charts)
	}
	for kind, c := range page.Charts {
		if c.Odd || c.Marks < 2 || !strings.Contains(c.State, "Of 60 of 60 rows") || !strings.Contains(c.Address, "kind="+kind) {
			t.Errorf("%s: %+v", kind, c)
		}
	}
}

// messy is a table with a repeated row, blanks, a constant column, missing values and markup.
func messy() string {
	var table strings.Builder
	table.WriteString("n,city,state,amount,plan\n")
	for i := range 40 {
		amount, plan := fmt.Sprint(100+i*i%53), []string{"free", "pro"}[i%2]
		if i%8 == 3 {
			amount = ""
		}
		if i%9 == 4 {
			plan = ""
		}
		fmt.Fprintf(&table, "%d,%s,on,%s,%s\n", i, []string{`" Oslo"`, "Rome", "<b>Bern</b>"}[i%3], amount, plan)
		if i == 5 {
			table.WriteString("5,<b>Bern</b>,on,125,pro\n")
		}
	}
	return table.String()
}

// changedRow is a row before and after.
type changedRow struct {
	Text    string
	Gone    bool
	Was, Is []string
}

// TestThePageCleans goes from suggestions to a new version, and compares and pins it.
func TestThePageCleans(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	var page struct {
		Stages, Left, Versions, Comparison, Columns, Head       []string
		Closed, Next, Reasons, Plan, Made, About, Focus, Pinned string
		Free, Target                                            string
		Offered                                                 []struct {
			Text   string
			Chosen bool
		}
		Step, All []changedRow
		Whole     int
		None      bool
	}
	browse(t, b, "clean", pageOfDataset(b.ingested(t, ada, messy())), &page, nil)
	if len(page.Stages) != 8 || page.Stages[2] != "prepare, ready" || page.Stages[3] != "engineer features, locked" {
		t.Errorf("the stages are %q", page.Stages)
	}
	wantText(t, "what is closed", page.Closed, "engineer features, until the table is clean")
	wantText(t, "what is next", page.Next, "nobody has said what is to be predicted", "Do this")
	wantText(t, "the reasons", page.Reasons, "To do: apply the steps that are suggested", "there are no deployments", "Leave out: prepare")

	var offered []string
	for _, o := range page.Offered {
		offered = append(offered, fmt.Sprint(o.Chosen, " ", o.Text))
	}
	// In the order of the clean-up, each with why, what it does, its numbers and its effect.
	for i, want := range [][]string{
		{"true", "white space around them", "Removes white space", "14 values changed in 41 rows", "Effect"},
		{"true", "say nothing", `Drops "state"`, "1 column removed"},
		{"true", "equal to an earlier one", "1 of 41 rows removed"},
		{"true", "numbers are missing", "Fills missing values", "median"},
		{"false", "texts are missing", "mode"},
	} {
		if i >= len(offered) {
			t.Fatalf("the suggestions are %q", offered)
		}
		wantText(t, fmt.Sprint("suggestion ", i+1), offered[i], want...)
	}
	wantText(t, "the plan", page.Plan, "4 steps chosen. All 41 rows. 41 rows become 40, and 5 columns 4.")
	if len(page.Step) != 5 || !slices.Contains(page.Step[0].Was, "was missing") || len(page.Step[0].Is) != 1 || page.Step[0].Gone {
		t.Errorf("the step changes %+v", page.Step)
	}
	gone := 0
	for _, row := range page.All {
		if row.Gone {
			gone++
			wantText(t, "the row that goes", row.Text, "7 removed", "<b>Bern</b>")
		}
	}
	if gone != 1 || page.Whole != 41 || !slices.Contains(page.Head, "state is removed") || !page.None {
		t.Errorf("%d rows go, %d are shown, the head is %q", gone, page.Whole, page.Head)
	}

	wantText(t, "what was made", page.Made, "Version 2 is made: 40 rows, 4 columns.", "Quality was ")
	wantText(t, "the page", page.About, "40 rows, 4 columns; the file was read as csv")
	if len(page.Versions) != 2 {
		t.Fatalf("the versions are %q", page.Versions)
	}
	wantText(t, "the new version", page.Versions[0], "2Pin version 2steps, of version 15 steps", "remove_duplicates", "→")
	wantText(t, "the old version", page.Versions[1], "the file, as it was read", " %")
	wantText(t, "the comparison", strings.Join(page.Comparison, "|"), "Rows: 41 → 40. Columns: 5 → 4.", "Quality: ", `Columns that went: "state".`)
	wantText(t, "the columns", strings.Join(page.Columns, "|"), "5 → 0")
	wantText(t, "the pinned version", page.Pinned, "pinned", "Let go version 2")
	if strings.Contains(page.Free, "pinned") || page.Focus != "pin-2" {
		t.Errorf("it was let go and is %q; the focus is at %q", page.Free, page.Focus)
	}
	if page.Left[3] != "engineer features, left out" {
		t.Errorf("the stages are %q", page.Left)
	}
	wantText(t, "the target", page.Target, "target")
}

// TestThePageShowsPersonalData says which columns hold some, and does what policies say.
func TestThePageShowsPersonalData(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	var page struct {
		State, Refused, Held, Sure, Made, Applied, Changed, Whole, Comparison string
		Columns, Charts, Email, After, Left, Versions                         []string
		Hidden, Kept                                                          bool
	}
	browse(t, b, "private", pageOfDataset(b.ingested(t, ada, personal())), &page, nil)
	silentAbout(t, "the page", []byte(page.Whole))
	wantText(t, "the state", page.State, "4 columns of personal data", "highest risk is high")
	wantText(t, "the columns", strings.Join(page.Columns, "|"), "email", "60 of 60 values", "Shown as ", "@example.org", "Its name speaks of ")
	if slices.Contains(page.Charts, "email") || !slices.Contains(page.Charts, "amount") {
		t.Errorf("charts are offered of %q", page.Charts)
	}
	if want := []string{"warn", "confirm", "allow", "mask", "hash", "drop"}; !slices.Equal(page.Email, want) {
		t.Errorf("the policies are %q", page.Email)
	}
	wantText(t, "the refusal", page.Refused, `o show the values of column "email" needs the role steward`, "Ask somebody of your tenant who has that role.")
	wantText(t, "what is said before it is confirmed", page.Held, "waits until somebody has confirmed")
	wantText(t, "the question", page.Sure, `"email", "plan" have the values no more (hash, mask)`, "sealed", "do not come back")
	wantText(t, "what was made", page.Made, "Version 2 is made: 60 rows, 6 columns.")
	wantText(t, "the state", page.Applied, "The file and the versions before 2 are sealed.")
	wantText(t, "the columns", strings.Join(page.After, "|"), "Its values were taken away.")
	wantText(t, "the versions", strings.Join(page.Versions, "|"), "policies of personal data", "sealed")
	wantText(t, "the comparison", page.Comparison, "version 1 is sealed")
	wantText(t, "what was changed meanwhile", page.Changed, "changed meanwhile", "They were read anew.")
	if !page.Hidden || !page.Kept || !slices.Equal(page.Left, []string{"hash", "drop"}) {
		t.Errorf("hidden %v, kept %v; of a hashed column there is %q", page.Hidden, page.Kept, page.Left)
	}
}

// shut is a queue that loses what applies policies, until it is opened.
type shut struct {
	line
	open *atomic.Bool
}

func (q shut) Enqueue(ctx context.Context, deliveries ...job.Delivery) error {
	for _, d := range deliveries {
		if d.Kind == "protect" && !q.open.Load() {
			continue
		}
		if err := q.line.Enqueue(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// TestThePageWaitsForPolicies follows a job that applies policies and that others have
// begun, and applies them again when it has come to nothing.
func TestThePageWaitsForPolicies(t *testing.T) {
	t.Parallel()
	queue := shut{line{deliveries: make(chan job.Delivery, 100)}, &atomic.Bool{}}
	d := newDomain(t, queue)
	d.work(t, queue.line)
	b := setup(t, d.behind)
	id := b.ingested(t, ada, personal())
	var page struct {
		Held, State, Failed, Why, Made string
		Hidden, Busy, Shown            bool
	}
	browse(t, b, "unprotected", pageOfDataset(id), &page, map[string]func(){
		"cancel": func() {
			p := decode[httpapi.Privacy](t, b.get(t, datasetsPath+"/"+id+"/pii", ada))
			b.ask(t, http.MethodPost, jobsPath+"/"+p.JobID+"/cancel", ada, nil)
		},
		"work": func() { queue.open.Store(true) },
	})
	wantText(t, "what is said before it is done", page.Held, "Until that is done nothing is read of it")
	wantText(t, "the state", page.State, "Policies that take values away are not applied yet.")
	wantText(t, "the failure", page.Failed, "Applying policies failed: The job was cancelled.")
	wantText(t, "the state", page.Why, "The last try has failed: its job was cancelled.")
	wantText(t, "what was made", page.Made, "Version 2 is made: 60 rows, 6 columns.")
	if !page.Hidden || !page.Busy || !page.Shown {
		t.Errorf("the page shows %+v", page)
	}
}

// TestThePageSaysWhatIsWrong meets a page with bad answers, none, and failures.
func TestThePageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	queue := line{deliveries: make(chan job.Delivery, 100)}
	d := newDomain(t, queue)
	b := setup(t, d.behind)
	id := decode[httpapi.Accepted](t, b.upload(t, ada, nil, "file", messy())).DatasetID
	type said struct {
		Text, Href string
		Shown      int
	}
	var page struct {
		Unsigned, Unknown, Nonsense, Unnamed, Away, Gateway said
		Reading, Read                                       struct{ About, State string }
		Refused, Failed                                     string
		Again                                               bool
	}
	browse(t, b, "bad", pageOfDataset(id), &page, map[string]func(){"reading": func() { d.work(t, queue) }})
	for what, tt := range map[string]struct {
		got        said
		text, href string
	}{
		"not signed in":                {page.Unsigned, "Sign in on the start page.", "/"},
		"a data set that is not there": {page.Unknown, `There is no data set "ds_00000000000000000000000000000000".`, "/"},
		"no identifier":                {page.Nonsense, "a data set's identifier", ""},
		"no data set":                  {page.Unnamed, "The address names no data set.", "/"},
		"no connection":                {page.Away, "There is no answer from the server.", ""},
		"a proxy's page":               {page.Gateway, "The server answers 502.", ""},
	} {
		if !strings.Contains(tt.got.Text, tt.text) || tt.got.Href != tt.href || tt.got.Shown != 0 {
			t.Errorf("%s: the page shows %+v", what, tt.got)
		}
	}
	wantText(t, "the page while the file is read", page.Reading.About, "The file is being read")
	wantText(t, "the job", page.Reading.State, "no answer from the server; it is asked again")
	wantText(t, "the page after that", page.Read.About, "41 rows, 5 columns")
	wantText(t, "the job", page.Read.State, "Version 1 is made")
	wantText(t, "the refusal", page.Refused, "deadline")
	wantText(t, "the failure", page.Failed, "failed: ", "the steps leave no row of the table")
	if !page.Again {
		t.Error("after a failure nothing can be tried again")
	}
}

func TestThePageOfAFileThatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	type shown struct {
		About, Next string
		Stages      []string
		Shown       bool
	}
	b := withWorker(t)
	made := decode[httpapi.Accepted](t, b.upload(t, ada, nil, "file", "a,b\n1,2\n3,4,5\n"))
	for state := ""; state != "failed"; {
		state = decode[httpapi.Job](t, b.get(t, jobsPath+"/"+made.JobID+"?wait=30s", ada)).State
	}
	var failed shown
	browse(t, b, "rejected", pageOfDataset(made.DatasetID), &failed, nil)
	wantText(t, "the page", failed.About, "The file could not be read: ", "line 3", "upload it again")
	if failed.Stages[0] != "load, failed" || failed.Next != "/" || failed.Shown {
		t.Errorf("the page shows %+v", failed)
	}

	idle := withServices(t)
	made = decode[httpapi.Accepted](t, idle.upload(t, ada, nil, "file", "a,b\n1,2\n"))
	if r := idle.ask(t, http.MethodPost, jobsPath+"/"+made.JobID+"/cancel", ada, nil); r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	var cancelled shown
	browse(t, idle, "rejected", pageOfDataset(made.DatasetID), &cancelled, nil)
	wantText(t, "the page", cancelled.About, "The file could not be read: its job was cancelled.")
	if cancelled.Shown {
		t.Errorf("the page shows %+v", cancelled)
	}
}

// TestThePageOfAWideTable shows a part of 1,200 columns, and finds the others.
func TestThePageOfAWideTable(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	const columns = 1200
	var table strings.Builder
	for row := range 6 {
		for c := range columns {
			switch {
			case c > 0:
				table.WriteByte(',')
				fallthrough
			default:
				if row == 0 {
					fmt.Fprintf(&table, "c%d", c)
				} else if row != 3 {
					fmt.Fprint(&table, row*c%17)
				}
			}
		}
		table.WriteByte('\n')
	}
	var page struct {
		Columns, Options, Findings, Plan, Then int
		Last, Note, More, Count                string
		Found                                  []string
	}
	browse(t, b, "wide", pageOfDataset(b.ingested(t, ada, table.String())), &page, nil)
	if page.Columns != 101 || page.Then != 201 || page.More != "and 1,100 more" || page.Options != 501 || page.Plan > 40 || page.Findings != 31 {
		t.Errorf("the page shows %+v", page)
	}
	wantText(t, "the last choice", page.Last, "and 700 more")
	wantText(t, "the rows", page.Note, "more columns are not shown")
	if !slices.Equal(page.Found, []string{"c1199"}) || page.Count != "1 of 1,200 columns" {
		t.Errorf("found %q, %q", page.Found, page.Count)
	}
}
