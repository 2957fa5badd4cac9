package tabular_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/tabular"
)

func TestSniff(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("7;x;2024-01-02\n", 10_000)
	objects := strings.Repeat(`{"n":7,"s":"x","d":"2024-01-02"},`+"\n", 5000)
	columns := tabular.Schema{{Name: "n", Type: tabular.Integer}, {Name: "s", Type: tabular.String}, {Name: "d", Type: tabular.Datetime}}
	for name, tt := range map[string]struct {
		head string
		part bool
		kind string
		bad  int
	}{
		"csv":                     {"n;s;d\n" + long, false, "csv", 0},
		"csv cut off in a row":    {"n;s;d\n" + long[:1000], true, "csv", 0},
		"csv cut off in a quote":  {"n;s;d\n" + long + "8;\"a", true, "csv", 0},
		"csv with a bad row":      {"n;s;d\n7;x\n" + long, false, "csv", 1},
		"utf-16":                  {utf16Text("\ufeffn;s;d\n"+long, false)[:10_001], true, "csv", 0},
		"gzip cut off":            {gzipped(t, "n;s;d\n"+long)[:200], true, "csv", 0},
		"zstd cut off":            {zstded(t, "n;s;d\n"+long+string(noise(1<<20)))[:200_000], true, "csv", 0},
		"json cut off":            {"[" + objects[:900], true, "json", 0},
		"json lines":              {strings.ReplaceAll(objects, ",\n", "\n"), false, "jsonl", 0},
		"json lines cut off":      {strings.ReplaceAll(objects, ",\n", "\n")[:1000], true, "jsonl", 0},
		"json lines with mistake": {`{"n":}` + "\n" + strings.ReplaceAll(objects, ",\n", "\n"), false, "jsonl", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := tabular.Sniff(t.Context(), []byte(tt.head), !tt.part, tabular.Options{}, 3)
			if err != nil {
				t.Fatal(err)
			}
			if s.Format.Kind != tt.kind || !s.Format.Header || !reflect.DeepEqual(s.Schema, columns) || len(s.Bad) != tt.bad {
				t.Errorf("%+v", s)
			}
			if want := []any{"7", "x", "2024-01-02"}; len(s.Rows) != 3 || !reflect.DeepEqual(s.Rows[2], want) {
				t.Errorf("rows %v", s.Rows)
			}
		})
	}
	for kind, file := range map[string]string{"xlsx": peopleXLSX(t), "parquet": "PAR1 and more"} {
		s, err := tabular.Sniff(t.Context(), []byte(file), true, tabular.Options{}, 3)
		if err != nil || s.Format.Kind != kind || len(s.Schema) > 0 {
			t.Errorf("%s: %+v, %v", kind, s, err)
		}
	}
	for file, code := range map[string]string{"": "csv_empty", "\x89PNG\r\n\x1a\n": "csv_not_text", "[[1": "json_syntax", "a,a\n1,2": "csv_duplicate_column"} {
		_, err := tabular.Sniff(t.Context(), []byte(file), false, tabular.Options{}, 3)
		checkFault(t, err, code)
	}
	s, err := tabular.Sniff(t.Context(), []byte("a,b\n1,\n"), true, tabular.Options{Format: tabular.FormatOptions{Header: new(false)}}, 9)
	if err != nil || s.Format.Header || !reflect.DeepEqual(s.Rows, [][]any{{"a", "b"}, {"1", nil}}) {
		t.Errorf("%+v, %v", s, err)
	}
}
