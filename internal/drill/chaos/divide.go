package chaos

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/job"
)

const (
	rowShards = 16
	rowKills  = 3 // of workers, while the shards are predicted

	// A large table takes its time to be sent, taken in and read again.
	rowPatience = 20 * time.Minute
)

// divided is a prediction of many rows that is divided among workers, some of
// which are killed meanwhile: every row is in the output, once and in order.
func (r *Run) divided(ctx context.Context) error {
	return r.with(ctx, r.Tier.Pace.unscheduled(), 1, func(ctx context.Context, c *cluster) error {
		if err := c.start(ctx, 2, 1); err != nil {
			return err
		}
		u, err := newUsers(ctx, c, "rows", 1)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, rowPatience)
		defer cancel()
		tenant := tenantName(0)
		r.progress("%d rows are sent and taken in", r.Tier.Rows)
		dataset, err := u.sendRows(ctx, tenant, r.Tier.Rows)
		if err != nil {
			return err
		}
		do := shards(client.PredictRequest{ModelID: u.bases[tenant].model, DatasetID: dataset, Shards: rowShards})
		a, err := u.submit(ctx, tenant, u.prefix+"-divided", kindPrediction, do)
		if err != nil {
			return err
		}
		r.progress("they are predicted")
		kills, err := u.harass(ctx, a.job)
		if err != nil {
			return err
		}
		if err := u.patient(ctx, tenant, a.job); err != nil {
			return err
		}
		if err := u.count(ctx, tenant, a.job, r.Tier.Rows); err != nil {
			return err
		}
		if _, _, err := r.quietly(ctx, c); err != nil {
			return err
		}
		r.printf("a prediction of %d rows in %d shards, with %d kills of their workers: every row once\n", r.Tier.Rows, rowShards, kills)
		if kills == 0 {
			r.broke(Violation{Promise: EnoughKills, Job: a.job, What: "no worker was killed while it predicted a shard"})
		}
		return nil
	})
}

// sendRows uploads a table of so many rows and waits until it is taken in.
func (u *users) sendRows(ctx context.Context, tenant string, rows int) (string, error) {
	few, err := table(target, smallRows)
	if err != nil {
		return "", err
	}
	key := u.prefix + "-table"
	u.history.Append(Event{What: Asked, Key: key, Kind: kindIngest, Tenant: tenant})
	a, err := u.clients[tenant][0].Upload(ctx, client.Upload{Name: "rows", Filename: "rows.csv", Key: key, Body: many(few, rows)})
	if err != nil {
		return "", err
	}
	u.history.Append(Event{What: Accepted, Job: a.JobID, Key: key, Kind: kindIngest, Tenant: tenant})
	return a.DatasetID, u.patient(ctx, tenant, a.JobID)
}

// many repeats the rows of a table until there are so many.
func many(text []byte, rows int) io.Reader {
	lines := bytes.SplitAfter(bytes.TrimSpace(text), []byte("\n"))
	lines[len(lines)-1] = append(bytes.Clone(lines[len(lines)-1]), '\n')
	header, body := lines[0], lines[1:]
	all := bytes.Join(body, nil)
	parts := []io.Reader{bytes.NewReader(header)}
	for ; rows >= len(body); rows -= len(body) {
		parts = append(parts, bytes.NewReader(all))
	}
	return io.MultiReader(append(parts, bytes.NewReader(bytes.Join(body[:rows], nil)))...)
}

// patient waits for a job that takes long and must succeed.
func (u *users) patient(ctx context.Context, tenant, id string) error {
	err := u.witness.until(ctx, func() bool { return job.State(u.witness.last(id).State).Terminal() })
	if err != nil {
		return fmt.Errorf("wait for job %s: %w", id, err)
	}
	return u.succeed(ctx, tenant, id)
}

// harass kills workers that predict shards of the job, one after the other, and
// returns how many.
func (u *users) harass(ctx context.Context, parent string) (int, error) {
	for kills := range rowKills {
		var victim *process
		err := u.witness.until(ctx, func() bool {
			victim = u.predicting(parent)
			return victim != nil || job.State(u.witness.last(parent).State).Terminal()
		})
		if err != nil {
			return kills, fmt.Errorf("wait for a shard to be predicted: %w", err)
		}
		if victim == nil {
			return kills, nil
		}
		if err := u.kill(victim, syscall.SIGKILL); err != nil {
			return kills, err
		}
		<-victim.ended
		if _, err := u.spawn(ctx, victim.name); err != nil {
			return kills, err
		}
	}
	return rowKills, nil
}

// predicting returns a worker that runs a shard of the job which no kill has met
// yet, or nil.
func (u *users) predicting(parent string) *process {
	for _, p := range u.of(roleWorker) {
		for _, e := range u.witness.holding(u.witness.worker(p.pid)) {
			if e.Parent == parent && e.Crashes == 0 {
				return p
			}
		}
	}
	return nil
}

// count reads the predictions and writes down whether every row is there, once
// and in order.
func (u *users) count(ctx context.Context, tenant, id string, rows int) error {
	for try := 0; ; try++ {
		c := u.clients[tenant][try%len(u.clients[tenant])]
		wrong, err := read(ctx, c, id, rows)
		if err == nil {
			u.history.Append(Event{What: Rows, Job: id, Text: wrong})
			return nil
		}
		if refused(err) || ctx.Err() != nil || try > 100 {
			return fmt.Errorf("read the predictions of job %s: %w", id, err)
		}
		wait(ctx, betweenAsking)
	}
}

// read returns what is wrong with the rows, "" when nothing is.
func read(ctx context.Context, c *client.Client, id string, rows int) (string, error) {
	file, _, err := c.Result(ctx, id, "predictions")
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was read to its end or is given up
	in := bufio.NewReader(file)
	for want := range rows + 1 {
		line, err := in.ReadString('\n')
		switch {
		case errors.Is(err, io.EOF) && line == "":
			return fmt.Sprintf("the output ends after %d of %d rows", want-1, rows), nil
		case err != nil && !errors.Is(err, io.EOF):
			return "", fmt.Errorf("read row %d: %w", want, err)
		}
		first, _, _ := strings.Cut(line, ",")
		if want == 0 {
			if first != "row_id" {
				return fmt.Sprintf("the output begins with %q", first), nil
			}
			continue
		}
		if first != strconv.Itoa(want) {
			return fmt.Sprintf("row %s stands where row %d should", first, want), nil
		}
	}
	if more, err := in.ReadString('\n'); more != "" {
		return fmt.Sprintf("after %d rows comes %q", rows, more), nil
	} else if !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the end: %w", err)
	}
	return "", nil
}
