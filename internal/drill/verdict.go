package drill

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/narrativeml/narrative/internal/terminal"
)

// quantity is something of which less is better and that every side has.
type quantity struct {
	title string
	unit  string
	scale float64 // from what is measured to the unit
	of    func(s *standing) []float64
}

func binTime() quantity {
	return quantity{"binning", "s", 1, func(s *standing) []float64 { return s.bin }}
}

func trainTime() quantity {
	return quantity{"training", "s", 1, func(s *standing) []float64 { return s.train }}
}

func trainCPU() quantity {
	return quantity{"training CPU", "s", 1, func(s *standing) []float64 { return s.cpu }}
}

func predictTime(trees int) quantity {
	return quantity{fmt.Sprintf("predict %d", trees), "s", 1, func(s *standing) []float64 { return s.predict }}
}

func manyTime(trees int) quantity {
	return quantity{fmt.Sprintf("predict %d", trees), "s", 1, func(s *standing) []float64 { return s.many }}
}

func rowTime() quantity {
	return quantity{"one row", "µs", 1e6, func(s *standing) []float64 { return s.row }}
}

func memoryRise() quantity {
	return quantity{"memory", "MB", 1 / mega, func(s *standing) []float64 { return s.memory }}
}

// value is the median over the rounds, and whether there is one.
func (q quantity) value(s *standing) (float64, bool) {
	if all := q.of(s); len(all) > 0 {
		return median(all) * q.scale, true
	}
	return 0, false
}

// best returns the peer with the least, or nil. The quantized mode is a line of
// its own and no peer here.
func (q quantity) best(peers []*standing) *standing {
	var least *standing
	for _, s := range peers {
		v, ok := q.value(s)
		if !ok || s.side.Quantized {
			continue
		}
		if least == nil {
			least = s
		} else if w, _ := q.value(least); v < w {
			least = s
		}
	}
	return least
}

// figure compares ours, the first, with one peer; without one it stands alone.
// The note tells what every side has.
func (q quantity) figure(name, note string, all []*standing, against *standing) Figure {
	value, _ := q.value(all[0])
	parts := []string{note}
	for _, s := range all[1:] {
		if v, ok := q.value(s); ok {
			parts = append(parts, fmt.Sprintf("%s %s %s", s.name(), terminal.Number(v), q.unit))
		}
	}
	f := Alone(name, value, q.unit, strings.Join(append(parts, missing(all)...), "; "))
	if against == nil {
		return f
	}
	theirs, _ := q.value(against)
	return Against(f, against.name(), theirs, true)
}

// missing tells of peers that have nothing.
func missing(all []*standing) []string {
	var parts []string
	for _, s := range all {
		if s.absent != "" && !s.side.Quantized {
			parts = append(parts, "without "+s.absent)
		}
	}
	return parts
}

// named returns the standing of the side, if it has trained.
func named(all []*standing, name string) *standing {
	for _, s := range all {
		if s.side.Name == name && len(s.train) > 0 {
			return s
		}
	}
	return nil
}

// aucFigure is our mean AUC beside that of the peer that trains fastest, and
// tells the mean difference to each.
func aucFigure(name, note string, all []*standing) Figure {
	note = fmt.Sprintf("%s; mean of %d tables; %s", note, len(all[0].auc), aucs(all))
	f := Alone(name, mean(all[0].auc), "AUC", strings.Join(append([]string{note}, missing(all)...), "; "))
	if fastest := trainTime().best(all[1:]); fastest != nil && len(fastest.auc) == len(all[0].auc) {
		return Against(f, fastest.name(), mean(fastest.auc), false)
	}
	return f
}

// aucs tells the mean AUC of every side and how far it is from ours.
func aucs(all []*standing) string {
	ours := mean(all[0].auc)
	parts := []string{fmt.Sprintf("AUC %.5f", ours)}
	for _, s := range all[1:] {
		if len(s.auc) == len(all[0].auc) && len(s.auc) > 0 {
			parts = append(parts, fmt.Sprintf("%s %.5f, |ΔAUC| %.5f", s.name(), mean(s.auc), math.Abs(ours-mean(s.auc))))
		}
	}
	return strings.Join(parts, "; ")
}

func mean(all []float64) float64 {
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	return sum / float64(len(all))
}

// compare prints what each side has of each quantity, and for peers in brackets
// how many times as much as ours that is.
func compare(out io.Writer, label string, all []*standing, quantities []quantity) error {
	header := []string{label}
	for _, q := range quantities {
		header = append(header, q.title+" "+q.unit)
	}
	header = append(header, "AUC")
	var rows [][]string
	for i, s := range all {
		row := []string{s.name()}
		for _, q := range quantities {
			v, ok := q.value(s)
			switch ours, _ := q.value(all[0]); {
			case !ok:
				row = append(row, "")
			case i == 0:
				row = append(row, fmt.Sprintf("%.3g", v))
			default:
				row = append(row, fmt.Sprintf("%.3g (%.2f×)", v, v/ours))
			}
		}
		switch {
		case s.absent != "":
			row = append(row, s.absent)
		case len(s.auc) > 0:
			row = append(row, fmt.Sprintf("%.5f", mean(s.auc)))
		}
		rows = append(rows, row)
	}
	if _, err := fmt.Fprintln(out); err != nil {
		return fmt.Errorf("print figures: %w", err)
	}
	return terminal.Table(out, header, rows)
}
