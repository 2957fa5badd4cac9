package memstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/narrativeml/narrative/internal/store"
)

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("memstore: closed")

// Store keeps records in memory, ordered by every declared index.
type Store struct {
	mu          sync.RWMutex
	closed      bool
	collections map[string]*collection
}

var _ store.Driver = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{collections: map[string]*collection{}} }

// Ensure implements store.Driver.
func (s *Store) Ensure(ctx context.Context, collections ...store.Collection) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, c := range collections {
		if s.collections[c.Name] == nil {
			s.collections[c.Name] = &collection{name: c.Name, records: map[string]store.Record{}}
		}
		for _, index := range c.Indexes {
			if err := s.collections[c.Name].declare(index); err != nil {
				return err
			}
		}
	}
	return nil
}

// Insert implements store.Driver.
func (s *Store) Insert(ctx context.Context, name string, records ...store.Record) ([]error, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	c, err := s.collection(name)
	if err != nil {
		return nil, err
	}
	if err := c.check(records); err != nil {
		return nil, err
	}
	errs := make([]error, len(records))
	for i, r := range records {
		errs[i] = c.insert(r)
	}
	return errs, nil
}

// Get implements store.Driver.
func (s *Store) Get(ctx context.Context, name, id string) (store.Record, error) {
	if err := s.rlock(ctx); err != nil {
		return store.Record{}, err
	}
	defer s.mu.RUnlock()
	c, err := s.collection(name)
	if err != nil {
		return store.Record{}, err
	}
	r, ok := c.records[id]
	if !ok {
		return store.Record{}, store.ErrNotFound
	}
	return clone(r), nil
}

// Replace implements store.Driver.
func (s *Store) Replace(ctx context.Context, name string, records ...store.Record) ([]error, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	c, err := s.collection(name)
	if err != nil {
		return nil, err
	}
	if err := c.check(records); err != nil {
		return nil, err
	}
	errs := make([]error, len(records))
	for i, r := range records {
		errs[i] = c.replace(r)
	}
	return errs, nil
}

// Find implements store.Driver.
func (s *Store) Find(ctx context.Context, name string, scan store.Scan) ([]store.Record, error) {
	if scan.Limit < 1 || scan.Limit > store.MaxLimit+1 {
		return nil, fmt.Errorf("memstore: a limit of %d is not between 1 and %d", scan.Limit, store.MaxLimit+1)
	}
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	ids, err := s.match(name, scan)
	if err != nil {
		return nil, err
	}
	c := s.collections[name]
	records := make([]store.Record, 0, min(scan.Limit, len(ids)))
	for _, id := range ids[:min(scan.Limit, len(ids))] {
		records = append(records, clone(c.records[id]))
	}
	return records, nil
}

// Count implements store.Driver.
func (s *Store) Count(ctx context.Context, name string, scan store.Scan, limit int64) (int64, error) {
	if err := s.rlock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.RUnlock()
	scan.After = nil
	ids, err := s.match(name, scan)
	if err != nil {
		return 0, err
	}
	if n := int64(len(ids)); limit <= 0 || n < limit {
		return n, nil
	}
	return limit, nil
}

// Delete implements store.Driver.
func (s *Store) Delete(ctx context.Context, name, id string, revision int64) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	c, err := s.collection(name)
	if err != nil {
		return err
	}
	r, ok := c.records[id]
	switch {
	case !ok:
		return store.ErrNotFound
	case revision != 0 && r.Revision != revision:
		return store.ErrStale
	}
	c.remove(r)
	return nil
}

// Ping implements store.Driver.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.rlock(ctx); err != nil {
		return err
	}
	s.mu.RUnlock()
	return nil
}

// Close implements store.Driver.
func (s *Store) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// lock takes the lock for a write unless the call is void.
func (s *Store) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memstore: %w", err)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	return nil
}

// rlock takes the lock for a read unless the call is void.
func (s *Store) rlock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memstore: %w", err)
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return ErrClosed
	}
	return nil
}

func (s *Store) collection(name string) (*collection, error) {
	c := s.collections[name]
	if c == nil {
		return nil, fmt.Errorf("memstore: collection %q was not ensured", name)
	}
	return c, nil
}

// match returns the identifiers of the scan in its order, without its limit.
func (s *Store) match(name string, scan store.Scan) ([]string, error) {
	c, err := s.collection(name)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(c.orders, func(o *order) bool { return o.index.Name == scan.Index.Name })
	if at < 0 {
		return nil, fmt.Errorf("memstore: collection %s has no index %q", name, scan.Index.Name)
	}
	return c.orders[at].match(scan)
}

// collection is the records of one kind, with an order for each index.
type collection struct {
	name    string
	records map[string]store.Record
	orders  []*order
}

func (c *collection) declare(index store.Index) error {
	for _, o := range c.orders {
		if o.index.Name != index.Name {
			continue
		}
		if o.index.Unique != index.Unique || !slices.Equal(o.index.Fields, index.Fields) {
			return fmt.Errorf("memstore: index %s of %s was declared differently before", index.Name, c.name)
		}
		return nil
	}
	o := &order{index: index}
	for _, r := range c.records {
		if err := checkKeys(index, r.Keys); err != nil {
			return fmt.Errorf("memstore: add index to %s: %w", c.name, err)
		}
		if o.taken(r) {
			return fmt.Errorf("memstore: add index %s to %s: %w", index.Name, c.name, store.ErrDuplicate)
		}
		o.add(r)
	}
	c.orders = append(c.orders, o)
	return nil
}

// check refuses records that lack an index value: a programmer's mistake.
func (c *collection) check(records []store.Record) error {
	for _, r := range records {
		if r.ID == "" {
			return fmt.Errorf("memstore: a record of %s has no identifier", c.name)
		}
		for _, o := range c.orders {
			if err := checkKeys(o.index, r.Keys); err != nil {
				return fmt.Errorf("memstore: record %q of %s: %w", r.ID, c.name, err)
			}
		}
	}
	return nil
}

func checkKeys(index store.Index, keys map[string]any) error {
	for _, f := range index.Fields {
		if err := checkValue(f, keys[f.Name]); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(f store.IndexField, v any) error {
	switch v.(type) {
	case string:
		if f.Type == store.String {
			return nil
		}
	case int64:
		if f.Type == store.Int {
			return nil
		}
	}
	return fmt.Errorf("index field %s cannot hold %v of type %T", f.Name, v, v)
}

func (c *collection) insert(r store.Record) error {
	if len(r.Body) > store.MaxBody {
		return store.ErrTooLarge
	}
	if _, ok := c.records[r.ID]; ok || c.taken(r) {
		return store.ErrDuplicate
	}
	r.Revision = 1
	c.add(r)
	return nil
}

func (c *collection) replace(r store.Record) error {
	old, ok := c.records[r.ID]
	switch {
	case len(r.Body) > store.MaxBody:
		return store.ErrTooLarge
	case !ok:
		return store.ErrNotFound
	case old.Revision != r.Revision:
		return store.ErrStale
	}
	c.remove(old)
	if c.taken(r) {
		c.add(old)
		return store.ErrDuplicate
	}
	r.Revision++
	c.add(r)
	return nil
}

func (c *collection) taken(r store.Record) bool {
	return slices.ContainsFunc(c.orders, func(o *order) bool { return o.taken(r) })
}

func (c *collection) add(r store.Record) {
	r = clone(r)
	c.records[r.ID] = r
	for _, o := range c.orders {
		o.add(r)
	}
}

func (c *collection) remove(r store.Record) {
	delete(c.records, r.ID)
	for _, o := range c.orders {
		o.remove(r)
	}
}
