package drill

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/narrativeml/narrative/internal/drill/generator"
	"github.com/narrativeml/narrative/internal/drill/peer"
	"github.com/narrativeml/narrative/internal/terminal"
)

// growth measures how the time of training grows with one thing while the rest
// stays as it is.
type growth struct {
	what   string // that grows; part of the names of the figures
	points []growthPoint
}

type growthPoint struct {
	label   string
	table   generator.Table
	threads int
}

func (s mlSize) growths() []growth {
	base := generator.Table{Kind: generator.Hard, Rows: s.growBase, Seed: 1}
	var rows, columns, hot, classes, few growth
	rows.what, columns.what, hot.what, classes.what, few.what = "rows", "columns", "onehot", "classes", "threads"
	for _, n := range s.growRows {
		t := base
		t.Rows = n
		rows.points = append(rows.points, growthPoint{short(n), t, threads})
	}
	for _, n := range s.growColumns {
		t := base
		t.Columns = n
		columns.points = append(columns.points, growthPoint{strconv.Itoa(n), t, threads})
	}
	for _, n := range s.growHot {
		t := base
		t.Kind, t.Columns = generator.OneHot, n
		hot.points = append(hot.points, growthPoint{strconv.Itoa(n), t, threads})
	}
	for _, n := range s.growClasses {
		t := base
		t.Classes = n
		classes.points = append(classes.points, growthPoint{strconv.Itoa(n), t, threads})
	}
	for _, n := range s.growThreads {
		t := base
		t.Rows = s.threadsRows
		few.points = append(few.points, growthPoint{strconv.Itoa(n), t, n})
	}
	return []growth{rows, columns, hot, classes, few}
}

// grow trains at every point once, prints a table, and returns a figure for
// every point.
func (d *mlDrill) grow(ctx context.Context, g growth) ([]Figure, error) {
	var sides []peer.Side
	for _, s := range d.boosters {
		if !s.Quantized {
			sides = append(sides, s)
		}
	}
	header := []string{"training, s, with " + g.what}
	var figures []Figure
	var rows [][]string
	for _, p := range g.points {
		if fits, err := d.fits(p); err != nil {
			return nil, err
		} else if !fits {
			continue
		}
		trial := d.size.trial(p.table)
		trial.Threads = p.threads
		c := contest{
			label: g.what + " " + p.label, table: p.table, trial: trial,
			turns: [][]peer.Step{{peer.Train}}, rounds: 1, seeds: 1, sides: sides,
		}
		all, err := c.run(ctx, d.dir, d.out)
		if err != nil {
			return nil, err
		}
		train := trainTime()
		note := fmt.Sprintf("%s, %d threads, %d trees, once", about(p.table), p.threads, d.size.trees)
		figures = append(figures, train.figure("gbdt-train-"+g.what+"-"+p.label+d.size.suffix(), note, all, train.best(all[1:])))
		if len(rows) == 0 {
			for _, s := range all {
				header = append(header, s.name())
			}
			header = append(header, "of the fastest peer", "our memory MB")
		}
		rows = append(rows, growthRow(p, all))
	}
	if len(rows) == 0 {
		return nil, nil
	}
	if _, err := fmt.Fprintln(d.out); err != nil {
		return nil, fmt.Errorf("print figures: %w", err)
	}
	return figures, terminal.Table(d.out, header, rows)
}

// fits reports whether the memory allows a point, and tells of one that it does
// not allow. A side holds the table as float64, and while it loads it as float32
// too, and bins it.
func (d *mlDrill) fits(p growthPoint) (bool, error) {
	const each = 16 // bytes of a value
	free, err := available()
	if err != nil {
		return false, err
	}
	need := int64(p.table.Rows) * int64(len(p.table.Categories())) * each
	if need <= free {
		return true, nil
	}
	if _, err := fmt.Fprintf(d.out, "%s: left out, %s of memory are free and %s needed\n", about(p.table), terminal.Size(free), terminal.Size(need)); err != nil {
		return false, fmt.Errorf("print progress: %w", err)
	}
	return false, nil
}

// about describes a table.
func about(t generator.Table) string {
	text := fmt.Sprintf("%s rows x %d columns, %s", terminal.Count(int64(t.Rows)), len(t.Categories()), t.Kind)
	if t.Classes > 2 {
		text += fmt.Sprintf(", %d classes", t.Classes)
	}
	return text
}

func growthRow(p growthPoint, all []*standing) []string {
	train, rise := trainTime(), memoryRise()
	row := []string{p.label}
	for _, s := range all {
		cell := ""
		if v, ok := train.value(s); ok {
			cell = fmt.Sprintf("%.3g", v)
		}
		row = append(row, cell)
	}
	ours, _ := train.value(all[0])
	times := ""
	if best := train.best(all[1:]); best != nil {
		v, _ := train.value(best)
		times = fmt.Sprintf("%.2f×", v/ours)
	}
	bytes, _ := rise.value(all[0])
	return append(row, times, fmt.Sprintf("%.0f", bytes))
}

// growAll measures every growth of the size.
func (d *mlDrill) growAll(ctx context.Context) ([]Figure, error) {
	var figures []Figure
	for _, g := range d.size.growths() {
		if len(g.points) == 0 {
			continue
		}
		more, err := d.grow(ctx, g)
		if err != nil {
			return nil, err
		}
		figures = append(figures, more...)
	}
	return slices.Clip(figures), nil
}
