package tabular

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// Bounds returns the smallest and the largest number or instant of a column in one
// row group, as far as the file says so.
func (r *ParquetReader) Bounds(group int, column string) (low, high float64, ok bool) {
	k := slices.IndexFunc(r.all, func(c parquetColumn) bool { return c.name == column })
	if groups := r.file.Metadata().RowGroups; k >= 0 && group >= 0 && group < len(groups) {
		m := &groups[group].Columns[r.all[k].index].MetaData
		var lowOK, highOK bool
		low, lowOK = bound(m.Type, m.Statistics.MinValue)
		high, highOK = bound(m.Type, m.Statistics.MaxValue)
		ok = lowOK && highOK
	}
	return low, high, ok
}

// bound reads a number as a file's statistics hold it.
func bound(t format.Type, b []byte) (float64, bool) {
	const size = 8
	switch {
	case len(b) != size:
		return 0, false
	case t == format.Int64:
		return float64(int64(binary.LittleEndian.Uint64(b))), true
	case t == format.Double:
		return finite(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	default:
		return 0, false
	}
}
