package decode

import (
	"bytes"
	"image/color"
	"io"
	"runtime"
	"testing"

	"upscaled/engine/imagedata"
)

// tinyFrames are animations of frames of one pixel.
func tinyFrames(t *testing.T, frames int) map[imagedata.Format][]byte {
	t.Helper()
	control, row := frameControl(0, 1, 1, 0, 0, 1, 1, 0, 0), pngRows([]byte{1, 2, 3})
	more := append(bytes.Clone(control), pngChunk("fdAT", make([]byte, 4), row)...)
	frame := webpAnimationFrame(0, 0, 1, 1, 1, 0, losslessChunk(t, filled(1, 1, color.NRGBA{1, 2, 3, 4})))
	return map[imagedata.Format][]byte{
		imagedata.PNG:  pngFixture(pngHeader(1, 1, 8, 2), animationControl(frames, 0), control, pngChunk("IDAT", row), bytes.Repeat(more, frames-1)),
		imagedata.GIF:  manyFrames(frames, 1, 1)(t),
		imagedata.WebP: webpFixture(webpCanvas(2, 1, 1), bytes.Repeat(frame, frames)),
	}
}

// A tiny frame takes little, whatever the format: buffers are those of the file.
// It counts the allocations of the whole process, so it runs alone.
func TestCostOfFrames(t *testing.T) { //nolint:paralleltest
	const frames, most = 1000, 100 << 10
	for format, file := range tinyFrames(t, frames) {
		d, err := Open(file, imagedata.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		count := 0
		for ; err == nil; count++ {
			_, err = d.Next()
		}
		runtime.ReadMemStats(&after)
		if err != io.EOF || count != frames+1 {
			t.Errorf("%s: %d frames, %v", format, count-1, err)
		}
		if each := (after.TotalAlloc - before.TotalAlloc) / frames; each > most {
			t.Errorf("%s: %d bytes are allocated for a frame of one pixel", format, each)
		} else {
			t.Logf("%s: %d bytes a frame", format, each)
		}
	}
}
