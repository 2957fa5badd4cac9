package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// simpleSteps are ten steps that take a row at a time.
func simpleSteps() []client.Step {
	return []client.Step{
		step("trim_text", params{"columns": []string{"city", "note"}}),
		step("change_case", params{"columns": []string{"city"}, "case": "title"}),
		step("remove_characters", params{"columns": []string{"product"}}),
		step("replace_values", params{"columns": []string{"plan"}, "values": params{"free": "none"}}),
		step("fill_missing", params{"columns": []string{"f3"}, "value": 1.5}),
		step("derive_column", params{"name": "gross", "expression": "f1 * 1.25 + f2"}),
		step("filter_rows", params{"condition": `gross > -100.0 && plan != "pro"`}),
		step("round_numbers", params{"columns": []string{"gross", "f4"}, "digits": 2}),
		step("rename_columns", params{"names": params{"f5": "other"}}),
		step("drop_columns", params{"columns": []string{"note"}}),
	}
}

// recipe applies ten steps as a job.
func (d *dataDrill) recipe(ctx context.Context, dataset string) error {
	steps := simpleSteps()
	j, err := d.target.Client.Transform(ctx, client.TransformRequest{RecipeUse: client.RecipeUse{DatasetID: dataset, Version: 1, Steps: steps}}, "")
	if err != nil {
		return err
	}
	if j, err = d.target.Client.Wait(ctx, j.ID, nil); err != nil {
		return err
	}
	took, _, err := d.taken(j)
	if err != nil {
		return err
	}
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = s.Name
	}
	rate := float64(d.size.wideRows) / took
	d.figures = append(d.figures, Alone("recipe-"+short(d.size.wideRows)+"-28-rows-per-second", rate, "rows/s",
		"ten steps as a job, with reading, writing, hash, sample and profile of the new version: "+strings.Join(names, ", ")))
	_, err = fmt.Fprintf(d.out, "recipe of ten steps: %.1f s\n", took)
	return err
}

// Bounds of what is measured of the steps alone.
const (
	applyRows  = 200_000
	applyTimes = 5
)

// apply applies the ten steps on one processor to the beginning of the file, which is
// in memory in chunks as readers give them: what the steps of the job above take.
func (d *dataDrill) apply(ctx context.Context, file string) error {
	chunks, err := beginning(ctx, file, applyRows)
	if err != nil {
		return fmt.Errorf("read the beginning of a table: %w", err)
	}
	specs := make([]preprocess.Spec, 0, len(simpleSteps()))
	for _, s := range simpleSteps() {
		specs = append(specs, preprocess.Spec(s))
	}
	recipe, err := preprocess.Bind(specs, preprocess.SchemaOf(chunks[0]), preprocess.Environment{Expressions: expression.Compiler{}})
	if err != nil {
		return fmt.Errorf("bind a recipe: %w", err)
	}
	fitted, err := recipe.Fit(ctx, chunks, nil, nil)
	if err != nil {
		return fmt.Errorf("fit a recipe: %w", err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	rows := 0
	for _, x := range chunks {
		rows += x.Rows()
	}
	var rates []float64
	for range applyTimes {
		begin, pass := time.Now(), fitted.Start()
		drop := func(*frame.Frame) error { return nil }
		for _, x := range chunks {
			if err := pass.Next(x, drop); err != nil {
				return fmt.Errorf("apply a recipe: %w", err)
			}
		}
		if err := pass.End(drop); err != nil {
			return fmt.Errorf("apply a recipe: %w", err)
		}
		rates = append(rates, float64(rows)/time.Since(begin).Seconds())
	}
	d.figures = append(d.figures, Alone("recipe-steps-28-rows-per-second-per-core", median(rates), "rows/s",
		fmt.Sprintf("the same ten steps alone, on one processor, applied to %d rows of 28 columns in memory; median of %d passes", rows, applyTimes)))
	_, err = fmt.Fprintf(d.out, "recipe of ten steps, the steps alone: %.1fM rows/s on one processor\n", median(rates)/mega)
	return err
}

// errEnough ends reading.
var errEnough = errors.New("enough rows")

// beginning returns the first rows of a CSV file, in chunks.
func beginning(ctx context.Context, name string, rows int) (chunks preprocess.Frames, err error) {
	file, err := os.Open(name) //nolint:gosec // our own file
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	table, err := tabular.InferCSV(ctx, file, tabular.CSVOptions{}, func(int64) {})
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	reader, err := tabular.NewCSVReader(file, tabular.CSVOptions{Format: table.Format.Told(), Schema: table.Schema})
	if err != nil {
		return nil, err
	}
	have := 0
	err = tabular.Stream(ctx, reader, func(c *tabular.Chunk) error {
		chunks = append(chunks, c.Frame)
		if have += c.Frame.Rows(); have >= rows {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return chunks, err
}
