package drill

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/pii/corpus"
)

const (
	privateRows  = 500
	privateBytes = 10_000_000
)

// PrivateArea measures how well personal data is found in labelled columns, kind by
// kind, and how long 10 MB take on one processor. The columns of the search's own
// corpus say whether it got worse, and no more, since they were written beside it;
// those that were written after it, and those without names, say what to expect.
func PrivateArea() Area {
	return Area{Name: "pii", Measure: func(_ context.Context, out io.Writer) ([]Figure, error) {
		var figures []Figure
		own := corpus.Columns(1, privateRows)
		for _, set := range []struct {
			name, note string
			columns    []corpus.Column
			kinds      bool
		}{
			{"own", "columns that were written beside the rules", own, true},
			{"nameless", "the same, with names that say nothing", corpus.Nameless(own), false},
			{"later", "columns that were written after the rules, some of which were then added to for them; the first run found half", corpus.HeldOut(1, privateRows), true},
		} {
			more, err := scorePrivate(out, set.name, set.note, set.columns, set.kinds)
			if err != nil {
				return nil, err
			}
			figures = append(figures, more...)
		}
		took, size := scanPrivate(corpus.Columns(2, 3*privateRows))
		seconds := took.Seconds() * privateBytes / float64(size)
		return append(figures, Alone("pii-scan-10mb", seconds, "s", "texts of all columns of the corpus, on one processor")), nil
	}}
}

// scorePrivate scores a set of columns; kinds says whether each kind is a figure.
func scorePrivate(out io.Writer, name, note string, columns []corpus.Column, kinds bool) ([]Figure, error) {
	found := make([]pii.Kind, len(columns))
	for i, c := range columns {
		found[i] = findPrivate(c)
	}
	results, mistakes := corpus.Score(columns, found)
	for _, m := range mistakes {
		if _, err := fmt.Fprintf(out, "%s: %q holds %q and was taken for %q\n", name, m.Column, m.Want, m.Found); err != nil {
			return nil, fmt.Errorf("print mistakes: %w", err)
		}
	}
	var figures []Figure
	for i, r := range results {
		label := "pii-" + name
		if i > 0 {
			if !kinds || r.Right+r.Wrong+r.Lost == 0 {
				continue
			}
			label += "-" + string(r.Kind)
		}
		text := fmt.Sprintf("%d right, %d wrong, %d lost: %s", r.Right, r.Wrong, r.Lost, note)
		figures = append(figures, Alone(label+"-precision", r.Precision(), "share", text), Alone(label+"-recall", r.Recall(), "share", text))
	}
	return figures, nil
}

func findPrivate(c corpus.Column) pii.Kind {
	looked, values := pii.NewColumn(c.Name), int64(0)
	for _, v := range c.Values {
		if v != "" {
			looked.AddText(v, 1)
			values++
		}
	}
	f, _ := looked.Finding(values)
	return f.Kind
}

// scanPrivate looks at all values of the columns, over and over until 10 MB were
// seen, and returns how long that took.
func scanPrivate(columns []corpus.Column) (took time.Duration, size int) {
	began := time.Now()
	for size < privateBytes {
		for _, c := range columns {
			findPrivate(c)
			for _, v := range c.Values {
				size += len(v) + 1
			}
		}
	}
	return time.Since(began), size
}
