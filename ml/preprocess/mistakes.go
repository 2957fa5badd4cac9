package preprocess

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/ml"
)

// MistakesError are all that is wrong with the steps of a recipe, in their order; there
// are two or more. Errors that only follow from others are left out: what a step
// with a mistake would have made is not missed in later ones.
type MistakesError struct{ All []*StepError }

// Error implements error.
func (m *MistakesError) Error() string {
	return fmt.Sprintf("%v; and %d more", m.All[0], len(m.All)-1)
}

// Unwrap returns the mistakes, the first one first.
func (m *MistakesError) Unwrap() []error {
	all := make([]error, len(m.All))
	for i, e := range m.All {
		all[i] = e
	}
	return all
}

// reported is how many mistakes are told at once.
const reported = 100

// mistakes collects what is wrong with steps.
type mistakes struct {
	all     []*StepError
	stopped bool     // a step before has mistakes
	words   []string // what steps with mistakes name
}

// add notes what is wrong with a step. It returns an error of another kind, which
// ends the search.
func (m *mistakes) add(i int, s Spec, err error) error {
	before := m.stopped
	for _, e := range each(err) {
		wrong, ok := errors.AsType[*ml.InputError](e)
		if !ok {
			return &StepError{Step: i, Operation: s.Name, Err: e}
		}
		if !before || !m.follows(wrong) {
			m.all = append(m.all, &StepError{Step: i, Operation: s.Name, Err: e})
		}
	}
	m.stopped = true
	for _, v := range s.Parameters {
		m.words = append(m.words, wordsOf(v)...)
	}
	return nil
}

// each returns the parts of a joined error.
func each(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range several.Unwrap() {
		all = append(all, each(e)...)
	}
	return all
}

// follows reports whether a mistake may be none when those before it are mended.
func (m *mistakes) follows(e *ml.InputError) bool {
	switch e.Code {
	case "missing_column":
		const telling = 3 // letters of a name that others are made of
		return slices.ContainsFunc(m.words, func(w string) bool {
			return w == e.Column || len(w) >= telling && strings.Contains(e.Column, w)
		})
	case "column_type":
		return slices.Contains(m.words, e.Column)
	case "name_taken", "no_columns", "no_columns_left", "expression_type", "expression_syntax", "memory_needed":
		return true
	default:
		return false
	}
}

// err returns what was collected, nil when that is nothing.
func (m *mistakes) err() error {
	switch {
	case len(m.all) == 0:
		return nil
	case len(m.all) == 1:
		return m.all[0]
	default:
		return &MistakesError{m.all[:min(len(m.all), reported)]}
	}
}

// wordsOf returns the texts of a parameter, also those that name columns it makes.
func wordsOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	case []any:
		var all []string
		for _, item := range v {
			all = append(all, wordsOf(item)...)
		}
		return all
	case map[string]string:
		var all []string
		for k, item := range v {
			all = append(all, k, item)
		}
		return all
	case map[string]any:
		var all []string
		for k, item := range v {
			all = append(append(all, k), wordsOf(item)...)
		}
		return all
	default:
		return nil
	}
}
