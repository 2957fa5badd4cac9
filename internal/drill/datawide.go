package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/drill/peer"
)

// wide measures what is done with a table of wideColumns.
func (d *dataDrill) wide(ctx context.Context) error {
	if d.size.huge {
		dataset, size, j, err := d.upload(ctx, "huge.csv", newTable(d.size.wideRows, wideHeader(), wideLine))
		if err != nil {
			return err
		}
		if err := d.record("ingest", d.size.wideRows, wideColumns, size, j); err != nil {
			return err
		}
		return d.previews(ctx, dataset, size)
	}
	dir, err := os.MkdirTemp("", "narrative-bench-*")
	if err != nil {
		return fmt.Errorf("measure a wide table: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // only temporary files
	file := filepath.Join(dir, "wide.csv")
	size, err := save(file, newTable(d.size.wideRows, wideHeader(), wideLine))
	if err != nil {
		return err
	}
	dataset, err := d.describe(ctx, dir, file, size)
	if err != nil {
		return err
	}
	if err := d.previews(ctx, dataset, size); err != nil {
		return err
	}
	if err := d.recipe(ctx, dataset); err != nil {
		return err
	}
	return d.apply(ctx, file)
}

// save writes the table to the file.
func save(name string, t *table) (int64, error) {
	f, err := os.Create(name) //nolint:gosec // in our own folder
	if err != nil {
		return 0, fmt.Errorf("write a table: %w", err)
	}
	size, err := io.Copy(f, t)
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("write a table: %w", err)
	}
	return size, nil
}

// describe ingests the file, profile included, and has the peer describe it, in
// turn; it returns the last data set.
func (d *dataDrill) describe(ctx context.Context, dir, file string, size int64) (dataset string, err error) {
	scripts, err := peer.Install(dir, d.peers)
	if err != nil {
		return "", err
	}
	var ours, theirs, memory []float64
	var last peer.Described
	for range d.size.rounds {
		var took float64
		var peak int64
		if dataset, took, peak, err = d.ingestFile(ctx, file); err != nil {
			return "", err
		}
		ours, memory = append(ours, took), append(memory, float64(peak)/mega)
		if last, err = scripts.DataFrames().Describe(ctx, peer.Description{File: file, Threads: threads}); err != nil {
			return "", err
		}
		if last.Absent == "" && (last.Rows != d.size.wideRows || last.Columns != wideColumns) {
			return "", fmt.Errorf("%s read %d rows of %d columns", last.Version, last.Rows, last.Columns)
		}
		theirs = append(theirs, last.Seconds())
	}
	name := "describe-" + short(d.size.wideRows) + "-28"
	note := fmt.Sprintf("%.0f MB: ingest as a job with types, table, profile and quality; pandas: read_csv, describe, corr (%.1f, %.1f, %.1f s)", float64(size)/mega, last.Read, last.Describe, last.Correlate)
	seconds := Alone(name+"-seconds", median(ours), "s", note)
	held := Alone(name+"-peak-memory", median(memory), "MB", "resident, of the process with embedded parts and of the job's own, if it has one; pandas: above the loaded library")
	if last.Absent == "" {
		seconds = Against(seconds, last.Version, median(theirs), true)
		held = Against(held, last.Version, float64(last.Memory)/mega, true)
	} else {
		seconds.Note += "; without " + last.Absent
	}
	d.figures = append(d.figures, seconds, held)
	_, err = fmt.Fprintf(d.out, "%s: %.1f s, %.0f MB; %s %.1f s\n", name, median(ours), median(memory), last.Version, median(theirs))
	return dataset, err
}

// ingestFile uploads the file and returns how long its job took, in seconds, and
// the peak of memory.
func (d *dataDrill) ingestFile(ctx context.Context, name string) (dataset string, took float64, peak int64, err error) {
	file, err := os.Open(name) //nolint:gosec // our own file
	if err != nil {
		return "", 0, 0, fmt.Errorf("read a table: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	if err := resetPeak(d.target.PID); err != nil {
		return "", 0, 0, err
	}
	dataset, j, err := d.send(ctx, filepath.Base(name), file)
	if err != nil {
		return "", 0, 0, err
	}
	took, peak, err = d.taken(j)
	return dataset, took, peak, err
}

type params = map[string]any

func step(name string, p params) client.Step { return client.Step{Name: name, Parameters: p} }

// previewSteps are steps of every kind and way to run, and the most costly ones.
func previewSteps() []client.Step {
	return []client.Step{
		step("remove_duplicates", nil),
		step("drop_missing_rows", nil),
		step("remove_outliers", params{"method": "iqr"}),
		step("sort_rows", params{"columns": []string{"city", "f1"}}),
		step("group_rows", params{"by": []string{"city", "product"}, "values": params{"people": "count()", "f1_mean": "mean(f1)"}}),
		step("trim_text", nil),
		step("standardise_format", params{"columns": []string{"note"}, "format": "number"}),
		step("replace_text", params{"columns": []string{"note"}, "pattern": "(\\d+)", "replacement": "<$1>"}),
		step("impute_missing", params{"columns": []string{"f3", "f7"}, "strategy": "median"}),
		step("impute_neighbours", params{"columns": []string{"f3", "f7", "f11", "f15"}}),
		step("forward_fill", nil),
		step("cap_outliers", nil),
		step("scale_numbers", nil),
		step("bin_numbers", params{"columns": []string{"f1", "f2"}, "method": "quantile"}),
		step("derive_column", params{"name": "made", "expression": "f1 * 2.0 + f2"}),
		step("choose_value", params{"name": "made", "condition": "f1 > 0.0", "then": `"yes"`, "otherwise": `"no"`}),
		step("add_interactions", params{"columns": []string{"f1", "f2", "f4", "f5", "f6"}}),
		step("encode_one_hot", params{"columns": []string{"city", "plan"}}),
		step("group_rare", nil),
		step("extract_date_parts", nil),
		step("aggregate_by_group", params{"by": []string{"city"}, "values": params{"f1_mean": "mean(f1)"}}),
	}
}

// previews has every step previewed three times.
func (d *dataDrill) previews(ctx context.Context, dataset string, size int64) error {
	const times = 3
	var all []float64
	worst, at, refused := 0.0, "", []string{"none"}
	for _, s := range previewSteps() {
		var took []float64
		for range times {
			begin := time.Now()
			_, err := d.target.Client.PreviewRecipe(ctx, client.RecipeUse{DatasetID: dataset, Steps: []client.Step{s}})
			if e, ok := errors.AsType[*client.Error](err); ok && e.Code == "memory_needed" {
				refused = append(refused, s.Name)
				break
			}
			if err != nil {
				return fmt.Errorf("preview %s: %w", s.Name, err)
			}
			took = append(took, time.Since(begin).Seconds())
		}
		if len(took) == 0 {
			continue
		}
		all = append(all, took...)
		if m := median(took); m > worst {
			worst, at = m, s.Name
		}
	}
	const milli = 1000
	slices.Sort(all)
	note := fmt.Sprintf("%d steps, each %d times, of a data set of %.2g GB, whole requests; the slowest is %s; refused since they would hold too much of it: %s",
		len(all)/times, times, float64(size)/(mega*milli), at, strings.Join(refused[min(1, len(refused)-1):], ", "))
	name := "preview-" + short(d.size.wideRows) + "-28"
	d.figures = append(d.figures, Alone(name+"-slowest-step", milli*worst, "ms", note), Alone(name+"-median", milli*median(all), "ms", note))
	_, err := fmt.Fprintf(d.out, "%s: slowest step %s %.0f ms, median %.0f ms\n", name, at, milli*worst, milli*median(all))
	return err
}
