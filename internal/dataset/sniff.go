package dataset

import (
	"context"

	"github.com/narrativeml/narrative/internal/tabular"
)

// sniffedRows is how many rows of a sample are shown.
const sniffedRows = 20

// Sniff says how the beginning of a file would be read, and keeps nothing; whole
// says that it is all of it. Only text is looked at: workbooks and Parquet are
// read by jobs, in processes of their own.
func Sniff(ctx context.Context, head []byte, whole bool, o FormatOptions) (*tabular.Beginning, error) {
	return tabular.Sniff(ctx, head, whole, tabular.Options{Format: o}, sniffedRows)
}
