package decode

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"testing"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// gifFixture encodes frames of palette indices: 0 clear, 1 red, 2 green.
func gifFixture(t testing.TB, g *gif.GIF) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, g); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func indexed(rect image.Rectangle, clear bool, pixels ...uint8) *image.Paletted {
	first := color.RGBA{0, 0, 0, 255}
	if clear {
		first = color.RGBA{}
	}
	img := image.NewPaletted(rect, color.Palette{first, color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}})
	copy(img.Pix, pixels)
	return img
}

func TestAnimatedGIF(t *testing.T) {
	t.Parallel()
	canvas := image.Rect(0, 0, 2, 1)
	info, frames := all(t, gifFixture(t, &gif.GIF{
		Image: []*image.Paletted{
			indexed(canvas, true, 1, 0),
			indexed(canvas, true, 0, 2),               // lets red show through
			indexed(image.Rect(0, 0, 1, 1), true, 2),  // reverted afterwards
			indexed(image.Rect(1, 0, 2, 1), false, 0), // black, cleared afterwards
			indexed(image.Rect(0, 0, 1, 1), true, 0),  // shows nothing new
		},
		Delay:     []int{5, 0, 1, 100, 7},
		Disposal:  []byte{gif.DisposalNone, 0, gif.DisposalPrevious, gif.DisposalBackground, 0},
		LoopCount: 4,
		Config:    image.Config{Width: 2, Height: 1},
	}))
	if info.Frames != 5 || info.Loop != 5 || !info.Alpha || info.Channels != 3 {
		t.Fatalf("info = %+v", info)
	}
	want := []struct {
		color, alpha []uint8
		delay        time.Duration
	}{
		{[]uint8{255, 0, 0, 0, 0, 0}, []uint8{255, 0}, 50 * time.Millisecond},
		{[]uint8{255, 0, 0, 0, 255, 0}, []uint8{255, 255}, 0},
		{[]uint8{0, 255, 0, 0, 255, 0}, []uint8{255, 255}, 10 * time.Millisecond},
		{[]uint8{255, 0, 0, 0, 0, 0}, []uint8{255, 255}, time.Second},
		{[]uint8{255, 0, 0, 0, 0, 0}, []uint8{255, 0}, 70 * time.Millisecond},
	}
	for i, frame := range frames {
		if !bytes.Equal(frame.Color.Pix, want[i].color) || !bytes.Equal(frame.Alpha.Pix, want[i].alpha) || frame.Delay != want[i].delay {
			t.Errorf("frame %d = %v %v %v, want %v", i, frame.Color.Pix, frame.Alpha.Pix, frame.Delay, want[i])
		}
	}
}

func TestGIFAlphaOnlyWhereSeen(t *testing.T) {
	t.Parallel()
	canvas := image.Rect(0, 0, 2, 1)
	g := &gif.GIF{
		Image: []*image.Paletted{indexed(canvas, true, 1, 2), indexed(canvas, true, 0, 1)},
		Delay: []int{0, 0}, LoopCount: -1,
	}
	info, frames := all(t, gifFixture(t, g))
	if info.Alpha || frames[1].Alpha != nil || info.Loop != 1 {
		t.Errorf("info = %+v, want no alpha and one play", info)
	}
	if want := []uint8{255, 0, 0, 255, 0, 0}; !bytes.Equal(frames[1].Color.Pix, want) {
		t.Errorf("second frame = %v, want %v", frames[1].Color.Pix, want)
	}
}

func TestGIFInterlacedAgreesWithStandardLibrary(t *testing.T) {
	t.Parallel()
	pixels := make([]uint8, 7*21)
	for i := range pixels {
		pixels[i] = uint8(i * i % 3)
	}
	data := gifFixture(t, &gif.GIF{Image: []*image.Paletted{indexed(image.Rect(0, 0, 7, 21), false, pixels...)}, Delay: []int{0}})
	// The encoder writes no interlaced files, but the flag alone makes one.
	at := bytes.Index(data, []byte{0x2c, 0, 0, 0, 0, 7, 0, 21, 0})
	data[at+9] |= 0x40
	_, frames := all(t, data)
	want, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range frames[0].Color.Pix {
		r, g, b, _ := want.At(i/3%7, i/3/7).RGBA()
		if uint32(v) != [3]uint32{r >> 8, g >> 8, b >> 8}[i%3] {
			t.Fatalf("sample %d = %d", i, v)
		}
	}
}

// TestGIFFramesBeyondTheCanvas: the first enlarges the canvas, others are cut.
func TestGIFFramesBeyondTheCanvas(t *testing.T) {
	t.Parallel()
	first, second := indexed(image.Rect(0, 0, 2, 2), false, 1, 1, 1, 1), indexed(image.Rect(1, 1, 3, 10), false)
	for i := range second.Pix {
		second.Pix[i] = 2
	}
	outside := indexed(image.Rect(5, 7, 6, 8), false, 2)
	for _, interlaced := range []byte{0, 0x40} {
		for _, canvas := range [][2]int{{1, 1}, {2, 2}, {0, 0}} {
			data := gifCanvas(gifFixture(t, &gif.GIF{
				Image: []*image.Paletted{first, second, outside}, Delay: []int{0, 0, 0},
				Disposal: []byte{gif.DisposalNone, gif.DisposalNone, gif.DisposalPrevious},
				Config:   image.Config{Width: 10, Height: 10},
			}), canvas[0], canvas[1])
			data[bytes.Index(data, []byte{0x2c, 1, 0, 1, 0, 2, 0, 9, 0})+9] |= interlaced
			info, frames := all(t, data)
			want := []uint8{255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 0}
			if info.Width != 2 || info.Height != 2 || !bytes.Equal(frames[1].Color.Pix, want) || !bytes.Equal(frames[2].Color.Pix, want) {
				t.Errorf("canvas %v: %dx%d, %v", canvas, info.Width, info.Height, frames[1].Color.Pix)
			}
		}
	}
}

func TestGIFLimitsCountFrames(t *testing.T) {
	t.Parallel()
	frame := indexed(image.Rect(0, 0, 10, 10), false)
	data := gifFixture(t, &gif.GIF{Image: []*image.Paletted{frame, frame, frame}, Delay: []int{0, 0, 0}})
	if _, err := Probe(data, imagedata.Limits{Pixels: 300}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := Probe(data, imagedata.Limits{Pixels: 299}); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("above the limit: %v", err)
	}
}
