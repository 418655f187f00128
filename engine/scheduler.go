package engine

import (
	"context"
	"sync"
)

// scheduler hands the device to the pictures in turn: each that waits gets
// one tile before any gets a second. It may be used concurrently.
type scheduler struct {
	mutex   sync.Mutex
	free    int
	waiting []*ticket
}

// ticket is one picture's place; it has at most one request at a time.
type ticket struct{ ready chan struct{} }

func newScheduler(tiles int) *scheduler { return &scheduler{free: tiles} }

// acquire waits for a turn. A picture that has just had one queues behind all
// that wait already.
func (s *scheduler) acquire(ctx context.Context) error {
	s.mutex.Lock()
	if s.free > 0 && len(s.waiting) == 0 {
		s.free--
		s.mutex.Unlock()
		return ctx.Err()
	}
	t := &ticket{ready: make(chan struct{})}
	s.waiting = append(s.waiting, t)
	s.mutex.Unlock()
	select {
	case <-t.ready:
		return nil
	case <-ctx.Done():
		s.withdraw(t)
		return ctx.Err()
	}
}

// withdraw takes a request back, or its turn if that has come meanwhile.
func (s *scheduler) withdraw(t *ticket) {
	s.mutex.Lock()
	for i, other := range s.waiting {
		if other == t {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			s.mutex.Unlock()
			return
		}
	}
	s.mutex.Unlock()
	s.release()
}

func (s *scheduler) release() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.waiting) > 0 {
		close(s.waiting[0].ready)
		s.waiting = s.waiting[1:]
		return
	}
	s.free++
}
