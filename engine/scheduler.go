package engine

import (
	"context"
	"slices"
	"sync"
)

// scheduler assigns the devices to the images in turn: each waiting image gets one
// tile before any gets a second. It may be used concurrently.
type scheduler struct {
	mutex sync.Mutex
	// free has a device once per tile that it could run now, the longest free one
	// first.
	free    []*device
	slots   int
	waiting []*ticket
}

// ticket is one tile's place in the queue.
type ticket struct {
	image *run
	ready chan *device
}

func newScheduler(devices []*device) *scheduler {
	s := &scheduler{}
	most := 0
	for _, d := range devices {
		most = max(most, d.parallel)
	}
	for i := range most { // every device's first slot, then the second ones
		for _, d := range devices {
			if i < d.parallel {
				s.free = append(s.free, d)
			}
		}
	}
	s.slots = len(s.free)
	return s
}

// acquire waits for a turn on a device. If several tiles of an image wait, each
// queues behind one tile of every other image.
func (s *scheduler) acquire(ctx context.Context, image *run) (*device, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mutex.Lock()
	if len(s.free) > 0 && len(s.waiting) == 0 {
		d := s.free[0]
		s.free = s.free[1:]
		s.mutex.Unlock()
		return d, nil
	}
	t := &ticket{image: image, ready: make(chan *device, 1)}
	s.enqueue(t)
	s.mutex.Unlock()
	select {
	case d := <-t.ready:
		return d, nil
	case <-ctx.Done():
		s.withdraw(t)
		return nil, ctx.Err()
	}
}

// enqueue sorts the first waiting tile of each image before any second one, and so
// on.
func (s *scheduler) enqueue(t *ticket) {
	rank := 1
	for _, w := range s.waiting {
		if w.image == t.image {
			rank++
		}
	}
	ranks := map[*run]int{}
	for i, w := range s.waiting {
		if ranks[w.image]++; ranks[w.image] > rank {
			s.waiting = slices.Insert(s.waiting, i, t)
			return
		}
	}
	s.waiting = append(s.waiting, t)
}

// withdraw removes a ticket from the queue, or returns its turn if it has one.
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
	s.release(<-t.ready)
}

// release ends a turn on a device.
func (s *scheduler) release(d *device) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.waiting) > 0 {
		s.waiting[0].ready <- d
		s.waiting = s.waiting[1:]
		return
	}
	s.free = append(s.free, d)
}
