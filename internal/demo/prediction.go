package demo

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

// tolerance is how far the recomputed quality may be from the leaderboard's:
// both sum the same numbers, in another order.
const tolerance = 1e-9

// predictions is a downloaded file.
type predictions struct {
	row    []int // numbers from 1
	label  []string
	chance []float64 // of the positive class
}

// readPredictions reads a file with the columns row_id, prediction and
// probability_<positive class>.
func readPredictions(r io.Reader, m *client.Model) (*predictions, error) {
	records, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the predictions: %w", err)
	}
	if len(records) == 0 {
		return nil, &MismatchError{What: "the file of predictions is empty"}
	}
	var at [3]int
	for i, name := range []string{"row_id", "prediction", "probability_" + m.PositiveClass} {
		if at[i] = slices.Index(records[0], name); at[i] < 0 {
			return nil, &MismatchError{What: fmt.Sprintf("the file of predictions has no column %q; it has %q", name, records[0])}
		}
	}
	p := &predictions{}
	for _, record := range records[1:] {
		row, errRow := strconv.Atoi(record[at[0]])
		chance, errChance := strconv.ParseFloat(record[at[2]], 64)
		if errRow != nil || errChance != nil || !(chance >= 0 && chance <= 1) {
			return nil, &MismatchError{What: fmt.Sprintf("a prediction is %q", record)}
		}
		p.row, p.label, p.chance = append(p.row, row), append(p.label, record[at[1]]), append(p.chance, chance)
	}
	return p, nil
}

// labels reads the target of every row of the bundled file.
func (d *demonstration) labels() ([]string, error) {
	file, err := d.set.Open()
	if err != nil {
		return nil, err
	}
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.set.Filename, err)
	}
	column := slices.Index(records[0], d.set.Target)
	labels := make([]string, 0, len(records))
	for _, record := range records[1:] {
		labels = append(labels, record[column])
	}
	return labels, nil
}

// check compares the predictions with the truth and with the model's record,
// and returns the area under the ROC curve.
func (p *predictions) check(m *client.Model, threshold float64, labels []string) (float64, error) {
	if int64(len(p.row)) != m.HoldoutRows {
		return 0, &MismatchError{What: fmt.Sprintf("the file has %d rows, %d were held out", len(p.row), m.HoldoutRows)}
	}
	truth := make([]bool, len(p.row))
	for i, row := range p.row {
		if row < 1 || row > len(labels) || i > 0 && row <= p.row[i-1] {
			return 0, &MismatchError{What: fmt.Sprintf("row %d stands at place %d of the predictions", row, i+1)}
		}
		truth[i] = labels[row-1] == m.PositiveClass
		if positive := p.chance[i] >= threshold; positive != (p.label[i] == m.PositiveClass) {
			return 0, &MismatchError{What: fmt.Sprintf("row %d is predicted %q at a probability of %v and a threshold of %v", row, p.label[i], p.chance[i], threshold)}
		}
	}
	auc := AUC(truth, p.chance)
	if want := m.Leaderboard[0].Holdout[metric]; !(math.Abs(auc-want) <= tolerance) {
		return auc, &MismatchError{What: fmt.Sprintf("%s is %v by the file and %v by the leaderboard", metric, auc, want)}
	}
	return auc, nil
}

// first returns the first rows as a table, beside the truth.
func (p *predictions) first(n int, labels []string) (header []string, rows [][]string) {
	header = []string{"row", "prediction", "probability", "truth"}
	for i := range min(n, len(p.row)) {
		truth := ""
		if row := p.row[i]; row >= 1 && row <= len(labels) {
			truth = labels[row-1]
		}
		rows = append(rows, []string{strconv.Itoa(p.row[i]), p.label[i], terminal.Number(p.chance[i]), truth})
	}
	return header, rows
}

// AUC is the area under the ROC curve, by the ranks of the scores; equal
// scores share their ranks. It is NaN unless both outcomes occur.
func AUC(truth []bool, scores []float64) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		default:
			return 0
		}
	})
	var ranks, yes float64 // the sum of the ranks of the positive, and their number
	for i := 0; i < len(order); {
		end := i + 1
		for end < len(order) && scores[order[end]] == scores[order[i]] {
			end++
		}
		for _, at := range order[i:end] {
			if truth[at] {
				ranks += float64(i+1+end) / 2
				yes++
			}
		}
		i = end
	}
	no := float64(len(order)) - yes
	if yes == 0 || no == 0 {
		return math.NaN()
	}
	return (ranks - yes*(yes+1)/2) / (yes * no)
}
