package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math/rand"
	"slices"
	"sync"
	"testing"
	"testing/quick"

	"go.uber.org/goleak"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/resize"
	"upscaled/models/fault"
	"upscaled/models/network"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noise is a reproducible raster.
func noise(seed int64, width, height, channels, depth int) imagedata.Raster {
	r := imagedata.NewRaster(width, height, channels, depth)
	source := rand.New(rand.NewSource(seed))
	for i := range r.Pix {
		r.Pix[i] = uint8(source.Int())
	}
	for i := range r.Pix16 {
		r.Pix16[i] = uint16(source.Int())
	}
	return r
}

// file is a PNG of a raster.
func file(t testing.TB, r imagedata.Raster) []byte {
	t.Helper()
	var picture image.Image
	box := image.Rect(0, 0, r.Width, r.Height)
	switch {
	case r.Channels == 1 && r.Pix16 == nil:
		picture = &image.Gray{Pix: r.Pix, Stride: r.Width, Rect: box}
	case r.Channels == 1:
		gray := image.NewGray16(box)
		for i, v := range r.Pix16 {
			gray.Pix[2*i], gray.Pix[2*i+1] = uint8(v>>8), uint8(v)
		}
		picture = gray
	case r.Pix16 == nil:
		color := image.NewNRGBA(box)
		for i := range r.Width * r.Height {
			copy(color.Pix[4*i:], r.Pix[3*i:3*i+3])
			color.Pix[4*i+3] = 255
		}
		picture = color
	default:
		color := image.NewNRGBA64(box)
		for i := range r.Width * r.Height {
			for c := range 3 {
				color.Pix[8*i+2*c], color.Pix[8*i+2*c+1] = uint8(r.Pix16[3*i+c]>>8), uint8(r.Pix16[3*i+c])
			}
			color.Pix[8*i+6], color.Pix[8*i+7] = 255, 255
		}
		picture = color
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// first decodes the first frame of a file.
func first(t testing.TB, data []byte) imagedata.Frame {
	t.Helper()
	d, err := decode.Open(data, imagedata.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func equal(a, b imagedata.Raster) bool {
	return a.Width == b.Width && a.Height == b.Height && slices.Equal(a.Pix, b.Pix) && slices.Equal(a.Pix16, b.Pix16)
}

// upscale runs one request on a fake runtime.
func upscale(t testing.TB, r engine.Runtime, net *network.Network, q engine.Request) ([]byte, engine.Result, error) {
	t.Helper()
	e := engine.New(engine.Options{Runtime: r, Library: enginetest.Library{Network: net}})
	defer e.Close()
	var out bytes.Buffer
	q.Output = &out
	result, err := e.Upscale(context.Background(), q)
	return out.Bytes(), result, err
}

// Any image, network, tile size and scale: the size is exact and the image
// equals the untiled one, resized at once.
func TestTiledEqualsUntiled(t *testing.T) {
	t.Parallel()
	check := func(seed int64) bool {
		random := rand.New(rand.NewSource(seed))
		net := enginetest.Net(1+random.Intn(4), 1+random.Intn(12), func(i *network.Info) {
			if i.Trims = random.Intn(2) == 0; !i.Trims {
				i.Multiple = 1 + random.Intn(2)
			}
		})
		facts := net.Info()
		depth, channels := 8*(1+random.Intn(2)), 1+2*random.Intn(2)
		in := noise(seed, 1+random.Intn(700)/facts.Scale, 1+random.Intn(700)/facts.Scale, channels, depth)
		q := engine.Request{Input: file(t, in), Format: imagedata.PNG, Tile: 24 + random.Intn(200)}
		if random.Intn(2) == 0 {
			q.Size.Scale = 0.2 + random.Float64()*float64(facts.Scale)
		}
		device := &enginetest.Runtime{Static: random.Intn(2) == 0, Parallel: random.Intn(4), Streams: true}
		data, result, err := upscale(t, device, net, q)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			return false
		}
		want := untiled(net.Info(), in, result.Output.Width, result.Output.Height)
		got := first(t, data).Color
		if !equal(got, want) {
			t.Errorf("seed %d: %dx%d through %s at tile %d to %dx%d differs",
				seed, in.Width, in.Height, net.ID(), q.Tile, want.Width, want.Height)
		}
		return !t.Failed()
	}
	count := 40
	if testing.Short() {
		count = 10
	}
	if err := quick.Check(check, &quick.Config{MaxCount: count, Rand: rand.New(rand.NewSource(1))}); err != nil {
		t.Error(err)
	}
}

// untiled computes chained passes and the resize on whole images.
func untiled(f network.Info, in imagedata.Raster, width, height int) imagedata.Raster {
	for {
		out := enlarged(f, in)
		if f.Scale == 1 || out.Width >= width && out.Height >= height {
			return resize.Whole(out, width, height)
		}
		in = resize.Whole(out, max(in.Width, (width+f.Scale-1)/f.Scale), max(in.Height, (height+f.Scale-1)/f.Scale))
	}
}

// enlarged is one untiled pass. Sides that are no multiple are reflected, as in the
// published program.
func enlarged(f network.Info, in imagedata.Raster) imagedata.Raster {
	wide := (in.Width + f.Multiple - 1) / f.Multiple * f.Multiple
	high := (in.Height + f.Multiple - 1) / f.Multiple * f.Multiple
	padded := imagedata.NewRaster(wide, high, in.Channels, in.Depth())
	for y := range high {
		for x := range wide {
			from, to := (mirror(y, in.Height)*in.Width+mirror(x, in.Width))*in.Channels, (y*wide+x)*in.Channels
			for c := range in.Channels {
				if in.Pix16 != nil {
					padded.Pix16[to+c] = in.Pix16[from+c]
				} else {
					padded.Pix[to+c] = in.Pix[from+c]
				}
			}
		}
	}
	whole := imagedata.NewRaster(wide*f.Scale, high*f.Scale, in.Channels, in.Depth())
	enginetest.Compute(f, network.AllBorders, padded, whole)
	out := imagedata.NewRaster(in.Width*f.Scale, in.Height*f.Scale, in.Channels, in.Depth())
	row := out.Width * out.Channels
	for y := range out.Height {
		if in.Pix16 != nil {
			copy(out.Pix16[y*row:(y+1)*row], whole.Pix16[y*whole.Width*whole.Channels:])
		} else {
			copy(out.Pix[y*row:(y+1)*row], whole.Pix[y*whole.Width*whole.Channels:])
		}
	}
	return out
}

func TestSizes(t *testing.T) {
	t.Parallel()
	input := file(t, noise(1, 60, 40, 3, 8))
	for _, c := range []struct {
		size          engine.Size
		width, height int
	}{
		{engine.Size{}, 240, 160},
		{engine.Size{Scale: 0.1}, 6, 4},
		{engine.Size{Scale: 16}, 960, 640},
		{engine.Size{Scale: 2.5}, 150, 100},
		{engine.Size{Width: 100}, 100, 67},
		{engine.Size{Height: 1}, 2, 1},
		{engine.Size{Width: 33, Height: 77}, 33, 77},
		{engine.Size{Longest: 1024}, 1024, 683},
		{engine.Size{FitWidth: 300, FitHeight: 50}, 75, 50},
	} {
		data, _, err := upscale(t, &enginetest.Runtime{}, enginetest.Net(4, 2), engine.Request{Input: input, Size: c.size})
		if err != nil {
			t.Errorf("%+v: %v", c.size, err)
			continue
		}
		if got := first(t, data).Color; got.Width != c.width || got.Height != c.height {
			t.Errorf("%+v gives %dx%d, want %dx%d", c.size, got.Width, got.Height, c.width, c.height)
		}
	}
	for _, wrong := range []engine.Size{{Scale: 0.01}, {Scale: 17}, {Scale: 2, Width: 3}, {FitWidth: 3}, {Width: -1}, {Longest: 1 << 30}} {
		if _, _, err := upscale(t, &enginetest.Runtime{}, enginetest.Net(4, 2), engine.Request{Input: input, Size: wrong}); err == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
}

// When the device is full, what is left is planned smaller, and the image is
// still the untiled one.
func TestDeviceMemory(t *testing.T) {
	t.Parallel()
	for _, trims := range []bool{false, true} {
		net := enginetest.Net(2, 3, func(i *network.Info) { i.Trims = trims })
		in := noise(3, 500, 400, 3, 8)
		r := &enginetest.Runtime{Memory: 9_000_000, Secret: true}
		data, _, err := upscale(t, r, net, engine.Request{Input: file(t, in)})
		if err != nil {
			t.Fatal(err)
		}
		if !equal(first(t, data).Color, untiled(net.Info(), in, 1000, 800)) {
			t.Error("a smaller plan changes the picture")
		}
		if r.Opened.Load() != r.Closed.Load() {
			t.Errorf("%d sessions opened, %d closed", r.Opened.Load(), r.Closed.Load())
		}
	}
	_, _, err := upscale(t, &enginetest.Runtime{Memory: 10_000, Secret: true}, enginetest.Net(2, 3), engine.Request{Input: file(t, noise(3, 90, 90, 3, 8))})
	if fault.KindOf(err) != fault.DeviceMemory {
		t.Errorf("a device without any memory: %v", err)
	}
}

func TestBlackTilesRunAgain(t *testing.T) {
	t.Parallel()
	net, in := enginetest.Net(2, 3), noise(4, 50, 50, 3, 8)
	r := &enginetest.Runtime{Black: 1, Precision: network.Float16}
	data, _, err := upscale(t, r, net, engine.Request{Input: file(t, in)})
	if err != nil {
		t.Fatal(err)
	}
	if !equal(first(t, data).Color, untiled(net.Info(), in, 100, 100)) {
		t.Error("the tile stayed black")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := &enginetest.Runtime{}
	r.Before = func(context.Context) error {
		if r.Ran.Load() == 3 {
			cancel()
		}
		return nil
	}
	e := engine.New(engine.Options{Runtime: r, Library: enginetest.Library{Network: enginetest.Net(2, 3)}})
	defer e.Close()
	_, err := e.Upscale(ctx, engine.Request{Input: file(t, noise(5, 300, 300, 3, 8)), Output: &bytes.Buffer{}, Tile: 50})
	if fault.KindOf(err) != fault.Canceled || r.Ran.Load() > 4 {
		t.Errorf("%v after %d tiles", err, r.Ran.Load())
	}
}

type brokenWriter struct{ left int }

var errFull = errors.New("disk full")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	e := engine.New(engine.Options{Runtime: &enginetest.Runtime{}, Library: enginetest.Library{Network: enginetest.Net(2, 3)}})
	defer e.Close()
	for _, left := range []int{0, 100, 5000} {
		_, err := e.Upscale(t.Context(), engine.Request{Input: file(t, noise(5, 300, 300, 3, 8)), Output: &brokenWriter{left}, Tile: 50})
		if !errors.Is(err, errFull) {
			t.Errorf("after %d bytes: %v", left, err)
		}
	}
}

// Pictures that run at once get the device in turn: a small one does not wait
// for all of a large one.
func TestTilesTakeTurns(t *testing.T) {
	t.Parallel()
	r := &enginetest.Runtime{}
	e := engine.New(engine.Options{Runtime: r, Library: enginetest.Library{Network: enginetest.Net(2, 3)}})
	defer e.Close()
	large, small := file(t, noise(6, 900, 900, 3, 8)), file(t, noise(7, 40, 40, 3, 8))
	started, once := make(chan struct{}), sync.Once{}
	r.Before = func(context.Context) error { once.Do(func() { close(started) }); return nil }
	done := make(chan error)
	go func() {
		_, err := e.Upscale(context.Background(), engine.Request{Input: large, Output: &bytes.Buffer{}, Tile: 40})
		done <- err
	}()
	<-started
	if _, err := e.Upscale(t.Context(), engine.Request{Input: small, Output: &bytes.Buffer{}}); err != nil {
		t.Fatal(err)
	}
	ran := r.Ran.Load()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if ran > r.Ran.Load()/2 {
		t.Errorf("the small picture was done after %d of %d tiles", ran, r.Ran.Load())
	}
}

func ExampleEngine_Upscale() {
	e := engine.New(engine.Options{
		Runtime: &enginetest.Runtime{}, // engine/ort.Open in real life
		Library: enginetest.Library{Network: enginetest.Net(4, 2)},
		Limits:  imagedata.DefaultLimits(),
	})
	defer e.Close()
	var in, out bytes.Buffer
	_ = png.Encode(&in, image.NewGray(image.Rect(0, 0, 30, 20)))
	result, err := e.Upscale(context.Background(), engine.Request{
		Input: in.Bytes(), Output: &out, Size: engine.Size{Width: 75},
	})
	fmt.Println(result.Output.Width, result.Output.Height, err)
	// Output: 75 50 <nil>
}

// A image above MaxInputWidth is reduced first, and the factor then counts
// from the reduced size; narrower ones are left alone.
func TestMaxInputWidth(t *testing.T) {
	t.Parallel()
	net := enginetest.Net(2, 3)
	wide := noise(5, 90, 40, 3, 8)
	request := engine.Request{Input: file(t, wide), MaxInputWidth: 60, Size: engine.Size{Scale: 2}}
	got, result, err := upscale(t, &enginetest.Runtime{}, net, request)
	if err != nil || result.Output.Width != 120 || result.Output.Height != 54 {
		t.Fatalf("%dx%d, %v; want 120x54", result.Output.Width, result.Output.Height, err)
	}
	request = engine.Request{Input: file(t, resize.Whole(wide, 60, 27)), Size: engine.Size{Scale: 2}}
	want, _, err := upscale(t, &enginetest.Runtime{}, net, request)
	if err != nil || !equal(first(t, got).Color, first(t, want).Color) {
		t.Errorf("reducing first and reducing within differ: %v", err)
	}
	request.MaxInputWidth = 60
	if same, _, err := upscale(t, &enginetest.Runtime{}, net, request); err != nil || !bytes.Equal(same, want) {
		t.Errorf("a picture of the limit's width changed: %v", err)
	}
}
