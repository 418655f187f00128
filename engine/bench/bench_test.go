package bench_test

import (
	"testing"

	"upscaled/engine"
	"upscaled/engine/bench"
	"upscaled/engine/enginetest"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	runtime, net := &enginetest.Runtime{}, enginetest.Net(2, 3)
	cases := []bench.Case{
		{Model: "a", Tile: 16, Net: net, Runtime: runtime},
		{Model: "a", Tile: 64, Net: net, Runtime: runtime},
		{Model: "a", Tile: 64, Net: net, Runtime: runtime, Reference: true},
	}
	ticks := 0
	timings, err := bench.Sessions(t.Context(), cases, 3, func(int, int) { ticks++ })
	if err != nil || len(timings) != 3 || ticks != 12 || runtime.Ran.Load() != 12 {
		t.Fatalf("%v, %v, %d ticks, %d runs", timings, err, ticks, runtime.Ran.Load())
	}
	if runtime.Closed.Load() != 3 {
		t.Errorf("%d of 3 sessions were closed", runtime.Closed.Load())
	}
	for _, m := range timings {
		if m.Milliseconds <= 0 || m.Fastest > m.Milliseconds || m.MegapixelsPerSecond <= 0 || m.Gigaflops <= 0 {
			t.Errorf("%+v", m)
		}
	}
	if best, found := bench.Best(timings, "a"); !found || best.Reference {
		t.Errorf("best: %+v", best)
	}
	if _, found := bench.Best(timings, "b"); found {
		t.Error("a model that was not timed has no best")
	}
}

func TestPicture(t *testing.T) {
	t.Parallel()
	photo, err := bench.Photo(120, 80)
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Options{Runtime: &enginetest.Runtime{}, Library: enginetest.Library{Network: enginetest.Net(4, 3)}})
	defer e.Close()
	w, err := bench.Image(t.Context(), e, engine.Request{Input: photo, Tile: 50}, bench.Timing{MicrosecondsPerPixel: 1e-3}, true)
	if err != nil {
		t.Fatal(err)
	}
	if w.OutputWidth != 480 || w.Overlap <= 1 || w.SessionShare <= 0 || w.SessionShare > 1 || w.AgainstBare <= 0 {
		t.Errorf("%+v", w)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	photo, err := bench.Photo(60, 40)
	if err != nil {
		t.Fatal(err)
	}
	runtime := &enginetest.Runtime{}
	e := engine.New(engine.Options{Runtime: runtime, Library: enginetest.Library{Network: enginetest.Net(2, 3)}})
	defer e.Close()
	b, err := bench.Batch(t.Context(), e, engine.Request{Input: photo}, 5, 2)
	if err != nil {
		t.Fatal(err)
	}
	if b.InputWidth != 60 || b.PicturesPerSecond <= 0 || b.BusyShare <= 0 || b.BusyShare > 1 || b.Gigaflops <= 0 || runtime.Ran.Load() != 6 {
		t.Errorf("%+v after %d runs", b, runtime.Ran.Load())
	}
}
