package sqlitestore

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/narrativeml/narrative/internal/fault"
)

// syncer brings what was committed to the disk while the next transaction is
// being made, which is then committed as soon as the disk is ready. SQLite would
// hold up the writer for as long as that takes.
//
// The log is only appended to between two checkpoints, before each of which
// SQLite syncs it, so a sync brings all transactions before it to the disk as
// well: nothing that was acknowledged builds on what may yet be lost.
type syncer struct {
	file *os.File     // the log, which stays where it is as long as a connection is open
	sync func() error // the file; of whoever calls start
	wake func()       // tells the writer that the log is synced

	mu      sync.Mutex
	busy    bool
	err     error // of the first sync that failed
	running sync.WaitGroup
}

// newSyncer returns a syncer of the log of the database, which exists.
func newSyncer(path string, wake func()) (*syncer, error) {
	path, err := filepath.EvalSymlinks(path) // the log lies beside the file itself
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path+"-wal", os.O_RDWR, 0) //nolint:gosec // the path is the operator's setting
	if err != nil {
		return nil, err
	}
	return &syncer{file: file, sync: func() error { return syncData(file) }, wake: wake}, nil
}

// start syncs the log and then tells the calls, whose transaction was committed,
// their results. It is called when the log is synced for the ones before.
func (s *syncer) start(group []*call) {
	s.mu.Lock()
	s.busy = true
	s.mu.Unlock()
	bring := s.sync
	s.running.Go(func() {
		err := bring()
		s.mu.Lock()
		s.busy = false
		if err != nil {
			s.err = fault.Unavailable("store_unavailable", "the record store could not write to its disk, and takes nothing more before it is opened again").
				Because(fmt.Errorf("sync %s: %w", s.file.Name(), err))
		}
		err = s.err
		s.mu.Unlock()
		s.wake()
		finish(group, err)
	})
}

// idle reports whether the log is synced.
func (s *syncer) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.busy
}

// wait returns when the log is synced. After a sync has failed it returns why:
// nobody knows what the disk holds, and later syncs may succeed without it. Only
// a new start finds out, by the checksums in the log.
func (s *syncer) wait() error {
	s.running.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *syncer) close() error {
	s.running.Wait()
	return s.file.Close()
}
