package job

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// Filter chooses jobs of a tenant; empty fields choose all.
type Filter struct {
	State   string // one of the states
	Kind    string
	Subject string // a data set's or model's identifier, any of a job's subjects
	Parent  string // a job whose children are wanted, which are in no other list
}

const (
	defaultPage = 50
	maxPage     = 500
	maxRounds   = 20 // pages read to fill one that is filtered
)

var (
	kindForm    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	subjectForm = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,128}$`)
)

func (f Filter) validate(limit int) error {
	switch State(f.State) {
	case "", Awaiting, Pending, Queued, Running, Succeeded, Failed, Cancelled:
	default:
		return fault.Invalid("invalid_state", "There is no such state of a job; the states are waiting, pending, queued, running, succeeded, failed and cancelled.").
			With(fault.Field{Location: "query.state", Message: "not a state of a job", Value: shorten(f.State, 64)})
	}
	if f.Kind != "" && !kindForm.MatchString(f.Kind) {
		return fault.Invalid("invalid_kind", "A kind of job is written in lower-case letters, digits and underscores, such as training.").
			With(fault.Field{Location: "query.kind", Message: "not a kind of job", Value: shorten(f.Kind, 64)})
	}
	if f.Subject != "" && !subjectForm.MatchString(f.Subject) {
		return fault.Invalid("invalid_subject", "The subject of a job is the identifier of a data set or a model.").
			With(fault.Field{Location: "query.subject", Message: "not an identifier", Value: shorten(f.Subject, 64)})
	}
	if limit < 0 || limit > maxPage {
		return fault.Invalid("limit_out_of_range", "A page has between 1 and %d jobs.", maxPage).
			With(fault.Field{Location: "query.limit", Message: "out of range", Value: limit})
	}
	return nil
}

// query returns the query by all of the filter but the subject, and but the kind
// of jobs that are in a state for a moment only: see listMerged.
func (f Filter) query(tenant string) store.Query {
	q := store.Query{Index: indexCreated, Equal: []any{tenant}, Descending: true}
	switch {
	case f.Kind != "" && slices.Contains(restStates(), State(f.State)):
		q.Index, q.Equal = indexKindState, []any{tenant, f.Kind, f.State}
	case f.State != "":
		q.Index, q.Equal = indexState, []any{tenant, f.State}
	case f.Kind != "":
		q.Index, q.Equal = indexKind, []any{tenant, f.Kind}
	}
	return q
}

func (f Filter) matches(j *Job) bool {
	return (f.State == "" || f.State == string(j.State)) && (f.Kind == "" || f.Kind == j.Kind)
}

// List returns a page of the tenant's jobs, newest first. The cursor is Next
// of the page before; a limit of 0 means 50, the largest is 500. A page may be
// shorter than the limit and still have a next one.
func (s *Service) List(ctx context.Context, tenant string, f Filter, cursor string, limit int) (store.Page[*Job], error) {
	if err := f.validate(limit); err != nil {
		return store.Page[*Job]{}, err
	}
	limit = positive(limit, defaultPage)
	if f.Parent != "" {
		return s.listChildren(ctx, tenant, f, cursor, limit)
	}
	if f.Subject != "" {
		return s.listAbout(ctx, tenant, f, cursor, limit)
	}
	q := f.query(tenant)
	if f.Kind != "" && q.Index == indexState {
		return s.listMerged(ctx, f, cursor, limit, q)
	}
	q.Cursor, q.Limit = cursor, limit
	page, err := s.jobs.Find(ctx, q)
	return page, storeFault(err)
}

// shorten cuts s to at most n bytes, at a rune's border.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
