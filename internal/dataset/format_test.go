package dataset_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/tabular"
)

// TestIngestOfEveryFormat checks that an ingest makes the same table of the same
// rows, and keeps how it read them.
func TestIngestOfEveryFormat(t *testing.T) {
	t.Parallel()
	const csv = "name,n,since\nJürgen,1,2024-01-02\nZoë,,2024-02-03\n"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, csv); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b := setup(t, nil)
	_, j := b.create(t, csv)
	want := b.finish(t, j)
	table, err := b.files.get(want.Version.TableKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		file    string
		options dataset.FormatOptions
		format  tabular.Format
	}{
		"latin-1": {strings.NewReplacer("ü", "\xfc", "ë", "\xeb").Replace(csv), dataset.FormatOptions{}, tabular.Format{Kind: "csv", Encoding: "windows-1252", Delimiter: ",", Quote: `"`, Header: true}},
		"gzip":    {packed.String(), dataset.FormatOptions{}, tabular.Format{Kind: "csv", Compression: "gzip", Encoding: "utf-8", Delimiter: ",", Quote: `"`, Header: true}},
		"json":    {`[{"name":"Jürgen","n":1,"since":"2024-01-02"},{"name":"Zoë","since":"2024-02-03"}]`, dataset.FormatOptions{}, tabular.Format{Kind: "json", Encoding: "utf-8", Header: true}},
		"jsonl":   {"{\"name\":\"Jürgen\",\"n\":1,\"since\":\"2024-01-02\"}\n{\"name\":\"Zoë\",\"since\":\"2024-02-03\"}\n", dataset.FormatOptions{}, tabular.Format{Kind: "jsonl", Encoding: "utf-8", Header: true}},
		"xlsx": {
			workbook(t, `<row><c t="str"><v>name</v></c><c t="str"><v>n</v></c><c t="str"><v>since</v></c></row><row><c t="str"><v>Jürgen</v></c><c><v>1</v></c><c s="1"><v>45293</v></c></row><row><c t="str"><v>Zoë</v></c><c/><c s="1"><v>45325</v></c></row>`),
			dataset.FormatOptions{Kind: "xlsx", Sheet: "2"},
			tabular.Format{Kind: "xlsx", Header: true, Sheet: "Data", Sheets: []string{"Cover", "Data"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			u := upload(tt.file)
			u.Options = tt.options
			_, j, err := b.Create(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			made := b.finish(t, j)
			if !reflect.DeepEqual(made.Version.Format, tt.format) || !reflect.DeepEqual(made.Version.Schema, want.Version.Schema) {
				t.Errorf("version %+v", made.Version)
			}
			if got, err := b.files.get(made.Version.TableKey); err != nil || !bytes.Equal(got, table) {
				t.Errorf("another table: %v", err)
			}
		})
	}
	u := upload(csv)
	u.Options.Kind = "xml"
	_, _, err = b.Create(t.Context(), u)
	checkCode(t, err, fault.ClassInvalid, "invalid_kind")
}

// workbook writes a workbook whose second sheet has the rows.
func workbook(tb testing.TB, rows string) string {
	tb.Helper()
	const relations = `<Relationships><Relationship Id="a" Type="x/%s" Target="%s"/><Relationship Id="b" Type="x/worksheet" Target="b.xml"/><Relationship Id="c" Type="x/styles" Target="c.xml"/></Relationships>`
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, part := range [][2]string{
		{"_rels/.rels", fmt.Sprintf(relations, "officeDocument", "xl/workbook.xml")},
		{"xl/_rels/workbook.xml.rels", fmt.Sprintf(relations, "worksheet", "a.xml")},
		{"xl/workbook.xml", `<workbook><sheets><sheet name="Cover" id="a"/><sheet name="Data" id="b"/></sheets></workbook>`},
		{"xl/a.xml", `<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>`},
		{"xl/b.xml", `<worksheet><sheetData>` + rows + `</sheetData></worksheet>`},
		{"xl/c.xml", `<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>`},
	} {
		f, err := w.Create(part[0])
		if err == nil {
			_, err = io.WriteString(f, part[1])
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// TestMemoryOfJSONIsFlat checks that an array of objects in one line is held no
// more than a CSV file is, packed or not.
func TestMemoryOfJSONIsFlat(t *testing.T) { //nolint:paralleltest // measures the heap of the process
	jobtest.Flat(t, liveBytesOfJSON(t, 100_000)+groupBytes, liveBytesOfJSON(t, 400_000))
}

func liveBytesOfJSON(t *testing.T, rows int) float64 {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	file := &sink{name: filepath.Join(t.TempDir(), "raw.json")}
	file.size = jobtest.WriteLines(t, file.name, "[", rows, func(w io.Writer, i int) {
		end := ","
		if i == rows-1 {
			end = "]"
		}
		_, _ = fmt.Fprintf(w, `{"id":%d,"name":"person %x","at":{"city":"city %d","income":%.4f},"tags":[%d]}%s`, i, r.Uint64(), r.IntN(300), 1000*r.ExpFloat64(), i%7, end)
	})
	b := setup(t, nil)
	_, j := b.create(t, "[{\"a\":1}]")
	b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: file})
	heap := jobtest.NewHeap()
	b.report.each = heap.Look
	if made, err := b.ingest(t.Context(), j); err != nil || made.Rows != int64(rows) || made.Columns != 5 {
		t.Fatal(made, err)
	}
	return heap.Most()
}
