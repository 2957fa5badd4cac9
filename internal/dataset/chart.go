package dataset

import (
	"context"

	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/tabular"
)

// Chart returns the data of a chart of a data set that is ready. It is the same
// for the same record.
func (s *Service) Chart(ctx context.Context, d *Dataset, req chart.Request) (*chart.Chart, error) {
	described, err := s.described(ctx, d)
	if err != nil {
		return nil, err
	}
	return chart.Draw(ctx, chart.Table{
		Dataset: d.ID, Rows: d.Version.Rows, Schema: d.Version.Schema, Profile: described, Private: d.Private(),
		Open: func(ctx context.Context, columns []string) (*tabular.ParquetReader, error) {
			return s.open(ctx, d, columns, 0)
		},
	}, req)
}
