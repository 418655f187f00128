package enginetest

import (
	"context"
	"math/rand"
	"sync"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Speed is how long a card takes. One tile is computed at a time, while one is
// copied to the card and another one from it.
type Speed struct {
	// Open is the time to open a session, during which tiles run.
	Open time.Duration
	// Tile and Megapixel are the time for a tile and for 1e6 of its input pixels.
	Tile, Megapixel time.Duration
	// Copy is the time to copy 1e6 bytes.
	Copy time.Duration
}

// Figures are times of a card: Busy while it computed, Copying while it copied, and
// Hidden while it did both.
type Figures struct{ Busy, Copying, Hidden time.Duration }

// card is the state of a Runtime that is a card.
type card struct {
	once sync.Once
	// computing, uploading and downloading hold a value while a tile does so.
	computing, uploading, downloading chan struct{}
	lost                              chan struct{} // closed by Lose

	mutex   sync.Mutex
	used    int64
	limited bool // by SetMemory
	limit   int64
	chance  *rand.Rand
	figures Figures
	since   time.Time
	active  [2]int // how much computes, copies
}

// Kinds of activity.
const (
	computing = iota
	copying
	nothing
)

func (r *Runtime) start() *card {
	c := &r.card
	c.once.Do(func() {
		c.computing, c.uploading, c.downloading = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
		c.lost, c.chance = make(chan struct{}), rand.New(rand.NewSource(1))
	})
	return c
}

// SetMemory changes the device's memory. While more is in use, nothing runs.
func (r *Runtime) SetMemory(bytes int64) {
	c := r.start()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.limited, c.limit = true, bytes
}

// Lose makes the device fail from now on, running tiles included.
func (r *Runtime) Lose() { close(r.start().lost) }

// Figures returns the device's figures so far.
func (r *Runtime) Figures() Figures {
	c := r.start()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.figures
}

// Used returns the bytes in use.
func (r *Runtime) Used() int64 {
	c := r.start()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.used
}

// room returns the memory and how much is free, 0 if there is no bound.
func (r *Runtime) room() (memory, free int64) {
	c := r.start()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	memory = r.bound()
	return memory, max(0, memory-c.used)
}

func (r *Runtime) bound() int64 {
	if r.card.limited {
		return r.card.limit
	}
	return r.Memory
}

// take takes memory, or fails as a device does.
func (r *Runtime) take(bytes int64) error {
	c := r.start()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if limit := r.bound(); limit > 0 && c.used+bytes > limit {
		r.Refused.Add(1)
		return fault.New(fault.DeviceMemory, "The device has not enough free memory.")
	}
	c.used += bytes
	return nil
}

func (r *Runtime) give(bytes int64) {
	c := r.start()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.used -= bytes
}

// bytes is the memory of a session for a tile.
func (s *session) bytes(width, height int) int64 {
	need := float64(width) * float64(height) * float64(s.facts.BytesPerPixel)
	if s.options.Precision == network.Float16 {
		const half = 0.7
		need *= half
	}
	if s.runtime.Hunger > 0 {
		need *= s.runtime.Hunger
	}
	return int64(need)
}

// compute runs a tile as a card does: one part of it after the other, each beside
// those of other tiles.
func (s *session) compute(ctx context.Context, in, out imagedata.Raster) error {
	r, speed := s.runtime, s.runtime.Speed
	var more int64
	if s.held == 0 {
		more = s.bytes(in.Width, in.Height)
	}
	if err := r.take(more); err != nil {
		return err
	}
	defer r.give(more)
	c := r.start()
	if err := r.wait(ctx, c.uploading, speed.copy(in), copying); err != nil {
		return err
	}
	pixels := time.Duration(in.Width) * time.Duration(in.Height)
	if err := r.wait(ctx, c.computing, speed.Tile+pixels*speed.Megapixel/1e6, computing); err != nil {
		return err
	}
	r.Ran.Add(1)
	Compute(s.facts, s.options.Borders, in, out)
	if s.options.Precision == network.Float16 && r.blackens() {
		blacken(out, s.facts.Scale)
	}
	return r.wait(ctx, c.downloading, speed.copy(out), copying)
}

func (s Speed) copy(r imagedata.Raster) time.Duration {
	return time.Duration(len(r.Pix)+2*len(r.Pix16)) * s.Copy / 1e6
}

// wait occupies a part of the card for a while and counts the activity.
func (r *Runtime) wait(ctx context.Context, part chan struct{}, while time.Duration, what int) error {
	c := r.start()
	lost := fault.New(fault.DeviceLost, "The device is gone.")
	select {
	case <-c.lost:
		return lost
	default:
	}
	if while == 0 {
		return nil
	}
	if part != nil {
		select {
		case part <- struct{}{}:
			defer func() { <-part }()
		case <-ctx.Done():
			return canceled(ctx.Err())
		case <-c.lost:
			return lost
		}
	}
	c.count(what, 1)
	defer c.count(what, -1)
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return canceled(ctx.Err())
	case <-c.lost:
		return lost
	}
}

// count adds the time since the last change to the activities of that time.
func (c *card) count(what, by int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	now := time.Now()
	spent := now.Sub(c.since)
	c.since = now
	if c.active[computing] > 0 {
		c.figures.Busy += spent
	}
	if c.active[copying] > 0 {
		c.figures.Copying += spent
		if c.active[computing] > 0 {
			c.figures.Hidden += spent
		}
	}
	if what != nothing {
		c.active[what] += by
	}
}

func (r *Runtime) blackens() bool {
	c := r.start()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.chance.Float64() < r.Black
}

// blacken clears the middle of a tile's output.
func blacken(out imagedata.Raster, scale int) {
	const side = 20 // input pixels
	width, height := min(out.Width, side*scale), min(out.Height, side*scale)
	for y := (out.Height - height) / 2; y < (out.Height+height)/2; y++ {
		at := (y*out.Width + (out.Width-width)/2) * out.Channels
		if out.Pix16 != nil {
			clear(out.Pix16[at:][:width*out.Channels])
		} else {
			clear(out.Pix[at:][:width*out.Channels])
		}
	}
}

func canceled(err error) error {
	return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
}
