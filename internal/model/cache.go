package model

import (
	"container/list"
	"sync"

	"github.com/narrativeml/narrative/ml/pipeline"
)

// cache keeps the models used last.
type cache struct {
	mu      sync.Mutex
	size    int
	order   *list.List // of *cached, last used first
	entries map[string]*list.Element
}

type cached struct {
	key   string
	model *pipeline.Model
}

func newCache(size int) *cache {
	return &cache{size: size, order: list.New(), entries: make(map[string]*list.Element)}
}

func (c *cache) get(key string) (*pipeline.Model, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).model, true //nolint:forcetypeassert // only *cached is put in
}

func (c *cache) put(key string, m *pipeline.Model) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; ok {
		return
	}
	c.entries[key] = c.order.PushFront(&cached{key: key, model: m})
	if c.order.Len() > c.size {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.entries, last.Value.(*cached).key) //nolint:forcetypeassert // only *cached is put in
	}
}
