package queue

import (
	"maps"
	"slices"
	"sync"
	"time"

	"upscaled/server/job"
)

// board is what this process has heard of unfinished jobs, and of all jobs
// whose they are. It is a hint: who decides anything reads the record.
type board struct {
	loaded chan struct{} // closed when the records of the start are all known
	once   sync.Once     // closes it

	mutex     sync.Mutex
	records   map[string]record // unfinished jobs
	fractions map[string]float64
	// waiting has, by job, who is told of changes, and whether of progress too.
	waiting map[string]map[chan struct{}]bool
	listed  listing
	// submitting are the IDs that this process is about to record.
	submitting map[string]bool
}

func newBoard() *board {
	return &board{
		loaded: make(chan struct{}), records: map[string]record{},
		fractions: map[string]float64{}, waiting: map[string]map[chan struct{}]bool{},
		submitting: map[string]bool{}, listed: listing{},
	}
}

// size is the number of unfinished jobs.
func (b *board) size() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return len(b.records)
}

// unfinished copies the records of all unfinished jobs.
func (b *board) unfinished() []record {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	all := make([]record, 0, len(b.records))
	for _, r := range b.records {
		all = append(all, r)
	}
	return all
}

// submit notes the begin or end of a submission.
func (b *board) submit(id string, begins bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if begins {
		b.submitting[id] = true
	} else {
		delete(b.submitting, id)
	}
}

// isSubmitting says whether this process is about to record a job.
func (b *board) isSubmitting(id string) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.submitting[id]
}

// progress is the last fraction heard of a job, 0..1.
func (b *board) progress(id string) float64 {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.fractions[id]
}

// progressOf is progress where the job's record is known and still the given
// revision.
func (b *board) progressOf(r record) (fraction float64, same bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	known, is := b.records[r.ID]
	return b.fractions[r.ID], is && known.revision == r.revision
}

// subscribe gives a channel that gets a token after each change of a job's
// record, and where progress says so of its progress too; tokens do not pile
// up. stop must be called.
func (b *board) subscribe(id string, progress bool) (changed <-chan struct{}, stop func()) {
	channel := make(chan struct{}, 1)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.waiting[id] == nil {
		b.waiting[id] = map[chan struct{}]bool{}
	}
	b.waiting[id][channel] = progress
	return channel, func() {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		delete(b.waiting[id], channel)
		if len(b.waiting[id]) == 0 {
			delete(b.waiting, id)
		}
	}
}

// wake gives tokens to a job's subscribers. The mutex is held.
func (b *board) wake(id string, progress bool) {
	for channel, wants := range b.waiting[id] {
		if progress && !wants {
			continue
		}
		select {
		case channel <- struct{}{}:
		default: // a token is there already
		}
	}
}

// change notes a record, or with nil that a job is gone.
func (b *board) change(id string, r *record) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if r != nil {
		b.listed.add(r.Job)
	}
	if r != nil && !r.State.Final() {
		if r.State != job.Running || b.records[id].Lease != r.Lease {
			delete(b.fractions, id) // it was another try's
		}
		b.records[id] = *r
	} else {
		delete(b.records, id)
		delete(b.fractions, id)
	}
	b.wake(id, false)
}

// list notes that this process has recorded a job, so that its caller finds
// it listed at once.
func (b *board) list(j job.Job) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.listed.add(j)
}

// older gives a caller's jobs from a place on, newest first.
func (b *board) older(o owner, before place, limit int) []place {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.listed.older(o, before, limit)
}

// unlist forgets a caller's job that is not recorded any more.
func (b *board) unlist(o owner, p place) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.listed.remove(o, p)
}

// unlistOlder forgets all jobs that were made before a time.
func (b *board) unlistOlder(than time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.listed.removeOlder(than)
}

// load notes that all present records are known.
func (b *board) load() { b.once.Do(func() { close(b.loaded) }) }

// known lists the unfinished jobs.
func (b *board) known() []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return slices.Collect(maps.Keys(b.records))
}

// gone notes that a job's record is.
func (b *board) gone(id string) { b.change(id, nil) }

// advance notes a running job's progress.
func (b *board) advance(id string, fraction float64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.records[id].State == job.Running {
		b.fractions[id] = fraction
		b.wake(id, true)
	}
}
