package job

import (
	"context"
	"errors"
	"fmt"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

const (
	logBatch   = 500 // lines of one row at most
	maxLogPage = 1000
)

// logRow is some consecutive lines of a job. Its identifier is made of the job
// and the number of its first line, so that two writers cannot both write it.
type logRow struct {
	store.Meta
	Job    string    `json:"job"`
	First  int       `json:"first"`
	Epoch  int       `json:"epoch"`
	Worker string    `json:"worker"`
	Lines  []LogLine `json:"lines"`
}

type logTable = store.Table[logRow, *logRow]

func newLogTable(driver store.Driver) *logTable {
	return store.NewTable[logRow](driver, logCollection())
}

func logCollection() store.Collection {
	return store.Collection{Name: "job_logs", Indexes: []store.Index{
		{Name: "first", Fields: []store.IndexField{{Name: "job"}, {Name: "first", Type: store.Int}}},
	}}
}

// Keys implements store.Entity.
func (r *logRow) Keys() map[string]any { return map[string]any{"job": r.Job, "first": int64(r.First)} }

func logID(job string, first int) string { return fmt.Sprintf("%s-%08d", job, first) }

// Logs returns lines of the tenant's job with Seq greater than after, at most
// limit of them; a limit of 0 means 1000, which is also the largest.
func (s *Service) Logs(ctx context.Context, tenant, id string, after, limit int) ([]LogLine, error) {
	if limit < 0 || limit > maxLogPage {
		return nil, fault.Invalid("limit_out_of_range", "A page has between 1 and %d lines.", maxLogPage).
			With(fault.Field{Location: "query.limit", Message: "out of range", Value: limit})
	}
	if after < 0 {
		return nil, fault.Invalid("invalid_after", "The lines of a job are numbered from 1; after is the number of the last line that is known.").
			With(fault.Field{Location: "query.after", Message: "out of range", Value: after})
	}
	j, err := s.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	limit = positive(limit, maxLogPage)
	lines := []LogLine{}
	q := store.Query{Index: "first", Equal: []any{id}, From: int64(max(1, after+2-logBatch)), To: int64(j.LogLines + 1), Limit: 20}
	for {
		page, err := s.logs.Find(ctx, q)
		if err != nil {
			return nil, storeFault(err)
		}
		for _, row := range page.Items {
			for _, line := range row.Lines {
				if line.Seq <= after || line.Seq > j.LogLines {
					continue
				}
				lines = append(lines, line)
				if len(lines) == limit {
					return lines, nil
				}
			}
		}
		if page.Next == "" {
			return lines, nil
		}
		q.Cursor = page.Next
	}
}

// removeLogs deletes all rows of the job.
func (s *Service) removeLogs(ctx context.Context, id string) error {
	for {
		page, err := s.logs.Find(ctx, store.Query{Index: "first", Equal: []any{id}})
		if err != nil {
			return err
		}
		for _, row := range page.Items {
			if err := s.logs.Delete(ctx, row.ID, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
	}
}
