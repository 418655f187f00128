package models

import (
	"slices"
	"sync"
	"weak"

	"upscaled/models/network"
)

// keptNetworks is how many unused models stay in memory: a batch may alternate
// between two of different scale. The largest official one takes 67 MB.
const keptNetworks = 2

// cache returns models for as long as anybody uses them, and a few longer. Keys
// identify contents, so nothing is ever invalidated. The zero value is empty.
type cache struct {
	mu     sync.Mutex
	inUse  map[string]weak.Pointer[network.Network]
	recent []*network.Network // the latest is last
}

func (c *cache) get(key string) *network.Network {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.inUse[key].Value()
	if found != nil {
		c.touch(found)
	}
	return found
}

// put adds a model and returns it, or the one that the key already has.
func (c *cache) put(key string, n *network.Network) *network.Network {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.inUse[key].Value(); found != nil {
		n = found
	}
	if c.inUse == nil {
		c.inUse = map[string]weak.Pointer[network.Network]{}
	}
	for other, pointer := range c.inUse {
		if pointer.Value() == nil {
			delete(c.inUse, other)
		}
	}
	c.inUse[key] = weak.Make(n)
	c.touch(n)
	return n
}

// touch makes n the most recent model; mu is held.
func (c *cache) touch(n *network.Network) {
	c.recent = slices.DeleteFunc(c.recent, func(other *network.Network) bool { return other == n })
	c.recent = append(c.recent, n)
	if surplus := len(c.recent) - keptNetworks; surplus > 0 {
		c.recent = slices.Delete(c.recent, 0, surplus)
	}
}
