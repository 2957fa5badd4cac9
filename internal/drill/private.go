package drill

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/pii/corpus"
)

const (
	privateRows  = 500
	privateBytes = 10_000_000
)

// PrivateArea measures how well personal data is found in labelled columns, kind by
// kind, and how long 10 MB take on one processor. What each part of the corpus says of
// tables of strangers is in its note.
func PrivateArea() Area {
	return Area{Name: "pii", Measure: func(_ context.Context, out io.Writer) ([]Figure, error) {
		var figures []Figure
		for _, set := range corpus.Sets(1, privateRows) {
			more, err := scorePrivate(out, set)
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

// scorePrivate scores a part of the corpus and names what was lost or wrong. Parts
// that differ from others in the names only have no figures of kinds.
func scorePrivate(out io.Writer, set corpus.Set) ([]Figure, error) {
	found := make([]pii.Kind, len(set.Columns))
	for i, c := range set.Columns {
		found[i] = findPrivate(c)
	}
	results, mistakes := corpus.Score(set.Columns, found)
	for _, m := range mistakes {
		if _, err := fmt.Fprintf(out, "%s: %q holds %q and was taken for %q\n", set.Name, m.Column, m.Want, m.Found); err != nil {
			return nil, fmt.Errorf("print mistakes: %w", err)
		}
	}
	if all := results[0]; all.Right+all.Lost == 0 {
		return []Figure{Alone("pii-"+set.Name+"-wrong", float64(all.Wrong), "columns", fmt.Sprintf("of %d: %s", len(set.Columns), set.Note))}, nil
	}
	kinds := !strings.HasSuffix(set.Name, "nameless")
	var figures []Figure
	for i, r := range results {
		label := "pii-" + set.Name
		if i > 0 {
			if !kinds || r.Right+r.Wrong+r.Lost == 0 {
				continue
			}
			label += "-" + string(r.Kind)
		}
		text := fmt.Sprintf("%d right, %d wrong, %d lost: %s", r.Right, r.Wrong, r.Lost, set.Note)
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
