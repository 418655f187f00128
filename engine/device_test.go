package engine_test

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Several devices with several tiles each produce exactly the image that one
// produces, all of them work, and their memory is freed.
func TestDevicesShareAPicture(t *testing.T) {
	t.Parallel()
	net := enginetest.Net(2, 5)
	in := noise(4, 700, 500, 3, 8)
	request := func() (engine.Request, *bytes.Buffer) {
		var out bytes.Buffer
		return engine.Request{Input: file(t, in), Output: &out, Format: imagedata.PNG, Tile: 100}, &out
	}
	lone := engine.New(engine.Options{Runtime: &enginetest.Runtime{}, Library: enginetest.Library{Network: net}})
	defer lone.Close()
	q, want := request()
	if _, err := lone.Upscale(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	// A tile waits until more run than fit on one device, so that both must be at work.
	var meeting sync.WaitGroup
	meeting.Add(3)
	var arrived atomic.Int64
	meet := func(context.Context) error {
		if arrived.Add(1) <= 3 {
			meeting.Done()
			meeting.Wait()
		}
		return nil
	}
	first := &enginetest.Runtime{Static: true, Parallel: 2, Before: meet}
	second := &enginetest.Runtime{Static: true, Parallel: 2, Before: meet}
	both := engine.New(engine.Options{Runtime: first, Others: []engine.Runtime{second}, Library: enginetest.Library{Network: net}})
	q, got := request()
	if _, err := both.Upscale(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if !equal(decoded(t, got), decoded(t, want)) {
		t.Error("two devices make another picture than one")
	}
	if first.Ran.Load() == 0 || second.Ran.Load() == 0 {
		t.Errorf("%d and %d tiles", first.Ran.Load(), second.Ran.Load())
	}
	for _, d := range both.Devices() {
		if d.Busy <= 0 {
			t.Errorf("a device was busy for %v", d.Busy)
		}
	}
	both.Close()
	if left := first.Pinned.Load(); left != 0 {
		t.Errorf("%d buffers were not freed", left)
	}
	if first.Opened.Load() != 1 || first.Closed.Load() != 1 {
		t.Errorf("%d sessions opened for one shape, %d closed", first.Opened.Load(), first.Closed.Load())
	}
}

func decoded(t *testing.T, b *bytes.Buffer) imagedata.Raster { return first(t, b.Bytes()).Color }

// A device that loses its memory to sessions of other shapes gets them closed
// before tiles shrink; one that is too small gets smaller tiles.
func TestStaticDeviceMemory(t *testing.T) {
	t.Parallel()
	r := &enginetest.Runtime{Static: true, Memory: 12_000_000, Secret: true}
	in := noise(5, 400, 300, 3, 8)
	data, result, err := upscale(t, r, enginetest.Net(2, 4), engine.Request{Input: file(t, in), Format: imagedata.PNG})
	if err != nil {
		t.Fatal(err)
	}
	if r.Refused.Load() == 0 {
		t.Errorf("the first try was %dx%d already", result.Stats.TileWidth, result.Stats.TileHeight)
	}
	if !equal(first(t, data).Color, untiled(enginetest.Net(2, 4).Info(), in, 800, 600)) {
		t.Error("the picture differs")
	}
}

// A lost device is reported as such, and nothing computes in its place.
func TestLostDevice(t *testing.T) {
	t.Parallel()
	r := &enginetest.Runtime{Static: true}
	lose := sync.OnceFunc(r.Lose)
	r.Before = func(context.Context) error { lose(); return nil }
	_, _, err := upscale(t, r, enginetest.Net(2, 4), engine.Request{Input: file(t, noise(5, 90, 80, 3, 8))})
	if fault.KindOf(err) != fault.DeviceLost || r.Ran.Load() != 0 {
		t.Errorf("%v after %d runs", err, r.Ran.Load())
	}
}

// What was measured decides the tiles.
func TestTuning(t *testing.T) {
	t.Parallel()
	for _, pixels := range []int{64 * 64, 200 * 200} {
		e := engine.New(engine.Options{
			Runtime: &enginetest.Runtime{Static: true}, Library: enginetest.Library{Network: enginetest.Net(2, 4)},
			Tuning: func(*network.Network) engine.Tuning { return engine.Tuning{TilePixels: pixels} },
		})
		var out bytes.Buffer
		result, err := e.Upscale(t.Context(), engine.Request{Input: file(t, noise(6, 300, 300, 3, 8)), Output: &out})
		e.Close()
		if seen := result.Stats.TileWidth * result.Stats.TileHeight; err != nil || seen > pixels || seen < pixels/3 {
			t.Errorf("tiles of %d pixels, %v, for %d", seen, err, pixels)
		}
	}
}

// A tile of which only a part turned black is run again, a dark one is not.
func TestPartlyBlackTiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dark  bool
		opens int64
	}{"bright": {false, 2}, "dark": {true, 1}} {
		in := imagedata.NewRaster(64, 64, 3, 8)
		for i := range in.Pix {
			if in.Pix[i] = 200; test.dark {
				in.Pix[i] = 0
			}
		}
		in.Pix[0] = 1 // not one constant tile
		r := &enginetest.Runtime{Precision: network.Float16, Black: 1}
		if _, _, err := upscale(t, r, enginetest.Net(2, 2), engine.Request{Input: file(t, in)}); err != nil {
			t.Fatal(err)
		}
		if r.Opened.Load() != test.opens {
			t.Errorf("%s: %d sessions", name, r.Opened.Load())
		}
	}
}

// Sessions of shapes that are no longer used free a GPU's memory after a while;
// the one used last stays, so that the next image need not wait.
func TestIdleSessionsClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &enginetest.Runtime{Static: true}
		e := engine.New(engine.Options{Runtime: r, Library: enginetest.Library{Network: enginetest.Net(2, 2)}})
		for _, side := range []int{64, 96, 128} {
			var out bytes.Buffer
			if _, err := e.Upscale(t.Context(), engine.Request{Input: file(t, noise(1, side, side, 3, 8)), Output: &out, Format: imagedata.PNG}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour) // of the test's own clock
		synctest.Wait()
		if opened, closed := r.Opened.Load(), r.Closed.Load(); opened != 3 || closed != 2 {
			t.Errorf("%d sessions opened, %d closed while idle", opened, closed)
		}
		e.Close()
		if r.Closed.Load() != 3 {
			t.Errorf("%d of 3 closed in the end", r.Closed.Load())
		}
	})
}
