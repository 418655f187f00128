package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"upscaled/engine/enginetest"
	"upscaled/models/fault"
)

// trouble is what happens to cards while they work.
type trouble struct {
	cards  []*enginetest.Runtime
	sizes  [][2]int
	atOnce int
	// Times of loss and of less memory by card, of cancellation by image; 0 is never.
	lost, shrunk, canceled []time.Duration
	memory                 []int64 // then
}

func drawTrouble(r *rapid.T) trouble {
	w := trouble{atOnce: rapid.IntRange(1, 6).Draw(r, "at once")}
	sometime := func(name string) time.Duration {
		if rapid.IntRange(0, 2).Draw(r, name) > 0 {
			return 0
		}
		return time.Duration(rapid.IntRange(1, 3000).Draw(r, name+" at")) * time.Millisecond
	}
	for range rapid.IntRange(1, 4).Draw(r, "cards") {
		speed := usual()
		speed.Open = time.Duration(rapid.IntRange(0, 800).Draw(r, "open")) * time.Millisecond
		speed.Megapixel *= time.Duration(rapid.IntRange(1, 4).Draw(r, "slowness"))
		speed.Copy *= time.Duration(rapid.IntRange(0, 8).Draw(r, "slow copies"))
		c := card(speed)
		c.Parallel = rapid.IntRange(1, 3).Draw(r, "parallel")
		c.Secret = rapid.Bool().Draw(r, "secret")
		c.Black = rapid.SampledFrom([]float64{0, 0.1, 1}).Draw(r, "black")
		c.Hunger = rapid.SampledFrom([]float64{0.5, 1, 3}).Draw(r, "hunger")
		// The smallest tile's session and its repetition in float32 always fit.
		least := int64(8e6 * c.Hunger)
		c.Memory = least * int64(rapid.IntRange(1, 20).Draw(r, "memory"))
		w.cards = append(w.cards, c)
		w.lost, w.shrunk = append(w.lost, sometime("lost")), append(w.shrunk, sometime("shrunk"))
		w.memory = append(w.memory, max(least, c.Memory/2))
	}
	for range rapid.IntRange(1, 8).Draw(r, "images") {
		side := rapid.IntRange(1, 250)
		w.sizes = append(w.sizes, [2]int{side.Draw(r, "width"), side.Draw(r, "height")})
		w.canceled = append(w.canceled, sometime("canceled"))
	}
	return w
}

// run returns what is wrong.
func (w trouble) run(t *testing.T) (problems []string) {
	net := enginetest.Net(2, 4)
	e := engineOn(net, w.cards...)
	for i, c := range w.cards {
		if w.lost[i] > 0 {
			defer time.AfterFunc(w.lost[i], c.Lose).Stop()
		}
		if w.shrunk[i] > 0 {
			defer time.AfterFunc(w.shrunk[i], func() { c.SetMemory(w.memory[i]) }).Stop()
		}
	}
	sheets, errs := make([]*sheet, len(w.sizes)), make([]error, len(w.sizes))
	turns := make(chan struct{}, w.atOnce)
	var all sync.WaitGroup
	for i, size := range w.sizes {
		sheets[i] = &sheet{in: bright(int64(i), size[0], size[1])}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			if w.canceled[i] > 0 {
				defer time.AfterFunc(w.canceled[i], stop).Stop()
			}
			_, errs[i] = e.Upscale(ctx, request(sheets[i]))
		})
	}
	all.Wait()
	e.Close()
	lost := 0
	for _, at := range w.lost {
		if at > 0 {
			lost++
		}
	}
	for i, err := range errs {
		switch kind := fault.KindOf(err); {
		case err == nil:
			if err := sheets[i].right(net.Info()); err != nil {
				problems = append(problems, err.Error())
			}
		case kind == fault.Canceled && w.canceled[i] > 0, kind == fault.DeviceLost && lost == len(w.cards):
		default:
			problems = append(problems, fmt.Sprintf("image %d of %dx%d: %v: %v", i, w.sizes[i][0], w.sizes[i][1], kind, err))
		}
	}
	for i, c := range w.cards {
		if c.Used() != 0 || c.Opened.Load() != c.Closed.Load() || c.Pinned.Load() != 0 {
			problems = append(problems, fmt.Sprintf("card %d holds %d bytes, %d tiles, %d of %d sessions", i, c.Used(), c.Pinned.Load(), c.Opened.Load()-c.Closed.Load(), c.Opened.Load()))
		}
	}
	return problems
}

// Whatever happens to cards, every image is right or has a clear error: of a caller
// who left, or because all cards are gone. No memory, session or goroutine is left.
func TestCardsFail(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := drawTrouble(r)
		var problems []string
		synctest.Test(t, func(t *testing.T) { problems = w.run(t) })
		if problems != nil {
			r.Fatal(strings.Join(problems, "\n"))
		}
	})
}
