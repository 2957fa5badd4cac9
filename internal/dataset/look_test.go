package dataset_test

import (
	"context"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/chart"
)

// Preview, Profile and Chart look at a data set by its identifier.

func (b *bundle) Preview(ctx context.Context, tenant, id string, limit int) (*dataset.Preview, error) {
	d, err := b.Look(ctx, tenant, id, 0)
	if err != nil {
		return nil, err
	}
	return b.Service.Preview(ctx, d, limit)
}

func (b *bundle) Profile(ctx context.Context, tenant, id string) ([]byte, error) {
	d, err := b.Look(ctx, tenant, id, 0)
	if err != nil {
		return nil, err
	}
	return b.ProfileOf(ctx, d)
}

func (b *bundle) Chart(ctx context.Context, tenant, id string, req chart.Request) (*chart.Chart, error) {
	d, err := b.Look(ctx, tenant, id, 0)
	if err != nil {
		return nil, err
	}
	return b.Service.Chart(ctx, d, req)
}
