package demo

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

const (
	topValues   = 3
	curvePoints = 40
)

// ProfileTable returns the profile as a table: a line for each column.
func ProfileTable(p *client.Profile) (header []string, rows [][]string) {
	header = []string{"column", "type", "missing", "distinct", "min", "median", "max", "distribution"}
	for _, c := range p.Columns {
		row := []string{c.Name, c.Type, terminal.Count(c.Missing), terminal.Count(c.Distinct), "", "", "", ""}
		if c.Histogram != nil {
			row[4], row[5], row[6] = show(c.Min), show(c.Quantiles["p50"]), show(c.Max)
			row[7] = terminal.Bars(c.Histogram.Counts)
		} else {
			row[7] = top(c)
		}
		rows = append(rows, row)
	}
	return header, rows
}

// top tells the most frequent values and their shares.
func top(c client.ProfileColumn) string {
	var shares []string
	for _, v := range c.Top[:min(topValues, len(c.Top))] {
		if c.Count > 0 {
			shares = append(shares, fmt.Sprintf("%s %.0f %%", show(v.Value), 100*float64(v.Count)/float64(c.Count)))
		}
	}
	return strings.Join(shares, ", ")
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return terminal.Number(v)
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

// otherMetrics are shown beside the one that the leaderboard is ordered by.
func otherMetrics() []string {
	return []string{"roc_auc", "log_loss", "f1", "accuracy", "rmse", "mae", "r2"}
}

// LeaderboardTable returns the leaderboard as a table, with the usual metrics
// of its best candidate.
func LeaderboardTable(m *client.Model) (header []string, rows [][]string) {
	header = []string{"", "algorithm", m.Metric + " cv", "±", m.Metric + " held out"}
	var others []string
	if len(m.Leaderboard) > 0 {
		for _, name := range otherMetrics() {
			if _, ok := m.Leaderboard[0].Holdout[name]; ok && name != m.Metric {
				others = append(others, name)
			}
		}
	}
	header = append(append(header, others...), "seconds")
	for i, c := range m.Leaderboard {
		row := []string{strconv.Itoa(i + 1), c.Algorithm, value(c.CV, m.Metric), value(c.CVStd, m.Metric), value(c.Holdout, m.Metric)}
		for _, name := range others {
			row = append(row, value(c.Holdout, name))
		}
		rows = append(rows, append(row, fmt.Sprintf("%.2f", c.FitSeconds)))
	}
	return header, rows
}

func value(of map[string]float64, name string) string {
	v, ok := of[name]
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%.4f", v)
}

// TunedTable returns the tuned threshold beside one half.
func TunedTable(t client.Tuned) (header []string, rows [][]string) {
	header = []string{"", "threshold", t.Objective, "precision", "recall", "specificity", "accuracy"}
	line := func(name string, p client.Point) []string {
		row := []string{name}
		for _, v := range []float64{p.Threshold, p.Score, p.Precision, p.Recall, p.Specificity, p.Accuracy} {
			row = append(row, fmt.Sprintf("%.4f", v))
		}
		return row
	}
	return header, [][]string{line("default", t.Default), line("tuned", t.Best)}
}

// Curve draws the best score within each of some equal parts of 0 to 1.
func Curve(points []client.Point) string {
	counts := make([]int64, curvePoints)
	const scale = 1e6
	for _, p := range points {
		at := int(p.Threshold * curvePoints)
		if !(p.Threshold >= 0) || math.IsNaN(p.Score) {
			continue
		}
		at = min(at, curvePoints-1)
		counts[at] = max(counts[at], int64(p.Score*scale))
	}
	return terminal.Bars(counts)
}
