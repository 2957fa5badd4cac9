package dataset_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/tabular"
)

func TestIngestOfTheWidestTable(t *testing.T) {
	t.Parallel()
	const columns, rows = 10_000, 30
	var b bytes.Buffer
	for j := range columns {
		fmt.Fprintf(&b, "c%d,", j)
	}
	b.Truncate(b.Len() - 1)
	for i := range rows {
		b.WriteByte('\n')
		for j := range columns {
			if j%2 == 0 {
				fmt.Fprintf(&b, "%d,", i*j)
			} else {
				fmt.Fprintf(&b, "w%d,", i%7)
			}
		}
		b.Truncate(b.Len() - 1)
	}
	s := setup(t, nil)
	d, j := s.create(t, b.String())
	made := s.finish(t, j)
	if made.Columns != columns || made.Rows != rows {
		t.Errorf("%d columns, %d rows", made.Columns, made.Rows)
	}
	if p, err := s.Preview(t.Context(), "acme", d.ID, 1); err != nil || len(p.Rows[0]) != columns {
		t.Errorf("preview: %v", err)
	}
}

func TestIngestOfTheSamples(t *testing.T) {
	t.Parallel()
	for _, set := range sample.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			t.Parallel()
			file, err := set.Open()
			if err != nil {
				t.Fatal(err)
			}
			s := setup(t, nil)
			u := upload("")
			u.Body = file
			_, j, err := s.Create(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			made := s.finish(t, j)
			if made.Rows < 300 || made.Columns < 7 || !made.Version.Format.Header {
				t.Errorf("%d rows, %d columns, %+v", made.Rows, made.Columns, made.Version.Format)
			}
			kinds := map[tabular.Type]int{}
			for _, f := range made.Version.Schema {
				kinds[f.Type]++
			}
			if kinds[tabular.String] == 0 || kinds[tabular.Integer]+kinds[tabular.Float] == 0 {
				t.Errorf("types %v", kinds)
			}
		})
	}
}
