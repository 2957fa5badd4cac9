package cli

import (
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

// trainSteps are the flags of steps that are learned within a training.
type trainSteps struct {
	file   string
	tables []string
}

func (t *trainSteps) flags(cmd *cobra.Command, r *client.TrainRequest) {
	f := cmd.Flags()
	f.StringVarP(&t.file, "steps", "s", "", "a file with steps that are learned within the training and go with the model, as a list in JSON; - for standard input")
	f.StringVarP(&r.RecipeID, "recipe", "r", "", "a recipe that was saved, instead of steps")
	f.IntVar(&r.RecipeVersion, "recipe-version", 0, "of the recipe (default: the newest)")
	f.StringSliceVar(&t.tables, "table", nil, "the version of a data set that steps join, as DATASET=VERSION (default: the newest)")
}

func (t *trainSteps) read(cmd *cobra.Command, r *client.TrainRequest) (err error) {
	for _, s := range t.tables {
		id, number, _ := strings.Cut(s, "=")
		n, err := strconv.Atoi(number)
		if err != nil || id == "" || n < 1 {
			return usage("%q names no version of a data set; write DATASET=VERSION, such as ds_1=2", s)
		}
		r.Tables = append(r.Tables, client.TableRef{DatasetID: id, Number: n})
	}
	if t.file != "" {
		r.Steps, err = readSteps(cmd, t.file)
	}
	return err
}

// showModelSteps shows the steps that a model carries.
func showModelSteps(w io.Writer, steps []client.ModelStep) error {
	if len(steps) == 0 {
		return nil
	}
	rows := make([][]string, len(steps))
	for i, s := range steps {
		from := "the training"
		if s.Version > 0 {
			from = "version " + strconv.Itoa(s.Version)
		}
		rows[i] = []string{strconv.Itoa(i + 1), s.Name, from, s.Prediction, s.Explanation}
	}
	if err := line(w, "rows go through these steps first:"); err != nil {
		return err
	}
	return terminal.Explained(w, []string{"step", "transformation", "of", "in prediction", "what it does"}, rows)
}
