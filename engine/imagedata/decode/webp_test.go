package decode

import (
	"bytes"
	"image"
	"image/color"
	"testing"
	"time"

	"github.com/HugoSmits86/nativewebp"
	"github.com/bep/gowebp/libwebp"
	"github.com/bep/gowebp/libwebp/webpoptions"

	"upscaled/engine/imagedata"
)

// filled is an image of one color.
func filled(width, height int, c color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := 0; i < len(img.Pix); i += 4 {
		copy(img.Pix[i:], []byte{c.R, c.G, c.B, c.A})
	}
	return img
}

// losslessChunk is the VP8L chunk of an image.
func losslessChunk(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := nativewebp.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	for rest := out.Bytes()[12:]; len(rest) >= 8; {
		kind, payload, after, _ := riffChunk(rest)
		if kind == "VP8L" {
			return riff(kind, payload)
		}
		rest = after
	}
	t.Fatal("the encoder wrote no lossless chunk")
	return nil
}

func webpAnimationFrame(x, y, width, height, milliseconds int, flags byte, chunks []byte) []byte {
	return riff("ANMF", le24(x/2), le24(y/2), le24(width-1), le24(height-1), le24(milliseconds), []byte{flags}, chunks)
}

func TestWebPStill(t *testing.T) {
	t.Parallel()
	data := webpFixture(webpCanvas(1<<5|1<<4|1<<3|1<<2, 3, 2),
		riff("ICCP", iccFixture("RGB ")),
		losslessChunk(t, filled(3, 2, color.NRGBA{10, 20, 30, 40})),
		riff("EXIF", []byte("Exif\x00\x00"), exifFixture(8)), riff("XMP ", []byte("<a/>")))
	info, frames := all(t, data)
	if info.Width != 2 || info.Height != 3 || !info.Alpha || info.Frames != 1 {
		t.Fatalf("info = %+v", info)
	}
	if !bytes.Equal(info.Meta.ICC, iccFixture("RGB ")) || !bytes.Equal(info.Meta.EXIF, exifFixture(8)) || string(info.Meta.XMP) != "<a/>" {
		t.Errorf("metadata = %+v", info.Meta)
	}
	if !bytes.Equal(frames[0].Color.Pix[:3], []byte{10, 20, 30}) || frames[0].Alpha.Pix[0] != 40 {
		t.Errorf("frame = %v %v", frames[0].Color.Pix, frames[0].Alpha.Pix)
	}
}

// TestWebPLossy shows that black and white survive: lossy WebP is of studio
// range, and reading it as full range would return 16 and 235.
func TestWebPLossy(t *testing.T) {
	t.Parallel()
	for _, want := range []color.NRGBA{{0, 0, 0, 255}, {255, 255, 255, 255}, {200, 60, 30, 255}, {40, 90, 220, 128}} {
		var out bytes.Buffer
		if err := libwebp.Encode(&out, filled(33, 17, want), webpoptions.EncodingOptions{Quality: 95}); err != nil {
			t.Fatal(err)
		}
		info, frames := all(t, out.Bytes())
		if info.Alpha != (want.A != 255) {
			t.Errorf("%v: alpha = %v", want, info.Alpha)
		}
		for i, v := range frames[0].Color.Pix {
			if d := int(v) - int([3]uint8{want.R, want.G, want.B}[i%3]); d < -4 || d > 4 {
				t.Fatalf("%v: sample %d = %d", want, i, v)
			}
		}
		if info.Alpha && frames[0].Alpha.Pix[5] != want.A {
			t.Errorf("%v: alpha sample = %d", want, frames[0].Alpha.Pix[5])
		}
	}
}

func TestWebPAnimation(t *testing.T) {
	t.Parallel()
	const keepOver, keepReplace, clearOver = 0, 2, 1
	red, green := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 51}
	data := webpFixture(webpCanvas(1<<1|1<<4, 3, 1), riff("ANIM", []byte{0, 0, 0, 0, 7, 0}),
		webpAnimationFrame(0, 0, 3, 1, 40, keepOver, losslessChunk(t, filled(3, 1, red))),
		webpAnimationFrame(2, 0, 1, 1, 1000, clearOver, losslessChunk(t, filled(1, 1, green))),
		webpAnimationFrame(0, 0, 1, 1, 0, keepReplace, losslessChunk(t, filled(1, 1, green))))
	info, frames := all(t, data)
	if info.Frames != 3 || info.Loop != 7 || !info.Alpha {
		t.Fatalf("info = %+v", info)
	}
	want := []struct {
		color, alpha []uint8
		delay        time.Duration
	}{
		{[]uint8{255, 0, 0, 255, 0, 0, 255, 0, 0}, []uint8{255, 255, 255}, 40 * time.Millisecond},
		{[]uint8{255, 0, 0, 255, 0, 0, 204, 51, 0}, []uint8{255, 255, 255}, time.Second},
		{[]uint8{0, 255, 0, 255, 0, 0, 0, 0, 0}, []uint8{51, 255, 0}, 0},
	}
	for i, frame := range frames {
		if !bytes.Equal(frame.Color.Pix, want[i].color) || !bytes.Equal(frame.Alpha.Pix, want[i].alpha) || frame.Delay != want[i].delay {
			t.Errorf("frame %d = %v %v %v, want %v", i, frame.Color.Pix, frame.Alpha.Pix, frame.Delay, want[i])
		}
	}
	for cut := 13; cut < len(data); cut++ {
		d, err := Open(data[:cut], imagedata.Limits{})
		if err != nil {
			continue
		}
		for range d.Info().Frames {
			if _, err = d.Next(); err != nil {
				break
			}
		}
		if d.Info().Frames == 3 && err == nil {
			t.Errorf("cut at %d of %d: no error", cut, len(data))
		}
	}
}
