package server

import (
	"context"
	"slices"
	"sync"
)

// turns shares the decoders among callers by the estimated time of their images:
// next is the caller that has had least. Long turns have decoders of their own, so
// that a short one never waits for them.
type turns struct {
	mutex sync.Mutex
	// all and free are decoders of short and long turns.
	all, free [2]int
	waiting   [2][]*turn
	// now is the virtual time in seconds: the start of the latest turn. booked is
	// when each caller's last turn ends in it.
	now    float64
	booked map[string]float64
}

// turn is one image's place in a line.
type turn struct {
	start float64
	ready chan struct{}
}

// longTurn is in seconds.
const longTurn = 0.25

func newTurns(decoders int) *turns {
	each := [2]int{decoders, max(1, decoders-1)}
	return &turns{all: each, free: each, booked: map[string]float64{}}
}

// take waits for a turn of a caller, unless its context ends before. release must be
// called.
func (t *turns) take(ctx context.Context, caller string, seconds float64) (release func(), err error) {
	line := 0
	//guard:long-turns TestTurns => false
	if seconds > longTurn {
		line = 1
	}
	t.mutex.Lock()
	w := &turn{ready: make(chan struct{})}
	//guard:fair-turns TestTurns => t.now
	w.start = max(t.now, t.booked[caller])
	t.booked[caller] = w.start + seconds
	t.waiting[line] = append(t.waiting[line], w)
	t.dispatch(line)
	t.mutex.Unlock()
	select {
	case <-w.ready:
		return func() { t.release(line) }, nil
	case <-ctx.Done():
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if at := slices.Index(t.waiting[line], w); at >= 0 {
		t.waiting[line] = slices.Delete(t.waiting[line], at, at+1)
		return nil, ctx.Err()
	}
	t.free[line]++ // it was given just now
	t.dispatch(line)
	return nil, ctx.Err()
}

func (t *turns) release(line int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.free[line]++
	t.dispatch(line)
}

// dispatch assigns free decoders to the turns that start first. t.mutex is held.
func (t *turns) dispatch(line int) {
	for t.free[line] > 0 && len(t.waiting[line]) > 0 {
		first := 0
		for i, w := range t.waiting[line] {
			if w.start < t.waiting[line][first].start {
				first = i
			}
		}
		w := t.waiting[line][first]
		t.waiting[line] = slices.Delete(t.waiting[line], first, first+1)
		t.free[line]--
		t.now = max(t.now, w.start)
		close(w.ready)
	}
	if t.free == t.all {
		clear(t.booked) // no caller is waiting
	}
}
