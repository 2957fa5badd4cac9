package training

import (
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/automl"
)

// What a training takes, in bytes. All algorithms on tables of 200,000 and
// 400,000 rows with 20 and 40 columns had a peak of 340 bytes a row and 43 a
// number, with two classes and with ten, before Go's collector was told of a
// limit; columns of 50 and of 5,000 categories had no more. The rest is for what
// is not known before the table is read: how many classes and how long texts
// there are.
const (
	trainingBase = 160 << 20
	rowBytes     = 1000
	numberBytes  = 64
	textBytes    = 80
	timeBytes    = 256 // its parts are columns
)

// needs is the memory that a request takes. Steps of a recipe make another table
// beside the one that was read, for every fit anew.
func needs(v *dataset.Version, req Request) int64 {
	need := estimate(v, params(req, v.Schema))
	if len(req.Steps) > 0 {
		need += need - trainingBase
	}
	return need
}

// estimate is the memory that a training takes.
func estimate(v *dataset.Version, p automl.Params) int64 {
	row := int64(rowBytes)
	for _, name := range columns(p) {
		f, _ := v.Schema.Lookup(name)
		switch f.Type {
		case tabular.String:
			row += textBytes
		case tabular.Datetime:
			row += timeBytes
			if p.DateCycles {
				row += timeBytes
			}
		default:
			row += numberBytes
		}
	}
	const most = 1 << 50 // so that it does not overflow
	if v.Rows > most/row {
		return most
	}
	return trainingBase + v.Rows*row
}
