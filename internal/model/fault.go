package model

import (
	"errors"
	"fmt"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/ml"
)

// Invalid turns what the numeric core says about its input, an *ml.InputError
// somewhere in err's chain, into a fault.Invalid of the same code that names
// the place: the member of the request's body, or the row and column of the
// table, counting rows from 1. It returns any other error as it is.
func Invalid(err error) error {
	e, ok := errors.AsType[*ml.InputError](err)
	if !ok {
		return err
	}
	f := fault.Invalid(e.Code, "%s", e.Message)
	var location string
	switch {
	case e.Parameter != "":
		location = "body." + e.Parameter
	case e.Column != "" && e.Row >= 0:
		location = fmt.Sprintf("row %d, column %q", e.Row+1, e.Column)
	case e.Column != "":
		location = fmt.Sprintf("column %q", e.Column)
	case e.Row >= 0:
		location = fmt.Sprintf("row %d", e.Row+1)
	default:
		return f
	}
	return f.With(fault.Field{Location: location, Message: e.Message})
}
