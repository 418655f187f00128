package engine_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"math/rand"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// transparent is a PNG with an alpha plane of noise or of one value.
func transparent(t *testing.T, width, height int, even bool) []byte {
	t.Helper()
	noise := rand.New(rand.NewSource(int64(width)))
	in := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range in.Pix {
		if in.Pix[i] = uint8(noise.Int()); even && i%4 == 3 {
			in.Pix[i] = 90
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, in); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A device that streams rows makes the image that tiles make, planes and
// sizes whatever.
func TestStreamedEqualsTiled(t *testing.T) {
	t.Parallel()
	for _, multiple := range []int{1, 2} {
		net := enginetest.Net(3, 4, func(i *network.Info) { i.Multiple = multiple })
		for name, input := range map[string][]byte{
			"colour": file(t, noise(1, 63, 41, 3, 8)), "gray, 16 bits": file(t, noise(2, 50, 60, 1, 16)),
			"one pixel": file(t, noise(3, 1, 1, 3, 8)), "alpha": transparent(t, 45, 33, false), "even alpha": transparent(t, 45, 33, true),
		} {
			for _, scale := range []float64{3, 1.7, 9} {
				q := engine.Request{Input: input, Format: imagedata.PNG, Size: engine.Size{Scale: scale}}
				streams := &enginetest.Runtime{Streams: true}
				got, result, err := upscale(t, streams, net, q)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				q.Tile = 32
				want, _, err := upscale(t, &enginetest.Runtime{}, net, q)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s at %g, multiples of %d: streams and tiles differ", name, scale, multiple)
				}
				if result.Stats.Session <= 0 || result.Stats.Tiles == 0 {
					t.Errorf("%s: %+v", name, result.Stats)
				}
			}
		}
	}
}

// A stream that fails, an output that cannot be written and a caller who leaves
// end the image, with the reason and without leaks.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	input := transparent(t, 80, 90, false)
	broken := fault.New(fault.DeviceLost, "The device is gone.")
	r := &enginetest.Runtime{Streams: true, Before: func(context.Context) error { return broken }}
	if _, _, err := upscale(t, r, enginetest.Net(2, 2), engine.Request{Input: input}); fault.KindOf(err) != fault.DeviceLost {
		t.Errorf("a broken stream: %v", err)
	}
	e := engine.New(engine.Options{Runtime: &enginetest.Runtime{Streams: true}, Library: enginetest.Library{Network: enginetest.Net(2, 2)}})
	defer e.Close()
	full := errors.New("disk full")
	if _, err := e.Upscale(t.Context(), engine.Request{Input: input, Output: refusing{full}}); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := &enginetest.Runtime{Streams: true, Before: func(context.Context) error { cancel(); return nil }}
	leaving := engine.New(engine.Options{Runtime: gone, Library: enginetest.Library{Network: enginetest.Net(2, 2)}})
	defer leaving.Close()
	if _, err := leaving.Upscale(ctx, engine.Request{Input: input, Output: &bytes.Buffer{}}); fault.KindOf(err) != fault.Canceled {
		t.Errorf("a caller who leaves: %v", err)
	}
}

type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

// Pictures too wide for a stream are cut into strips, with the same result; into
// tiles where the overlap leaves nothing of strips.
func TestWidePicturesAreCut(t *testing.T) {
	t.Parallel()
	q := engine.Request{Input: file(t, noise(1, 90, 30, 3, 8)), Format: imagedata.PNG}
	want, _, err := upscale(t, &enginetest.Runtime{Streams: true, Widest: 90}, enginetest.Net(2, 4), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, widest := range []int{89, 40, 3} {
		got, _, err := upscale(t, &enginetest.Runtime{Streams: true, Widest: widest}, enginetest.Net(2, 4), q)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("they differ at %d, %v", widest, err)
		}
	}
}

// Alpha planes are cut as color is, and progress ends where it should.
func TestWidePicturesWithAlpha(t *testing.T) {
	t.Parallel()
	var last engine.Progress
	q := engine.Request{Input: transparent(t, 200, 150, false), Format: imagedata.PNG, Progress: func(p engine.Progress) {
		if p.Done < last.Done {
			t.Errorf("progress goes back from %d to %d", last.Done, p.Done)
		}
		last = p
	}}
	got, result, err := upscale(t, &enginetest.Runtime{Streams: true, Widest: 120}, enginetest.Net(2, 4), q)
	if err != nil {
		t.Fatal(err)
	}
	if last.Done != last.Total || last.Total != 2*200*150 || result.Stats.Tiles != 4 {
		t.Errorf("%+v, %+v", last, result.Stats)
	}
	q.Progress = nil
	want, _, err := upscale(t, &enginetest.Runtime{}, enginetest.Net(2, 4), q)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("they differ, %v", err)
	}
}

// Pictures that need all the memory for rows take turns, small ones run at once.
func TestStreamsShareMemory(t *testing.T) {
	t.Parallel()
	for widest, want := range map[int]int{40: 1, 40 * 20: 3} {
		synctest.Test(t, func(t *testing.T) {
			var running, most int
			var counting sync.Mutex
			count := func(by int) {
				counting.Lock()
				defer counting.Unlock()
				running += by
				most = max(most, running)
			}
			r := &enginetest.Runtime{Streams: true, Widest: widest, Before: func(context.Context) error {
				count(1)
				time.Sleep(time.Second) // of the test's own clock
				count(-1)
				return nil
			}}
			e := engine.New(engine.Options{Runtime: r, Library: enginetest.Library{Network: enginetest.Net(2, 2)}})
			input := file(t, noise(1, 40, 30, 3, 8))
			var pictures sync.WaitGroup
			for range 3 {
				pictures.Go(func() {
					if _, err := e.Upscale(t.Context(), engine.Request{Input: input, Output: &bytes.Buffer{}}); err != nil {
						t.Error(err)
					}
				})
			}
			pictures.Wait()
			e.Close()
			if most != want {
				t.Errorf("%d pictures run at once where one of %d pixels fills the memory, not %d", most, widest, want)
			}
		})
	}
}
