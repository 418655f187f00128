// Package index caches all jobs and uploads of a store in the memory of one process.
// It may be stale; decisions are made on the stored records.
package index

import (
	"maps"
	"slices"
	"sync"

	"upscaled/server/job"
	"upscaled/server/queue/record"
)

// latch is closed once, when all entries that existed at the start are known.
type latch struct {
	closed chan struct{}
	once   sync.Once
}

func newLatch() *latch { return &latch{closed: make(chan struct{})} }

// Loaded is closed when all present entries are known.
func (l *latch) Loaded() <-chan struct{} { return l.closed }

// MarkLoaded closes Loaded; it may be repeated.
func (l *latch) MarkLoaded() { l.once.Do(func() { close(l.closed) }) }

// Cache holds the records of unfinished jobs and their progress. All methods may
// be called concurrently.
type Cache struct {
	*latch
	mutex   sync.Mutex
	records map[string]record.Job
	// progress is 0..1 by job.
	progress map[string]float64
	// subscribers are, by job, whether they want progress as well.
	subscribers map[string]map[chan struct{}]bool
	submitting  map[string]bool
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{
		latch: newLatch(), records: map[string]record.Job{}, progress: map[string]float64{},
		subscribers: map[string]map[chan struct{}]bool{}, submitting: map[string]bool{},
	}
}

// Len returns the number of unfinished jobs, without parts of films.
func (c *Cache) Len() (jobs int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, r := range c.records {
		if r.Film == "" {
			jobs++
		}
	}
	return jobs
}

// Unfinished returns the records of all unfinished jobs.
func (c *Cache) Unfinished() []record.Job {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Collect(maps.Values(c.records))
}

// HasBefore reports whether a job of a lane is queued whose priority precedes.
func (c *Cache) HasBefore(lane job.Lane, precedes func(job.Priority) bool) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, r := range c.records {
		if r.State == job.Queued && r.Lane == lane && precedes(r.Priority) {
			return true
		}
	}
	return false
}

// IDs returns the IDs of all unfinished jobs.
func (c *Cache) IDs() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Collect(maps.Keys(c.records))
}

// BeginSubmit notes that this process is about to record a job, until end, and reports
// whether it was not so far. The ID may be a token of a submission, too.
func (c *Cache) BeginSubmit(id string) (end func(), first bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.submitting[id] {
		return func() {}, false
	}
	c.submitting[id] = true
	return func() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		delete(c.submitting, id)
	}, true
}

// Submitting reports whether this process is about to record a job.
func (c *Cache) Submitting(id string) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.submitting[id]
}

// Set stores a record; final ones are removed.
func (c *Cache) Set(r record.Job) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if r.State != job.Running || c.records[r.ID].Lease != r.Lease {
		delete(c.progress, r.ID) // it was another attempt's
	}
	if r.State.Final() {
		delete(c.records, r.ID)
	} else {
		c.records[r.ID] = r
	}
	c.wake(r.ID, false)
}

// Remove forgets a job whose record is gone.
func (c *Cache) Remove(id string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.records, id)
	delete(c.progress, id)
	c.wake(id, false)
}

// Progress returns the progress of a running job, 0..1. current reports whether
// the record at the given revision is still the latest.
func (c *Cache) Progress(r record.Job) (fraction float64, current bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	known, unfinished := c.records[r.ID]
	return c.progress[r.ID], unfinished && known.Revision == r.Revision
}

// SetProgress stores the progress of a running job, 0..1.
func (c *Cache) SetProgress(id string, fraction float64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.records[id].State == job.Running {
		c.progress[id] = fraction
		c.wake(id, true)
	}
}

// Subscribe returns a channel that receives after changes of a job's record and,
// with progress, of its progress too; a change may stand for several. stop must
// be called.
func (c *Cache) Subscribe(id string, progress bool) (changed <-chan struct{}, stop func()) {
	channel := make(chan struct{}, 1)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.subscribers[id] == nil {
		c.subscribers[id] = map[chan struct{}]bool{}
	}
	c.subscribers[id][channel] = progress
	return channel, func() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		delete(c.subscribers[id], channel)
		if len(c.subscribers[id]) == 0 {
			delete(c.subscribers, id)
		}
	}
}

// wake notifies a job's subscribers. The mutex is held.
func (c *Cache) wake(id string, progress bool) {
	for channel, wants := range c.subscribers[id] {
		if progress && !wants {
			continue
		}
		select {
		case channel <- struct{}{}:
		default: // it has yet to receive an earlier one
		}
	}
}
