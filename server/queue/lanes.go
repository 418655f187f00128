package queue

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
	"upscaled/server/queue/index"
)

// A job waits in its lane, by priority. Every process keeps one request for work with
// each of both, as long as one of its slots for jobs of that lane waits.
// An item that no slot waits for any more goes back at once.

// priorities is the order in which lanes are served.
func priorities() []job.Priority { return []job.Priority{job.High, job.Normal, job.Low} }

// slots are the waiting slots of one lane. All methods may be called concurrently.
type slots struct {
	mutex   sync.Mutex
	waiting []chan jetstream.Msg // each holds one
	// wanted is closed while a slot waits; served is closed, and replaced, when one
	// waits no more.
	wanted, served chan struct{}
}

func newSlots() *slots {
	return &slots{wanted: make(chan struct{}), served: make(chan struct{})}
}

// take waits for an item of one lane. It returns nil if the context
// ends first.
func (s *slots) take(ctx context.Context) (jetstream.Msg, error) {
	slot := make(chan jetstream.Msg, 1)
	s.mutex.Lock()
	if s.waiting = append(s.waiting, slot); len(s.waiting) == 1 {
		close(s.wanted)
	}
	s.mutex.Unlock()
	select {
	case m := <-slot:
		return m, nil
	case <-ctx.Done():
	}
	s.mutex.Lock()
	if at := slices.Index(s.waiting, slot); at >= 0 {
		s.remove(at)
	}
	s.mutex.Unlock()
	select {
	case m := <-slot:
		_ = m.Nak() // else it comes back when its lease is over
	default:
	}
	return nil, nil
}

// remove takes a slot from the list. The mutex is held.
func (s *slots) remove(at int) {
	if s.waiting = slices.Delete(s.waiting, at, at+1); len(s.waiting) == 0 {
		s.wanted = make(chan struct{})
	}
	close(s.served)
	s.served = make(chan struct{})
}

// offer hands an item to the slot that has waited longest, and reports whether
// there was one.
func (s *slots) offer(m jetstream.Msg) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.waiting) == 0 {
		return false
	}
	s.waiting[0] <- m
	s.remove(0)
	return true
}

// demand returns a channel that is closed while a slot waits, and one that is closed
// once a slot waits no more.
func (s *slots) demand() (wanted, served <-chan struct{}) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.wanted, s.served
}

// lane requests items of one lane and priority.
type lane struct {
	core     *core
	cache    *index.Cache
	name     job.Lane
	priority job.Priority
	consumer jetstream.Consumer
	slots    *slots
}

// laneName is a lane's name in subjects; lanes of normal priority keep the names of the
// first version.
func laneName(l job.Lane, p job.Priority) string {
	return strings.TrimSuffix(string(l)+"-"+string(p), "-")
}

// run serves the lane until the context ends.
func (l *lane) run(ctx context.Context) error {
	for ctx.Err() == nil {
		wanted, served := l.slots.demand()
		select {
		case <-wanted:
		case <-ctx.Done():
			return nil
		}
		//guard:priority TestPriorities
		if l.cache.HasBefore(l.name, l.precedes) {
			select {
			case <-served:
				continue
			case <-time.After(l.core.options.HoldBack):
			case <-ctx.Done():
			}
		}
		message, err := take(ctx, l.consumer)
		if err != nil {
			l.core.options.Log.Warn("request message", "error", err)
			wait(ctx, retryDelay)
		}
		if message != nil && !l.slots.offer(message) {
			_ = message.Nak() // else it comes back when its lease is over
		}
	}
	return nil
}

// precedes reports whether a priority is served before the lane's.
func (l *lane) precedes(p job.Priority) bool {
	return slices.Index(priorities(), p) < slices.Index(priorities(), l.priority)
}
