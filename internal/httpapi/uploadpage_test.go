package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/httpapi"
)

// browser is what a browser does with the page's script: it sends a file while
// connections break before and after a request has arrived, forgets everything
// but its memory in the middle, and goes on.
const browser = `
const vm = require("vm")
const [script, base, token] = process.argv.slice(1)
vm.runInThisContext(script + "\nglobalThis.sending = sending")
const text = "a,b\n" + Array.from({ length: 1200000 }, (_, i) => i + ",x" + i % 7).join("\n") + "\n"
const file = new File([text], "größe.csv", { lastModified: 1 })
const kept = new Map()
const memory = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) }
const seen = []
const real = globalThis.fetch
let patches = 0
globalThis.fetch = async (url, options) => {
  if (options.method !== "PATCH") return real(url, options)
  patches++
  if (patches === 1) throw new TypeError("it broke before anything was sent")
  const answer = await real(url, options)
  if (patches === 2) throw new TypeError("it broke before the answer came")
  return answer
}
const options = { base, memory, headers: () => ({ Authorization: "Bearer " + token }), progress: (n) => seen.push(n), wait: async () => {} }
async function main() {
  const closed = { ...options, progress: (n) => { options.progress(n); if (n > 0) throw new Error("the page is closed") }, wait: async () => { if (seen.at(-1) > 0) throw new Error("the page is closed") } }
  const first = await sending.send(file, closed).then(() => "", (error) => error.message)
  const remembered = kept.size
  const upload = await sending.send(file, options)
  let refused = ""
  try { await sending.send(new File([], "empty.csv"), options) } catch (error) { refused = error.message }
  console.log(JSON.stringify({ first, remembered, upload, seen, left: kept.size, size: file.size, refused }))
}
main().catch((error) => { console.error(error); process.exit(1) })
`

// TestUploadOfThePage runs the script of the start page against the API.
func TestUploadOfThePage(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil && os.Getenv("CI") != "" { //nolint:forbidigo // a test asks where it runs
		t.Fatalf("a continuous integration run must not skip this test: %v", err)
	}
	if err != nil {
		t.Skip("node is not installed")
	}
	b := withServices(t)
	script := b.get(t, "/assets/upload.js", "")
	if script.status != http.StatusOK {
		t.Fatalf("status %d", script.status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "-e", browser, string(script.body), b.url, ada)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var got struct {
		First            string
		Remembered, Left int
		Upload           httpapi.Upload
		Seen             []int64
		Size             int64
		Refused          string
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if got.First != "the page is closed" || got.Remembered != 1 || got.Left != 0 {
		t.Errorf("the first page ended by %q and left %d; at the end %d", got.First, got.Remembered, got.Left)
	}
	if got.Upload.State != "finished" || got.Upload.Size != got.Size || got.Upload.Filename != "größe.csv" || got.Seen[len(got.Seen)-1] != got.Size {
		t.Errorf("the upload is %+v; seen were %v", got.Upload, got.Seen)
	}
	if got.Refused == "" {
		t.Error("an empty file was taken")
	}
	if d := decode[httpapi.Dataset](t, b.get(t, datasetsPath+"/"+got.Upload.DatasetID, ada)); d.Size != got.Size {
		t.Errorf("the data set is %+v", d)
	}
}
