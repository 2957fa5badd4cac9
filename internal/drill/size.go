package drill

import (
	"fmt"
	"strings"

	"github.com/narrativeml/narrative/internal/drill/generator"
	"github.com/narrativeml/narrative/internal/drill/peer"
)

// MLPlan says how much is measured of the learners and how the sides are
// started.
type MLPlan struct {
	Program []string // plays our side: a command that calls PlayTrial
	Python  string   // runs the peers; empty: Debian's, or else the first on PATH
	Size    string   // tiny, small, contest, growth or full; empty: full
}

// mlSize is how much is measured. The settings of the learners are the same for
// every size but the number of trees of the smallest.
type mlSize struct {
	name   string
	rounds int // of which the median counts; 0 is without the contests
	seeds  int // tables whose AUC is averaged, at least rounds; beyond the rounds only the AUC counts

	rows, mixedRows       int // and as many held-out rows
	trees, manyTrees      int
	manyRows              int // that a model of manyTrees is made of
	rowCalls              int
	forestRows            int
	forestTrees           int
	growRows              []int
	growColumns, growHot  []int // at growBase rows
	growClasses           []int // likewise
	growThreads           []int // at threadRows rows
	growBase, threadsRows int
}

const (
	fullSize    = "full"
	contestSize = "contest"
	growthSize  = "growth"
	threads     = 2
	leaves      = 31
	bins        = 255
	minChild    = 20
	rate        = 0.1
)

func mlSizes() []mlSize {
	full := mlSize{
		name: fullSize, rounds: 3, seeds: 5,
		rows: 1_000_000, mixedRows: 500_000, trees: 100, manyTrees: 500, manyRows: 100_000, rowCalls: 20_000,
		forestRows: 50_000, forestTrees: 300,
		growRows: []int{10_000, 100_000, 1_000_000, 10_000_000}, growColumns: []int{10, 100, 500, 2000}, growHot: []int{100, 500, 2000},
		growClasses: []int{2, 3, 5, 10, 20}, growThreads: []int{1, 2, 4, 8}, growBase: 50_000, threadsRows: 200_000,
	}
	// The tables of the full size, without the growth tables.
	contests := full
	contests.name, contests.seeds = contestSize, 3
	contests.growRows, contests.growColumns, contests.growHot = nil, nil, nil
	contests.growClasses, contests.growThreads = nil, nil
	// The growth tables alone.
	growths := full
	growths.name, growths.rounds = growthSize, 0
	return []mlSize{
		{
			name: "tiny", rounds: 1, seeds: 1,
			rows: 2000, mixedRows: 1500, trees: 10, manyTrees: 20, manyRows: 500, rowCalls: 50,
			forestRows: 400, forestTrees: 10,
			growRows: []int{1000}, growHot: []int{40}, growClasses: []int{3}, growBase: 400,
		},
		{
			name: "small", rounds: 1, seeds: 1,
			rows: 50_000, mixedRows: 25_000, trees: 100, manyTrees: 500, manyRows: 10_000, rowCalls: 2000,
			forestRows: 5000, forestTrees: 100,
			growRows: []int{5000, 20_000}, growColumns: []int{100}, growHot: []int{100}, growClasses: []int{3}, growThreads: []int{1, 2},
			growBase: 5000, threadsRows: 20_000,
		},
		contests,
		growths,
		full,
	}
}

func (p MLPlan) size() (mlSize, error) {
	name := p.Size
	if name == "" {
		name = fullSize
	}
	var names []string
	for _, s := range mlSizes() {
		if s.name == name {
			return s, nil
		}
		names = append(names, s.name)
	}
	return mlSize{}, fmt.Errorf("there is no size %q; it is one of %s", name, strings.Join(names, ", "))
}

// trial returns what every trial on tables like this has in common.
func (s mlSize) trial(t generator.Table) peer.Trial {
	return peer.Trial{
		Categories: t.Categories(), Classes: max(t.Classes, 2),
		Trees: s.trees, Leaves: leaves, Bins: bins, MinChild: minChild, Rate: rate, Threads: threads, Seed: 1,
		ManyTrees: s.manyTrees, ManyRows: min(s.manyRows, t.Rows), RowCalls: s.rowCalls,
	}
}

// suffix tells the figures of a size apart from those that are compared over
// time.
func (s mlSize) suffix() string {
	switch s.name {
	case fullSize, contestSize, growthSize:
		return ""
	}
	return "-" + s.name
}
