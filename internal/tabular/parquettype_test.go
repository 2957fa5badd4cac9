package tabular_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/internal/tabular"
)

// A decimal is the float that its digits are read as.
func TestParquetDecimals(t *testing.T) {
	t.Parallel()
	type row struct {
		Cents  int64    `parquet:"cents,decimal(2:18)"`
		Tenths int32    `parquet:"tenths,decimal(1:9)"`
		Long   [16]byte `parquet:"long,decimal(20:38)"`
	}
	long := func(high byte, rest ...byte) (b [16]byte) {
		for i := range b {
			b[i] = high
		}
		copy(b[16-len(rest):], rest)
		return b
	}
	file := foreignFile(t, []row{{57, 3, long(0, 1)}, {-1_110, -7, long(0xff, 0x9c)}, {9_007_199_254_740_993, 0, long(0x7f)}})
	r := openParquet(t, file, tabular.ParquetOptions{})
	rows, _, _, _ := collect(t, r)
	want := [][]string{
		{"0.57", "0.3", "1e-20"},
		{"-11.1", "-0.7", "-1e-18"},
		{"90071992547409.94", "0", "1694739631331732700"},
	}
	for i := range want {
		if !slices.Equal(rows[i], want[i]) {
			t.Errorf("row %d: %q, want %q", i+1, rows[i], want[i])
		}
	}
}

func TestParquetTimesOfDay(t *testing.T) {
	t.Parallel()
	type row struct {
		Millis int32 `parquet:"millis,time(millisecond)"`
		Micros int64 `parquet:"micros,time(microsecond)"`
		Nanos  int64 `parquet:"nanos,time(nanosecond)"`
	}
	file := foreignFile(t, []row{{0, 0, 0}, {52_530_500, 86_399_999_999, 1_500_000_000}})
	r := openParquet(t, file, tabular.ParquetOptions{})
	rows, _, _, _ := collect(t, r)
	if want := [][]string{{"0", "0", "0"}, {"52530.5", "86399.999999", "1.5"}}; !slices.Equal(rows[1], want[1]) || !slices.Equal(rows[0], want[0]) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	for _, f := range r.Schema() {
		if tabular.SemanticOf(f) != tabular.SemanticTime {
			t.Errorf("column %s is %+v", f.Name, f)
		}
	}
	r = openParquet(t, foreignFile(t, []row{{0, 0, 0}, {0, 0, int64(24 * time.Hour)}}), tabular.ParquetOptions{})
	_, err := r.Next(t.Context())
	checkFault(t, err, "invalid_value", "row 2", `column "nanos"`, "24 hours")
}

// unknown is the type that pyarrow gives a column of pandas without values.
type unknown struct{ parquet.Type }

func (unknown) LogicalType() *format.LogicalType {
	return &format.LogicalType{Value: new(format.NullType)}
}

func TestParquetColumnsWithoutValues(t *testing.T) {
	t.Parallel()
	schema := parquet.NewSchema("table", parquet.Group{
		"a":    parquet.Int(64),
		"none": parquet.Optional(parquet.Leaf(unknown{parquet.Int32Type})),
	})
	var out bytes.Buffer
	w := parquet.NewGenericWriter[any](&out, schema)
	for i := range 3 {
		if _, err := w.WriteRows([]parquet.Row{{parquet.Int64Value(int64(i)).Level(0, 0, 0), parquet.NullValue().Level(0, 0, 1)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := out.String()
	table, err := tabular.InspectParquet(strings.NewReader(file), int64(len(file)), tabular.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := table.Schema.Lookup("none"); f.Type != tabular.String || !f.Nullable {
		t.Errorf("field %+v", f)
	}
	rows, _, _, _ := collect(t, openParquet(t, file, tabular.ParquetOptions{}))
	if len(rows) != 3 || !slices.Equal(rows[2], []string{"2", "∅"}) {
		t.Errorf("rows %q", rows)
	}
}
