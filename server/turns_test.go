package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"image/color"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// One caller's long turns delay neither another's short turn nor, by more than the
// one that runs, another's long turn.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(2)
		began := time.Now()
		var mutex sync.Mutex
		var order []string
		var all sync.WaitGroup
		run := func(caller string, seconds float64) {
			all.Go(func() {
				release, err := turns.take(t.Context(), caller, seconds)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(seconds * float64(time.Second)))
				release()
				mutex.Lock()
				defer mutex.Unlock()
				order = append(order, fmt.Sprintf("%s %.1f", caller, time.Since(began).Seconds()))
			})
			synctest.Wait()
		}
		for range 4 {
			run("greedy", 4)
		}
		run("honest", 0.1)
		run("modest", 2)
		all.Wait()
		want := []string{"honest 0.1", "greedy 4.0", "modest 6.0", "greedy 10.0", "greedy 14.0", "greedy 18.0"}
		if !slices.Equal(order, want) {
			t.Errorf("%v, want %v", order, want)
		}
		if len(turns.booked) != 0 || turns.free != [2]int{2, 1} {
			t.Errorf("%v free, %v booked", turns.free, turns.booked)
		}
	})
}

// animated is a GIF of frames that cover its canvas.
func animated(t *testing.T, frames, side int) []byte {
	t.Helper()
	g := &gif.GIF{}
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 1)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, g); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// left is the context of a client that leaves after its turn has begun.
type left struct{ context.Context }

func (left) Err() error { return context.Canceled }

// Checks whose client has left end, waiting or between two frames.
func TestChecksEndWithTheirClient(t *testing.T) {
	t.Parallel()
	v := newImageValidator(imagedata.Limits{}, 1, "")
	if _, err := v.Validate(left{t.Context()}, animated(t, 2, 10)); !errors.Is(err, context.Canceled) {
		t.Errorf("a check whose client left: %v", err)
	}
	release, err := v.turns.take(t.Context(), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	leaving, leave := context.WithCancel(t.Context())
	defer leave()
	time.AfterFunc(10*time.Millisecond, leave)
	if _, err := v.turns.take(leaving, "", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a turn whose caller left: %v", err)
	}
	release()
	if info, err := v.Validate(t.Context(), animated(t, 2, 10)); err != nil || info.Frames != 2 {
		t.Errorf("%+v, %v", info, err)
	}
}

// Without a limit on pixels there is one on time.
func TestLongDecodes(t *testing.T) {
	t.Parallel()
	v := newImageValidator(imagedata.Limits{}, 1, "")
	file := animated(t, 1, 1)
	// The canvas of the header: 65535 pixels a side.
	copy(file[6:], []byte{0xff, 0xff, 0xff, 0xff})
	_, err := v.Validate(t.Context(), file)
	if fault.KindOf(err) != fault.TooLarge || !strings.Contains(fault.Sentence(err), "s and the limit is 60 s") {
		t.Errorf("%v", err)
	}
}
