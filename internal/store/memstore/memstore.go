package memstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/narrativeml/narrative/internal/store"
)

// Store keeps records in memory, ordered by every declared index.
type Store struct {
	mu          sync.RWMutex
	closed      bool
	collections map[string]*collection
}

var _ store.Driver = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{collections: map[string]*collection{}} }

// Reopen closes the store and returns one with the same records, as a process
// that starts again finds them.
func (s *Store) Reopen() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return &Store{collections: s.collections}
}

// Ensure implements store.Driver.
func (s *Store) Ensure(ctx context.Context, collections ...store.Collection) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, c := range collections {
		if err := c.Check(); err != nil {
			return err
		}
	}
	for _, c := range collections {
		known := s.collections[c.Name]
		if known == nil {
			known = &collection{name: c.Name, records: map[string]store.Record{}}
		}
		if err := known.declare(c); err != nil {
			return fmt.Errorf("memstore: ensure %s: %w", c.Name, err)
		}
		s.collections[c.Name] = known
	}
	return nil
}

// Insert implements store.Driver.
func (s *Store) Insert(ctx context.Context, name string, records ...store.Record) ([]error, error) {
	return s.write(ctx, name, records, (*collection).insert)
}

// Replace implements store.Driver.
func (s *Store) Replace(ctx context.Context, name string, records ...store.Record) ([]error, error) {
	return s.write(ctx, name, records, (*collection).replace)
}

func (s *Store) write(ctx context.Context, name string, records []store.Record, one func(*collection, store.Record) error) ([]error, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	c, err := s.collection(name)
	if err != nil {
		return nil, err
	}
	errs, err := store.CheckRecords(name, c.fields, records)
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		if errs[i] == nil {
			errs[i] = one(c, r)
		}
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
	return c.show(r), nil
}

// Peek implements store.Driver.
func (s *Store) Peek(ctx context.Context, name, id string) (store.Record, error) {
	r, err := s.Get(ctx, name, id)
	r.Body = nil
	return r, err
}

// Find implements store.Driver.
func (s *Store) Find(ctx context.Context, name string, scan store.Scan) ([]store.Record, error) {
	if err := s.rlock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	if err := scan.Check(); err != nil {
		return nil, err
	}
	ids, err := s.match(name, scan, int64(scan.Limit))
	if err != nil {
		return nil, err
	}
	c := s.collections[name]
	records := make([]store.Record, 0, len(ids))
	for _, id := range ids {
		records = append(records, c.show(c.records[id]))
	}
	return records, nil
}

// Count implements store.Driver.
func (s *Store) Count(ctx context.Context, name string, scan store.Scan, limit int64) (int64, error) {
	if err := s.rlock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.RUnlock()
	if err := scan.CheckCount(); err != nil {
		return 0, err
	}
	scan.After = nil
	ids, err := s.match(name, scan, limit)
	return int64(len(ids)), err
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
	if s.closed {
		return store.ErrClosed
	}
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
		return store.ErrClosed
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
		return store.ErrClosed
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

// match returns the identifiers of the scan in its order, at most limit when that
// is positive.
func (s *Store) match(name string, scan store.Scan, limit int64) ([]string, error) {
	c, err := s.collection(name)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(c.orders, func(o *order) bool { return o.index.Equals(scan.Index) })
	if at < 0 {
		return nil, fmt.Errorf("memstore: collection %s has no index %q", name, scan.Index.Name)
	}
	return c.orders[at].match(scan, limit), nil
}

// collection is the records of one kind, with an order for each index that was
// ever declared.
type collection struct {
	name    string
	fields  []store.IndexField // as declared last
	known   []store.IndexField // ever declared; every record has them all
	records map[string]store.Record
	orders  []*order
}

// declare adds the fields and indexes that are new, all of them or none.
func (c *collection) declare(d store.Collection) error {
	var fields []store.IndexField
	for _, f := range d.Fields() {
		i := slices.IndexFunc(c.known, func(k store.IndexField) bool { return k.Name == f.Name })
		switch {
		case i < 0:
			fields = append(fields, f)
		case c.known[i].Type != f.Type:
			return fmt.Errorf("field %s exists with another type", f.Name)
		}
	}
	var orders []*order
	for _, index := range d.Indexes {
		i := slices.IndexFunc(c.orders, func(o *order) bool { return o.index.Name == index.Name })
		if i >= 0 {
			if !c.orders[i].index.Equals(index) {
				return fmt.Errorf("index %s exists with another declaration", index.Name)
			}
			continue
		}
		o := &order{index: index}
		for _, r := range c.records {
			if r = complete(r, nil, fields); o.taken(r) {
				return fmt.Errorf("index %s: %w", index.Name, store.ErrDuplicate)
			}
			o.add(o.entry(r))
		}
		orders = append(orders, o)
	}
	for id, r := range c.records {
		c.records[id] = complete(r, nil, fields)
	}
	c.fields, c.known, c.orders = d.Fields(), append(c.known, fields...), append(c.orders, orders...)
	return nil
}

// complete returns a copy of r that has the fields it lacks: with the values of
// old, or none.
func complete(r store.Record, old map[string]any, fields []store.IndexField) store.Record {
	r = clone(r)
	for _, f := range fields {
		if _, ok := r.Keys[f.Name]; ok {
			continue
		}
		v, ok := old[f.Name]
		switch {
		case ok:
		case f.Type == store.Int:
			v = int64(0)
		default:
			v = ""
		}
		r.Keys[f.Name] = v
	}
	return r
}

// show returns a copy of r with the fields that were declared last.
func (c *collection) show(r store.Record) store.Record {
	r = clone(r)
	if len(c.fields) == len(c.known) {
		return r
	}
	maps.DeleteFunc(r.Keys, func(name string, _ any) bool {
		return !slices.ContainsFunc(c.fields, func(f store.IndexField) bool { return f.Name == name })
	})
	return r
}

func (c *collection) insert(r store.Record) error {
	r = complete(r, nil, c.known)
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
	case !ok:
		return store.ErrNotFound
	case old.Revision != r.Revision:
		return store.ErrStale
	}
	r = complete(r, old.Keys, c.known)
	if c.taken(r) {
		return store.ErrDuplicate
	}
	r.Revision++
	c.records[r.ID] = r
	for _, o := range c.orders {
		o.move(old, r)
	}
	return nil
}

func (c *collection) taken(r store.Record) bool {
	return slices.ContainsFunc(c.orders, func(o *order) bool { return o.taken(r) })
}

func (c *collection) add(r store.Record) {
	c.records[r.ID] = r
	for _, o := range c.orders {
		o.add(o.entry(r))
	}
}

func (c *collection) remove(r store.Record) {
	delete(c.records, r.ID)
	for _, o := range c.orders {
		o.remove(o.entry(r))
	}
}
