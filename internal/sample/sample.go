package sample

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"path"
)

//go:embed insurance.csv penguins.csv wages.csv
var files embed.FS

// Set describes one bundled data set. Its file is CSV in UTF-8 with a header,
// commas and no quotes; an absent value is an empty field.
type Set struct {
	Name          string // "insurance"
	Title         string // one line for a person
	Filename      string // "insurance.csv"
	Target        string // the column to predict
	PositiveClass string // binary only
	Task          string // binary, multiclass or regression
	Rows          int    // without the header
	Columns       int    // with the target
	Source        string
	Licence       string
}

// Sets returns the bundled data sets: one binary, one multiclass, one
// regression, in this order.
func Sets() []Set {
	return []Set{
		{
			Name: "insurance", Title: "Who lacks health insurance, United States 1996",
			Filename: "insurance.csv", Target: "insurance", PositiveClass: "no", Task: "binary",
			Rows: 8802, Columns: 11,
			Source:  "Medical Expenditure Panel Survey 1996, Agency for Healthcare Research and Quality",
			Licence: "public domain (work of the United States government)",
		},
		{
			Name: "penguins", Title: "Species of penguins, Palmer Archipelago 2007 to 2009",
			Filename: "penguins.csv", Target: "species", Task: "multiclass",
			Rows: 344, Columns: 8,
			Source:  "Palmer Station Antarctica LTER and K. Gorman, 2020; package palmerpenguins 0.1.1",
			Licence: "CC0-1.0",
		},
		{
			Name: "wages", Title: "Weekly wages of men, United States, March 1988",
			Filename: "wages.csv", Target: "wage", Task: "regression",
			Rows: 14078, Columns: 7,
			Source:  "Current Population Survey March 1988, United States Census Bureau",
			Licence: "public domain (work of the United States government)",
		},
	}
}

// Lookup returns the data set of that name.
func Lookup(name string) (Set, bool) {
	for _, s := range Sets() {
		if s.Name == name {
			return s, true
		}
	}
	return Set{}, false
}

// Open returns the file of the data set, to be read from its start. It fails
// for a set that is not bundled.
func (s Set) Open() (io.ReadSeeker, error) {
	data, err := files.ReadFile(path.Base(s.Filename))
	if err != nil {
		return nil, fmt.Errorf("open sample %s: %w", s.Name, err)
	}
	return bytes.NewReader(data), nil
}
