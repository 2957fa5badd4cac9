package peer

import (
	"context"
	"strconv"
)

// Description is a CSV file that a library is to read and to describe whole.
type Description struct {
	File    string `json:"file"`
	Threads int    `json:"threads"`
}

// Described is what was measured meanwhile.
type Described struct {
	Absent    string  `json:"absent"` // why there is nothing to measure; everything else is empty then
	Version   string  `json:"version"`
	Read      float64 `json:"read"`      // s, to read and to type the columns
	Describe  float64 `json:"describe"`  // s, for the figures of each column
	Correlate float64 `json:"correlate"` // s, for every two columns of numbers
	Memory    int64   `json:"memory"`    // most bytes above those of the loaded library
	Rows      int     `json:"rows"`
	Columns   int     `json:"columns"`
}

// Seconds is the time of all three together.
func (d Described) Seconds() float64 { return d.Read + d.Describe + d.Correlate }

// DataFrames is the peer that people describe tables with.
func (s Scripts) DataFrames() Side { return s.side("pandas", "pandas") }

// Describe has the side read and describe the file.
func (s Side) Describe(ctx context.Context, d Description) (Described, error) {
	if len(s.command) == 0 {
		return Described{Absent: s.Name + ": install python3"}, nil
	}
	threads := strconv.Itoa(d.Threads)
	var o Described
	err := ask(ctx, s.Name, s.command, d, &o, "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads)
	return o, err
}
