package enginetest

import (
	"context"
	"math/rand"
	"slices"
	"sync"
	"testing"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// TestRuntime checks the contract of engine.Runtime and engine.Session with a
// network and a precision that the runtime can run. The runtime is used
// concurrently and is not closed.
func TestRuntime(t *testing.T, runtime engine.Runtime, net *network.Network, precision network.Precision) {
	t.Helper()
	if d := runtime.Device(); d.Kind == "" || d.Name == "" || d.Precision == "" {
		t.Errorf("the device is not described: %+v", d)
	}
	options := func(sample network.Sample, channels int) network.Options {
		return network.Options{
			Precision: precision, Sample: sample, Channels: channels, Borders: network.AllBorders,
		}
	}
	for _, sample := range []network.Sample{network.Uint8, network.Uint16} {
		for _, channels := range []int{1, 3} {
			session, err := runtime.Open(t.Context(), net, options(sample, channels))
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range [][2]int{{1, 1}, {2, 7}, {16, 16}, {33, 5}} {
				testRepeats(t, session, net.Info(), options(sample, channels), size[0], size[1])
			}
			closeTwice(t, session)
		}
	}
	session, err := runtime.Open(t.Context(), net, options(network.Uint8, 3))
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := session.(engine.Streamer); ok {
		testShare(t, s)
	}
	testMisuse(t, session, net.Info())
	testConcurrency(t, session, net.Info())
	testCancel(t, runtime, session, net)
	closeTwice(t, session)
	in, out := tile(net.Info(), options(network.Uint8, 3), 8, 8)
	if err := session.Run(t.Context(), in, out); fault.KindOf(err) != fault.Internal {
		t.Errorf("a run after Close: %v", err)
	}
}

// testShare checks that wider images hold more, and that the widest fit.
func testShare(t *testing.T, s engine.Streamer) {
	t.Helper()
	widest := min(s.Widest(), 1<<16) / 4 * 4
	last := 0.0
	for _, width := range []int{4, widest / 8 * 4, widest} {
		share := s.Share(width, 64)
		if share <= last || share > 1 {
			t.Errorf("an image %d pixels wide, of at most %d, takes %v of the memory", width, widest, share)
		}
		last = share
	}
}

func closeTwice(t *testing.T, s engine.Session) {
	t.Helper()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// tile makes an input with reproducible noise and room for its output.
func tile(f network.Info, o network.Options, width, height int) (in, out imagedata.Raster) {
	depth := 8
	if o.Sample == network.Uint16 {
		depth = 16
	}
	width, height = width*f.Multiple, height*f.Multiple
	if f.FixedWidth > 0 {
		width, height = f.FixedWidth, f.FixedHeight
	}
	in = imagedata.NewRaster(width, height, o.Channels, depth)
	noise := rand.New(rand.NewSource(int64(width*1000 + height)))
	for i := range in.Pix {
		in.Pix[i] = uint8(noise.Int())
	}
	for i := range in.Pix16 {
		in.Pix16[i] = uint16(noise.Int())
	}
	w, h := engine.OutputSize(f, o.Borders, width, height)
	return in, imagedata.NewRaster(w, h, o.Channels, depth)
}

// testRepeats: the same input has the same output, and inputs stay as they are.
func testRepeats(t *testing.T, s engine.Session, f network.Info, o network.Options, width, height int) {
	t.Helper()
	in, first := tile(f, o, width, height)
	before, _ := tile(f, o, width, height)
	_, second := tile(f, o, width, height)
	for _, out := range []imagedata.Raster{first, second} {
		if err := s.Run(t.Context(), in, out); err != nil {
			t.Fatalf("%dx%d: %v", width, height, err)
		}
	}
	if !equal(first, second) {
		t.Errorf("%dx%d: two runs differ", width, height)
	}
	if !equal(in, before) {
		t.Errorf("%dx%d: the input was changed", width, height)
	}
}

func equal(a, b imagedata.Raster) bool {
	return slices.Equal(a.Pix, b.Pix) && slices.Equal(a.Pix16, b.Pix16)
}

// testMisuse: buffers that do not fit are refused, never overrun.
func testMisuse(t *testing.T, s engine.Session, f network.Info) {
	t.Helper()
	o := network.Options{Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
	in, out := tile(f, o, 8, 8)
	gray, deep := o, o
	gray.Channels, deep.Sample = 1, network.Uint16
	grayIn, _ := tile(f, gray, 8, 8)
	_, deepOut := tile(f, deep, 8, 8)
	short := out
	short.Pix = out.Pix[:len(out.Pix)-1]
	small := imagedata.NewRaster(out.Width-1, out.Height, 3, 8)
	for name, pair := range map[string][2]imagedata.Raster{
		"channels": {grayIn, out}, "depth": {in, deepOut}, "short": {in, short}, "size": {in, small},
		"empty": {imagedata.Raster{Channels: 3}, imagedata.Raster{Channels: 3}},
	} {
		if err := s.Run(t.Context(), pair[0], pair[1]); fault.KindOf(err) != fault.Internal {
			t.Errorf("%s that do not fit: %v", name, err)
		}
	}
}

func testConcurrency(t *testing.T, s engine.Session, f network.Info) {
	t.Helper()
	o := network.Options{Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
	in, want := tile(f, o, 24, 24)
	if err := s.Run(t.Context(), in, want); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			_, out := tile(f, o, 24, 24)
			if err := s.Run(context.Background(), in, out); err != nil || !equal(out, want) {
				t.Errorf("a run beside others: equal %v, %v", equal(out, want), err)
			}
		})
	}
	group.Wait()
}

func testCancel(t *testing.T, r engine.Runtime, s engine.Session, net *network.Network) {
	t.Helper()
	o := network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, out := tile(net.Info(), o, 8, 8)
	if err := s.Run(ctx, in, out); fault.KindOf(err) != fault.Canceled {
		t.Errorf("a canceled run: %v", err)
	}
	if _, err := r.Open(ctx, net, o); fault.KindOf(err) != fault.Canceled {
		t.Errorf("a canceled open: %v", err)
	}
	if err := s.Run(t.Context(), in, out); err != nil {
		t.Errorf("the run after a canceled one: %v", err)
	}
}
