package job

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// Active reports whether a job that has not ended is about the subject, which
// may be any of its subjects.
func (s *Service) Active(ctx context.Context, subject string) (bool, error) {
	if subject == "" {
		return false, nil // of those that are about nothing there is no index
	}
	for _, index := range []string{indexAbout, indexAlsoAbout} {
		for _, state := range []State{Running, Queued, Pending, Awaiting} {
			n, err := s.jobs.Count(ctx, store.Query{Index: index, Equal: []any{subject, string(state)}}, 1)
			if err != nil || n > 0 {
				return n > 0, storeFault(err)
			}
		}
	}
	return false, nil
}

// place is where a list of jobs about a subject went on: behind that job. It
// is bound to its query, as the store's cursors are.
type place struct {
	Query string `json:"q"`
	At    int64  `json:"t"`
	ID    string `json:"i"`
}

func placeOf(query string, j *Job) string {
	b, _ := json.Marshal(place{Query: query, At: nanos(j.CreatedAt), ID: j.ID}) //nolint:errchkjson // strings and integers always encode
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePlace(query, cursor string) (*place, error) {
	p := &place{}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, p)
	}
	if err != nil || p.Query != query || p.ID == "" {
		return nil, wrongCursor()
	}
	return p, nil
}

func wrongCursor() error {
	return fault.Invalid("invalid_cursor", "The cursor does not belong to this query; start again without a cursor.").
		With(fault.Field{Location: "query.cursor", Message: "a cursor of another query"})
}

// behind reports whether the job comes later in a list, newest first, than the
// place; every job comes after none.
func (p *place) behind(j *Job) bool {
	return p == nil || cmp.Or(cmp.Compare(nanos(j.CreatedAt), p.At), strings.Compare(j.ID, p.ID)) < 0
}

// listAbout returns a page of the tenant's jobs about the filter's subject:
// those of which it is the first subject and those of which it is another,
// merged.
func (s *Service) listAbout(ctx context.Context, tenant string, f Filter, cursor string, limit int) (store.Page[*Job], error) {
	first := store.Query{Index: indexSubject, Equal: []any{tenant, f.Subject}, Descending: true}
	other := first
	other.Index = indexAlso
	return s.listMerged(ctx, f, cursor, limit, first, other)
}

// listMerged returns a page of the jobs that the queries, newest first, and the
// filter choose.
func (s *Service) listMerged(ctx context.Context, f Filter, cursor string, limit int, queries ...store.Query) (store.Page[*Job], error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", queries[0].Equal[0], f.Subject, f.State, f.Kind))
	query := base64.RawURLEncoding.EncodeToString(sum[:9])
	page := store.Page[*Job]{Items: []*Job{}}
	var from *place
	if cursor != "" {
		var err error
		if from, err = parsePlace(query, cursor); err != nil {
			return page, err
		}
	}
	m := &merge{jobs: s.jobs, from: from, rounds: maxRounds}
	for _, q := range queries {
		if q.Limit = max(limit, minMerged); from != nil {
			q.To = from.At + 1
		}
		m.streams = append(m.streams, &stream{query: q, more: true})
	}
	for len(page.Items) < limit && m.rounds >= 0 {
		j, err := m.next(ctx)
		if err != nil {
			return store.Page[*Job]{}, storeFault(err)
		}
		if j == nil {
			break
		}
		if f.matches(j) {
			page.Items = append(page.Items, j)
		}
		page.Next = placeOf(query, j)
	}
	if !m.more() {
		page.Next = ""
	}
	return page, nil
}

// minMerged is how many jobs of each index are read at a time at least.
const minMerged = 20

// merge reads several orders of jobs, newest first, as one.
type merge struct {
	jobs    *table
	from    *place
	rounds  int // pages that may still be read
	streams []*stream
}

// stream is one of the orders: jobs that were read, and whether there are more.
type stream struct {
	query store.Query
	read  []*Job
	more  bool
}

// more reports whether there is another job.
func (m *merge) more() bool {
	return slices.ContainsFunc(m.streams, func(s *stream) bool { return len(s.read) > 0 || s.more })
}

// next takes the newest job off the streams; nil means that there is none.
func (m *merge) next(ctx context.Context) (*Job, error) {
	var newest *stream
	for _, s := range m.streams {
		if err := m.fill(ctx, s); err != nil {
			return nil, err
		}
		if len(s.read) > 0 && (newest == nil || placeAt(s.read[0]).behind(newest.read[0])) {
			newest = s
		}
	}
	if newest == nil {
		return nil, nil
	}
	j := newest.read[0]
	newest.read = newest.read[1:]
	return j, nil
}

func placeAt(j *Job) *place { return &place{At: nanos(j.CreatedAt), ID: j.ID} }

// fill reads on until the stream has a job behind the place to begin at, or
// there are no more.
func (m *merge) fill(ctx context.Context, s *stream) error {
	for len(s.read) == 0 && s.more {
		page, err := m.jobs.Find(ctx, s.query)
		if err != nil {
			return err
		}
		for _, j := range page.Items {
			if m.from.behind(j) {
				s.read = append(s.read, j)
			}
		}
		if len(s.read) > 0 {
			m.rounds-- // only pages that lead on count, so that every list ends
		}
		s.query.Cursor, s.more = page.Next, page.Next != ""
	}
	return nil
}
