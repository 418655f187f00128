package engine

import (
	"context"
	"slices"
	"sync"
	"time"
)

// scheduler shares the devices among the images tile by tile: a free device takes a
// tile of the image that has fewest running and was served longest ago. It may be
// used concurrently.
type scheduler struct {
	mutex   sync.Mutex
	devices []*slots
	// slots is how many tiles run at once on all devices.
	slots   int
	waiting []*turn
	clock   int64
	images  map[*run]*served
}

// slots are a device's in the scheduler.
type slots struct {
	device *device
	free   int
	lost   bool
	// load is the number of input pixels of the tiles that wait or run there; done counts
	// the pixels of the tiles that ran, and spent is their time.
	load, done int
	spent      time.Duration
}

// cost is proportional to the time until pixels more are done there.
func (on *slots) cost(pixels float64) float64 {
	return (float64(on.load) + pixels) / float64(on.device.parallel) * float64(on.spent+1) / float64(on.done+1)
}

// served records the turns of an image with tiles under way.
type served struct {
	turns, running int
	last           int64 // on the scheduler's clock, the end of the latest turn or, before it, the first request
}

// turn is one tile's turn on a device.
type turn struct {
	image  *run
	pixels int
	// opened reports whether a device has the tile's session or is opening it.
	opened func(*device) bool
	on     *slots
	ready  chan struct{} // closed when the turn has come
	began  time.Time
}

func newScheduler(devices []*device) *scheduler {
	s := &scheduler{images: map[*run]*served{}}
	for _, d := range devices {
		s.devices = append(s.devices, &slots{device: d, free: d.parallel})
		s.slots += d.parallel
	}
	return s
}

// A session is opened on another device if one with the session would have that many
// tiles more per slot: few for an image of more tiles than run at once.
const aheadOfFew, aheadOfMany = 3, 0.75

// choose returns a turn on the device that is expected to finish a tile first, the time
// to open its session included. tiles is the number of tiles of the image.
func (s *scheduler) choose(image *run, tiles, pixels int, opened func(*device) bool) *turn {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	t := &turn{image: image, pixels: pixels, opened: opened, ready: make(chan struct{})}
	least, ahead := 0.0, float64(aheadOfFew*pixels)
	if tiles > s.slots {
		ahead = aheadOfMany * float64(pixels)
	}
	for _, on := range s.usable() {
		more := float64(pixels)
		if len(s.devices) > 1 && !opened(on.device) {
			more += ahead * float64(on.device.parallel)
		}
		cost := on.cost(more)
		if t.on == nil || cost < least {
			t.on, least = on, cost
		}
	}
	t.on.load += pixels
	of := s.images[image]
	if of == nil {
		s.clock++
		of = &served{last: s.clock}
		s.images[image] = of
	}
	of.turns++
	return t
}

// usable returns the devices that were not lost; there is always one.
func (s *scheduler) usable() []*slots {
	return slices.DeleteFunc(slices.Clone(s.devices), func(on *slots) bool { return on.lost })
}

// lose takes a device out of use and reports whether there is another one, on which
// its tiles can run.
func (s *scheduler) lose(d *device) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	others := slices.DeleteFunc(s.usable(), func(on *slots) bool { return on.device == d })
	if len(others) == 0 {
		return false
	}
	for _, on := range s.devices {
		if on.device == d && !on.lost {
			on.lost = true
			s.slots -= d.parallel
		}
	}
	for _, t := range s.waiting {
		if t.on.device == d {
			t.move(others[0])
		}
	}
	s.dispatch()
	return true
}

func (s *scheduler) isLost(d *device) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return !slices.ContainsFunc(s.usable(), func(on *slots) bool { return on.device == d })
}

func (t *turn) move(to *slots) {
	t.on.load -= t.pixels
	t.on = to
	to.load += t.pixels
}

// acquire waits for the turn, on the chosen device or on another one that has the
// tile's session. The caller ends the turn, also after an error.
func (s *scheduler) acquire(ctx context.Context, t *turn) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mutex.Lock()
	if t.on.lost {
		t.move(s.usable()[0])
	}
	s.waiting = append(s.waiting, t)
	s.dispatch()
	s.mutex.Unlock()
	select {
	case <-t.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dispatch hands free slots to waiting tiles. The mutex is held.
func (s *scheduler) dispatch() {
	for {
		next, on := s.next()
		if next < 0 {
			return
		}
		t := s.waiting[next]
		s.waiting = slices.Delete(s.waiting, next, next+1)
		t.move(on)
		on.free--
		s.images[t.image].running++
		t.began = time.Now()
		close(t.ready)
	}
}

// next returns which waiting tile runs next, and where; -1 if none can.
func (s *scheduler) next() (int, *slots) {
	next, where := -1, (*slots)(nil)
	for i, t := range s.waiting {
		if next >= 0 && !s.images[t.image].before(s.images[s.waiting[next].image]) {
			continue
		}
		if on := s.freeFor(t); on != nil {
			next, where = i, on
		}
	}
	return next, where
}

func (a *served) before(b *served) bool {
	return a.running < b.running || a.running == b.running && a.last < b.last
}

// freeFor returns a free device for a tile: of those with most free slots the chosen
// one.
func (s *scheduler) freeFor(t *turn) *slots {
	var best *slots
	for _, on := range s.usable() {
		if on.free > 0 && (on == t.on || t.opened(on.device)) && (best == nil || on.free > best.free || on.free == best.free && on == t.on) {
			best = on
		}
	}
	return best
}

// end ends a turn, whether it had come or not.
func (s *scheduler) end(t *turn) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	of := s.images[t.image]
	t.on.load -= t.pixels
	if i := slices.Index(s.waiting, t); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
	select {
	case <-t.ready:
		t.on.free++
		t.on.done, t.on.spent = t.on.done+t.pixels, t.on.spent+time.Since(t.began)
		s.clock++
		of.running, of.last = of.running-1, s.clock
		s.dispatch()
	default:
	}
	if of.turns--; of.turns == 0 {
		delete(s.images, t.image)
	}
}
