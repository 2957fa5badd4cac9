package upload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// idle is how long nothing has arrived for an upload before a sweep finishes it
// in the place of its client.
const idle = time.Hour

// swept is what a sweep did.
type swept struct {
	finished int // uploads of which everything had arrived
	removed  int // unfinished uploads whose time was over
}

// Sweep finishes what clients have left when everything had arrived, gives up
// unfinished uploads whose time is over, and forgets finished ones. With dryRun
// it only counts.
func (s *Service) Sweep(ctx context.Context, dryRun bool) (finished, removed int, err error) {
	var done swept
	err = s.sweepAll(ctx, dryRun, &done)
	return done.finished, done.removed, err
}

func (s *Service) sweepAll(ctx context.Context, dryRun bool, done *swept) error {
	now := s.now()
	until := now.Add(s.retention - min(idle, s.retention/2))
	cursor := ""
	for {
		page, err := s.table.Find(ctx, store.Query{Index: indexExpiry, To: until.UnixMicro(), Cursor: cursor, Limit: sweepPage})
		if err != nil {
			return storeFault(err)
		}
		for _, up := range page.Items {
			if err := s.sweep(ctx, up, dryRun, done); err != nil {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

const sweepPage = 200

func (s *Service) sweep(ctx context.Context, up *Upload, dryRun bool, done *swept) error {
	over := up.expired(s.now())
	if up.State == Finished {
		if over && !dryRun {
			return s.remove(ctx, up)
		}
		return nil
	}
	if held, err := s.held(ctx, up.ID); err != nil || held {
		return err // a request works at it
	}
	var err error
	up.Offset, up.whole, err = s.files.Assembled(ctx, up.key(), up.Token)
	gone := fault.ClassOf(err) == fault.ClassNotFound
	if err != nil && !gone {
		return fmt.Errorf("look at upload %s: %w", up.ID, err)
	}
	switch {
	case !gone && up.done():
		done.finished++
		if dryRun {
			return nil
		}
		return s.finishLate(ctx, up, over)
	case over:
		done.removed++
		if dryRun {
			return nil
		}
		return s.remove(ctx, up)
	default:
		return nil
	}
}

// finishLate makes a data set of an upload that its client has left. When that is
// refused, as a job is of a tenant who has too many, others are not to wait for
// it: it is tried again until its time is over. Then it is forgotten; if its data
// set is recorded, whoever looks at that has its job submitted.
func (s *Service) finishLate(ctx context.Context, up *Upload, over bool) error {
	_, err := s.Finish(ctx, up)
	class := fault.ClassOf(err)
	if err != nil && (class == fault.ClassUnavailable || class == fault.ClassInternal || class == fault.ClassCanceled) {
		return err
	}
	if err != nil && over {
		return s.remove(ctx, up)
	}
	return nil
}

// held reports whether somebody has the upload's lock.
func (s *Service) held(ctx context.Context, id string) (bool, error) {
	lock, err := s.locks.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, storeFault(err)
	}
	return s.now().Before(lock.ExpiresAt), nil
}

// Holds reports whether an unfinished upload that is to become the data set keeps
// its files.
func (s *Service) Holds(ctx context.Context, datasetID string) (bool, error) {
	up, err := s.table.Get(ctx, IDOf(datasetID))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, storeFault(err)
	}
	return up.DatasetID == datasetID && up.State == Open, nil
}
