package cache

import "runtime"

// WaitKept waits until what was made is kept.
func (c *Cache) WaitKept() { c.keeping.Wait() }

// WaitJoined waits until so many callers wait for the key's answer.
func (c *Cache) WaitJoined(k Key, callers int) {
	encoded, err := k.encode()
	if err != nil {
		panic(err)
	}
	for {
		c.flights.mu.Lock()
		one := c.flights.all[string(encoded)]
		there := one != nil && one.waiting == callers
		c.flights.mu.Unlock()
		if there {
			return
		}
		runtime.Gosched()
	}
}

// Unpack is unpack, for its fuzz target.
func Unpack(key, kept []byte, most int64) ([]byte, error) { return unpack(key, kept, most) }

// Pack is pack.
func Pack(key, answer []byte) ([]byte, error) { return pack(key, answer) }
