package engine_test

import (
	"context"
	"fmt"
	"io"
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

// sheet is an image without a file. It is decoded and encoded in the time that its
// test says, and keeps the rows.
type sheet struct {
	in             imagedata.Raster
	decode, encode time.Duration // encode is for each band
	read           bool
	out            []uint8
}

func (s *sheet) Info() imagedata.Info {
	return imagedata.Info{Format: imagedata.PNG, Width: s.in.Width, Height: s.in.Height, Channels: s.in.Channels, Depth: 8, Frames: 1}
}

func (s *sheet) Notes() []string { return nil }

func (s *sheet) Next() (imagedata.Frame, error) {
	if s.read {
		return imagedata.Frame{}, io.EOF
	}
	s.read = true
	time.Sleep(s.decode)
	return imagedata.Frame{Color: s.in}, nil
}

func (s *sheet) BeginFrame(time.Duration) error { return nil }

func (s *sheet) WriteBand(color imagedata.Raster, _ *imagedata.Raster) error {
	time.Sleep(s.encode)
	s.out = append(s.out, color.Pix...)
	return nil
}

func (s *sheet) Close() error { return nil }

// bright is noise that no model makes black.
func bright(seed int64, width, height int) imagedata.Raster {
	r := noise(seed, width, height, 1, 8)
	for i, v := range r.Pix {
		r.Pix[i] = 64 + v%192
	}
	return r
}

// right compares what was made of a sheet with the untiled image.
func (s *sheet) right(info network.Info) error {
	want := imagedata.NewRaster(s.in.Width*info.Scale, s.in.Height*info.Scale, s.in.Channels, 8)
	enginetest.Compute(info, network.AllBorders, s.in, want)
	if string(want.Pix) != string(s.out) {
		return fmt.Errorf("%dx%d pixels are not the untiled image", s.in.Width, s.in.Height)
	}
	return nil
}

// engineOn returns an engine on simulated cards with tiles of 128x128 pixels at most.
func engineOn(net *network.Network, cards ...*enginetest.Runtime) *engine.Engine {
	o := engine.Options{
		Runtime: cards[0], Library: enginetest.Library{Network: net},
		Tuning: func(*network.Network) engine.Tuning { return engine.Tuning{TilePixels: 128 * 128} },
	}
	for _, c := range cards[1:] {
		o.Others = append(o.Others, c)
	}
	return engine.New(o)
}

// usual returns the speed of a card that computes a tile of 128x128 gray pixels in
// 100 ms and copies it in a quarter of that.
func usual() enginetest.Speed {
	return enginetest.Speed{Open: 500 * time.Millisecond, Megapixel: 6100 * time.Millisecond, Copy: 300 * time.Millisecond}
}

func card(speed enginetest.Speed) *enginetest.Runtime {
	return &enginetest.Runtime{Static: true, Parallel: 2, Precision: network.Float16, Speed: speed, Memory: 200e6}
}

// batch runs sheets, some at once, and returns how long it takes.
func batch(ctx context.Context, e *engine.Engine, sheets []*sheet, atOnce int) (time.Duration, []error) {
	began, errs := time.Now(), make([]error, len(sheets))
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, s := range sheets {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			_, errs[i] = e.Upscale(ctx, engine.Request{Source: s, Encoder: s})
		})
	}
	all.Wait()
	return time.Since(began), errs
}

func mixed(seed int64, count int) []*sheet {
	source, sheets := rand.New(rand.NewSource(seed)), make([]*sheet, count)
	for i := range sheets {
		sheets[i] = &sheet{in: bright(int64(i), 40+source.Intn(360), 40+source.Intn(360)), decode: 30 * time.Millisecond, encode: 10 * time.Millisecond}
	}
	return sheets
}

// checkAll checks what became of sheets.
func checkAll(t *testing.T, net *network.Network, sheets []*sheet, errs []error) {
	t.Helper()
	for i, err := range errs {
		if err == nil {
			err = sheets[i].right(net.Info())
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// With four images at once per card, cards compute more than 90 % of the time that a
// batch of 100 photos of mixed sizes takes, and hide their copies.
func TestCardsAreBusy(t *testing.T) {
	t.Parallel()
	net := enginetest.Net(2, 4)
	for _, n := range []int{1, 2, 4} {
		if n != 2 && testing.Short() {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			cards := make([]*enginetest.Runtime, n)
			for i := range cards {
				cards[i] = card(usual())
			}
			e, sheets := engineOn(net, cards...), mixed(1, 100)
			spent, errs := batch(t.Context(), e, sheets, 4*n)
			e.Close()
			checkAll(t, net, sheets, errs)
			for i, c := range cards {
				f := c.Figures()
				busy, hidden := 100*f.Busy.Seconds()/spent.Seconds(), 100*f.Hidden.Seconds()/f.Copying.Seconds()
				t.Logf("card %d of %d: %.1f s, busy %.1f %%, copies hidden %.1f %%, %d tiles, %d sessions opened",
					i+1, n, spent.Seconds(), busy, hidden, c.Ran.Load(), c.Opened.Load())
				if floor := map[int]float64{1: 90, 2: 90, 4: 85}[n]; busy < floor || hidden < 80 || c.Refused.Load() > 0 {
					t.Errorf("busy %.1f %%, copies hidden %.1f %%, memory refused %d times", busy, hidden, c.Refused.Load())
				}
			}
		})
	}
}

// Cards of different speeds are all busy until the end, whatever opening and copying
// take.
func TestUnequalCardsAreBusy(t *testing.T) {
	t.Parallel()
	net, seeds := enginetest.Net(2, 4), 10
	if testing.Short() {
		seeds = 2
	}
	worst, hidden := 100.0, 100.0
	for seed := range int64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewSource(seed))
			cards := make([]*enginetest.Runtime, 1+random.Intn(4))
			for i := range cards {
				speed := usual()
				speed.Open = time.Duration(random.Intn(800)) * time.Millisecond
				speed.Megapixel *= time.Duration(1 + random.Intn(4))
				speed.Copy *= time.Duration(1 + random.Intn(3))
				cards[i] = card(speed)
				cards[i].Parallel = 2 + random.Intn(2)
			}
			e, sheets := engineOn(net, cards...), mixed(seed, 24*len(cards))
			spent, errs := batch(t.Context(), e, sheets, 4*len(cards))
			e.Close()
			checkAll(t, net, sheets, errs)
			for _, c := range cards {
				f := c.Figures()
				worst = min(worst, 100*f.Busy.Seconds()/spent.Seconds())
				hidden = min(hidden, 100*f.Hidden.Seconds()/f.Copying.Seconds())
			}
		})
	}
	t.Logf("busy at least %.1f %%, copies hidden at least %.1f %%", worst, hidden)
	if worst < 70 || hidden < 65 {
		t.Errorf("busy %.1f %%, copies hidden %.1f %%", worst, hidden)
	}
}

// A thumbnail waits for the tiles of a poster that are on the card already, however
// many the poster has queued.
func TestThumbnailBehindPoster(t *testing.T) {
	t.Parallel()
	net := enginetest.Net(2, 4)
	for posters := 1; posters <= 3; posters++ {
		synctest.Test(t, func(t *testing.T) {
			c := card(usual())
			e := engineOn(net, c)
			var all sync.WaitGroup
			for i := range posters {
				all.Go(func() {
					if _, err := e.Upscale(t.Context(), request(&sheet{in: bright(int64(i), 1200, 900)})); err != nil {
						t.Error(err)
					}
				})
			}
			small := func() time.Duration {
				began := time.Now()
				if _, err := e.Upscale(t.Context(), request(&sheet{in: bright(9, 32, 32)})); err != nil {
					t.Error(err)
				}
				return time.Since(began)
			}
			small() // opens its session
			worst := time.Duration(0)
			for range 20 {
				worst = max(worst, small())
				time.Sleep(37 * time.Millisecond)
			}
			all.Wait()
			e.Close()
			tile := (usual().Megapixel + usual().Copy*(1+4)) * 128 * 128 / 1e6
			t.Logf("behind %d posters: %v, %.2f tile times", posters, worst, worst.Seconds()/tile.Seconds())
			if most := time.Duration(max(2, posters)) * tile; worst > most {
				t.Errorf("a thumbnail took %v behind %d posters; a tile takes %v", worst, posters, tile)
			}
		})
	}
}

// When half of its memory is taken away under way, no image fails.
func TestMemoryHalvedUnderWay(t *testing.T) {
	t.Parallel()
	net := enginetest.Net(2, 4)
	synctest.Test(t, func(t *testing.T) {
		c := card(usual())
		c.Memory = 60e6
		e, sheets := engineOn(net, c), mixed(2, 30)
		defer time.AfterFunc(3*time.Second, func() { c.SetMemory(30e6) }).Stop()
		spent, errs := batch(t.Context(), e, sheets, 4)
		e.Close()
		checkAll(t, net, sheets, errs)
		t.Logf("%.1f s, refused %d times", spent.Seconds(), c.Refused.Load())
		if c.Refused.Load() == 0 {
			t.Error("there was memory all the time")
		}
	})
}

// An image that waits for a session is not canceled with the one that opens it.
func TestCanceledBeside(t *testing.T) {
	t.Parallel()
	net := enginetest.Net(2, 4)
	synctest.Test(t, func(t *testing.T) {
		e, other := engineOn(net, card(usual())), &sheet{in: bright(2, 90, 90)}
		ctx, cancel := context.WithTimeout(t.Context(), usual().Open/2)
		defer cancel()
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := e.Upscale(ctx, request(&sheet{in: bright(1, 90, 90)})); fault.KindOf(err) != fault.Canceled {
				t.Errorf("the canceled image: %v", err)
			}
		})
		synctest.Wait() // the session is being opened
		both.Go(func() {
			_, err := e.Upscale(t.Context(), request(other))
			checkAll(t, net, []*sheet{other}, []error{err})
		})
		both.Wait()
		e.Close()
	})
}

// When one of two cards is lost, the other one makes all images.
func TestOneCardLost(t *testing.T) {
	t.Parallel()
	net := enginetest.Net(2, 4)
	for lost := range 2 {
		synctest.Test(t, func(t *testing.T) {
			cards := []*enginetest.Runtime{card(usual()), card(usual())}
			e, sheets := engineOn(net, cards...), mixed(3, 30)
			defer time.AfterFunc(2*time.Second, cards[lost].Lose).Stop()
			_, errs := batch(t.Context(), e, sheets, 8)
			devices := e.Devices()
			e.Close()
			checkAll(t, net, sheets, errs)
			if !devices[lost].Lost || devices[1-lost].Lost {
				t.Errorf("%+v", devices)
			}
		})
	}
}

func request(s *sheet) engine.Request { return engine.Request{Source: s, Encoder: s} }
