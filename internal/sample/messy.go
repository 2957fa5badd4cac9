package sample

import (
	"bytes"
	"embed"
	"fmt"
	"path"
)

//go:embed messy/*.gz
var messyFiles embed.FS

// Messy describes a bundled data set as it was found: with values missing,
// columns that say nothing and rows that repeat.
type Messy struct {
	Name     string
	Title    string
	Filename string // as it is uploaded
	Target   string // a column that could be predicted
	Source   string
	Licence  string

	// What there is, counted without this program: see README.md.
	Rows, Columns int
	Missing       int      // cells
	Repeated      int      // rows that are equal to an earlier one
	Empty         []string // columns that are constant, or mostly missing
}

// MessySets returns the bundled data sets that nobody has cleaned.
func MessySets() []Messy {
	return []Messy{
		{
			Name: "penguins_raw", Title: "Penguins as they were noted in the field, Palmer Archipelago 2007 to 2009", Filename: "penguins_raw.csv.gz", Target: "Species",
			Source: "Palmer Station Antarctica LTER and K. Gorman, 2020; package palmerpenguins 0.1.1", Licence: "CC0-1.0",
			Rows: 344, Columns: 17, Missing: 336, Empty: []string{"Region", "Stage", "Comments"},
		},
		{
			Name: "birdstrikes", Title: "Aircraft that struck wildlife, United States 1990 to 2002", Filename: "birdstrikes.csv.gz", Target: "Effect Amount of damage",
			Source: "National Wildlife Strike Database, Federal Aviation Administration; package vega-datasets 2.11.0", Licence: "public domain (work of the United States government)",
			Rows: 10_000, Columns: 14, Missing: 2836, Repeated: 24,
		},
		{
			Name: "earthquakes", Title: "All earthquakes of a week in February 2018", Filename: "earthquakes.jsonl.gz", Target: "magType",
			Source: "Earthquake Hazards Program, United States Geological Survey; package vega-datasets 2.11.0", Licence: "public domain (work of the United States government)",
			Rows: 1707, Columns: 30, Missing: 7624, Empty: []string{"felt", "cdi", "mmi", "alert"},
		},
	}
}

// Open returns the file of the data set, compressed, to be read from its start.
func (m Messy) Open() (*bytes.Reader, error) {
	data, err := messyFiles.ReadFile(path.Join("messy", path.Base(m.Filename)))
	if err != nil {
		return nil, fmt.Errorf("open sample %s: %w", m.Name, err)
	}
	return bytes.NewReader(data), nil
}
