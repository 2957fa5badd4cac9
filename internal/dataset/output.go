package dataset

import (
	"context"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// WriteVersion writes a table with its profile and its sample below the prefix,
// and describes it as it is now. fill gives the rows, which have the columns of the
// schema.
func WriteVersion(ctx context.Context, files IngestFiles, prefix string, schema tabular.Schema, now time.Time, fill func(write func(x *frame.Frame) error) error) (Version, *profile.Profile, error) {
	v := Version{
		Schema: schema, TableKey: prefix + "table.parquet", ProfileKey: prefix + "profile.json", SampleKey: prefix + "sample.parquet",
		Format: tabular.Format{Kind: tabular.KindParquet, Header: true},
	}
	content, profiled := NewContent(schema), newProfiler(schema, profile.Options{Now: now})
	err := writeTable(ctx, files, v.TableKey, schema, func(w tabular.Writer) error {
		return fill(func(x *frame.Frame) error {
			if err := profiled.add(ctx, &tabular.Chunk{Frame: x}); err != nil {
				return err
			}
			if err := w.Write(x); err != nil {
				return err
			}
			content.Add(x)
			v.Rows += int64(x.Rows())
			return nil
		})
	})
	p, profileErr := profiled.finish()
	if err != nil {
		return v, nil, err
	}
	if profileErr != nil {
		return v, nil, fmt.Errorf("profile table: %w", profileErr)
	}
	v.Hash = content.Hash()
	if err := content.Sample(ctx, files, v.SampleKey); err != nil {
		return v, nil, err
	}
	if err := keepProfile(ctx, files, v.ProfileKey, p); err != nil {
		return v, nil, err
	}
	v.Types = found(p, nil)
	return v, p, nil
}
