package drill

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/narrativeml/narrative/internal/terminal"
)

// Figure is one measured value.
type Figure struct {
	Name  string   `json:"name"` // stable, kebab-case
	Value float64  `json:"value"`
	Unit  string   `json:"unit"`
	Peer  *string  `json:"peer"`  // the best other way to do the same, measured beside it; null: none
	Ratio *float64 `json:"ratio"` // against the peer, higher is better; null without a peer
	Note  string   `json:"note"`  // how it was measured
}

// Alone returns a figure that has no peer.
func Alone(name string, value float64, unit, note string) Figure {
	return Figure{Name: name, Value: value, Unit: unit, Note: note}
}

// Against returns a figure beside the same figure of a peer. Where less is
// better, such as for seconds, the ratio is turned round.
func Against(f Figure, peer string, value float64, lessIsBetter bool) Figure {
	ratio := f.Value / value
	if lessIsBetter {
		ratio = value / f.Value
	}
	f.Peer, f.Ratio = &peer, &ratio
	return f
}

func (f Figure) check() error {
	if f.Name == "" || f.Unit == "" {
		return fmt.Errorf("the figure %+v has no name or no unit", f)
	}
	for _, v := range []*float64{&f.Value, f.Ratio} {
		if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
			return fmt.Errorf("the figure %s is %v", f.Name, *v)
		}
	}
	return nil
}

// Merge replaces the figures of the same names in the file and appends the
// others; a file that does not exist is made.
func Merge(path string, figures []Figure) error {
	var all []Figure
	old, err := os.ReadFile(path) //nolint:gosec // the caller names the file
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("merge figures: %w", err)
	default:
		if err := json.Unmarshal(old, &all); err != nil {
			return fmt.Errorf("merge figures into %s: %w", path, err)
		}
	}
	for _, f := range figures {
		if err := f.check(); err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(o Figure) bool { return o.Name == f.Name })
		if at < 0 {
			all = append(all, f)
			continue
		}
		all[at] = f
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("merge figures: %w", err)
	}
	return replace(path, append(data, '\n'))
}

// replace writes the file at once or not at all.
func replace(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".bench-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(file.Name()))
	}
	return nil
}

// Table prints the figures.
func Table(w io.Writer, figures []Figure) error {
	rows := make([][]string, len(figures))
	for i, f := range figures {
		rows[i] = []string{f.Name, terminal.Number(f.Value), f.Unit, "", "", f.Note}
		if f.Peer != nil {
			rows[i][3], rows[i][4] = *f.Peer, fmt.Sprintf("%.2f", *f.Ratio)
		}
	}
	return terminal.Table(w, []string{"figure", "value", "unit", "peer", "ratio", "how"}, rows)
}
