package pii_test

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/sample"
)

// TestRealTablesRaiseNoAlarm looks at every column of the real tables that come with
// the program, none of which holds personal data, under its name and under one that
// says nothing.
func TestRealTablesRaiseNoAlarm(t *testing.T) {
	t.Parallel()
	tables := make(map[string]io.Reader)
	for _, set := range sample.Sets() {
		file, err := set.Open()
		if err != nil {
			t.Fatal(err)
		}
		tables[set.Name+".csv"] = file
	}
	for _, set := range sample.MessySets() {
		file, err := set.Open()
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		tables[strings.TrimSuffix(set.Filename, ".gz")] = unzipped
	}
	if len(tables) < 6 {
		t.Fatalf("%d tables, should be 6", len(tables))
	}
	for name, file := range tables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			columns := csvColumns
			if strings.HasSuffix(name, ".jsonl") {
				columns = jsonColumns
			}
			read := columns(t, file)
			if len(read) < 7 {
				t.Fatalf("%d columns, should be more", len(read))
			}
			for column, values := range read {
				for _, c := range []*pii.Column{pii.NewColumn(column), pii.NewColumn("c1")} {
					for _, v := range values {
						c.AddText(v, 1)
					}
					if f, ok := c.Finding(int64(len(values))); ok {
						t.Errorf("%s is %+v", column, f)
					}
				}
			}
		})
	}
}

// csvColumns returns the values of columns that are not missing.
func csvColumns(t *testing.T, r io.Reader) map[string][]string {
	t.Helper()
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns := make(map[string][]string)
	for _, row := range rows[1:] {
		for i, v := range row {
			if v != "" && v != "NA" {
				columns[rows[0][i]] = append(columns[rows[0][i]], v)
			}
		}
	}
	return columns
}

func jsonColumns(t *testing.T, r io.Reader) map[string][]string {
	t.Helper()
	columns := make(map[string][]string)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var row map[string]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		for name, v := range row {
			if v != nil {
				columns[name] = append(columns[name], fmt.Sprint(v))
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return columns
}
