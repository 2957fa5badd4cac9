package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// settle waits until every job has ended. Which have not is for the checker.
func (c *cluster) settle(ctx context.Context, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// A context that ends leaves open jobs behind, and the checker finds them.
	_ = c.witness.until(ctx, func() bool { return len(c.witness.open()) == 0 })
}

// tidy replaces the workers by ones that delete what nothing names at once, and
// cleans up: the first clean-up marks, the second one deletes.
func (u *users) tidy(ctx context.Context) error {
	names := map[string]bool{}
	for _, role := range []string{roleWorker, roleScheduler} {
		for _, p := range u.of(role) {
			names[p.name] = true
			if err := p.end(); err != nil {
				return err
			}
		}
	}
	u.settle(ctx, u.pace.DeadAfter)
	for name := range names {
		if _, err := u.spawn(ctx, name, noGrace, "NARRATIVE_CLEANUP_CRON=@every 24h", "NARRATIVE_HEALTH_CRON=@every 24h"); err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	if err := u.witness.until(limited, func() bool { return len(u.witness.open()) == 0 }); err != nil {
		return fmt.Errorf("wait for the last scheduled clean-up: %w", err)
	}
	for i := range 2 {
		a, err := u.submit(ctx, tenantName(0), fmt.Sprintf("%s-cleanup-%d", u.prefix, i), "cleanup", func(ctx context.Context, c *client.Client, key string) (string, string, error) {
			j, err := c.Cleanup(ctx, client.CleanupRequest{}, key)
			return idOf(j), "", err
		})
		if err != nil {
			return err
		}
		if err := u.succeed(ctx, tenantName(0), a.job); err != nil {
			return err
		}
	}
	return nil
}

// final reads what is left, past the proxies. With tidied, the files are looked
// at too.
func (p *parts) final(ctx context.Context, tidied bool) (Final, error) {
	f := Final{Models: map[string][]string{}, Named: map[string]bool{}}
	for _, c := range p.driver.Collections() {
		err := p.each(ctx, c, func(r store.Record) error {
			name(r.Body, f.Named)
			switch c.Name {
			case jobsCollection:
				j := new(job.Job)
				if err := json.Unmarshal(r.Body, j); err != nil {
					return fmt.Errorf("read the record of job %s: %w", r.ID, err)
				}
				j.Meta = store.Meta{ID: r.ID, Revision: r.Revision}
				f.Jobs = append(f.Jobs, j)
			case "models":
				var made struct {
					JobID string `json:"job_id"`
				}
				if err := json.Unmarshal(r.Body, &made); err != nil {
					return fmt.Errorf("read the record of model %s: %w", r.ID, err)
				}
				f.Models[made.JobID] = append(f.Models[made.JobID], r.ID)
			}
			return nil
		})
		if err != nil {
			return f, err
		}
	}
	if !tidied {
		f.Named = nil
		return f, nil
	}
	f.Files = []string{}
	err := p.files.Each(ctx, "", func(key string, _ int64, _ time.Time) error {
		f.Files = append(f.Files, key)
		return nil
	})
	return f, err
}

// each calls fn for every record of a collection that has an index.
func (p *parts) each(ctx context.Context, c store.Collection, fn func(store.Record) error) error {
	if len(c.Indexes) == 0 {
		return nil
	}
	scan := store.Scan{Index: c.Indexes[0], Limit: store.MaxLimit}
	for {
		page, err := p.driver.Find(ctx, c.Name, scan)
		if err != nil {
			return fmt.Errorf("read all %s: %w", c.Name, err)
		}
		for _, r := range page {
			if err := fn(r); err != nil {
				return err
			}
		}
		if len(page) < scan.Limit {
			return nil
		}
		last := page[len(page)-1]
		scan.After = nil
		for _, field := range scan.Index.Fields {
			scan.After = append(scan.After, last.Keys[field.Name])
		}
		scan.After = append(scan.After, last.ID)
	}
}

// name collects the strings of a record that may be keys of files.
func name(body []byte, into map[string]bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return // its end
		}
		if text, ok := token.(string); ok && strings.Contains(text, "/") {
			into[text] = true
		}
	}
}
