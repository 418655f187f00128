package decode

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata/ifd"
)

// uprightOf returns the stored pixel that belongs at (x, y) of the upright image,
// following the words of TIFF 6.0, tag 274.
func uprightOf(orientation, x, y, width, height int) (storedX, storedY int) {
	switch orientation {
	case 2: // row 0 is top, column 0 right
		return width - 1 - x, y
	case 3: // row 0 is bottom, column 0 right
		return width - 1 - x, height - 1 - y
	case 4: // row 0 is bottom, column 0 left
		return x, height - 1 - y
	case 5: // row 0 is left, column 0 top
		return y, x
	case 6: // row 0 is right, column 0 top
		return y, height - 1 - x
	case 7: // row 0 is right, column 0 bottom
		return width - 1 - y, height - 1 - x
	case 8: // row 0 is left, column 0 bottom
		return width - 1 - y, x
	}
	return x, y
}

func TestOrientation(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {5, 3}, {3, 70}, {97, 45}} {
		width, height := size[0], size[1]
		pixels := make([]byte, width*height*4)
		for i := range pixels {
			pixels[i] = byte(random.Uint32())
		}
		var rows [][]byte
		for y := range height {
			rows = append(rows, pixels[y*width*4:(y+1)*width*4])
		}
		for orientation := 1; orientation <= 8; orientation++ {
			t.Run(fmt.Sprintf("%dx%d/%d", width, height, orientation), func(t *testing.T) {
				t.Parallel()
				info, frames := all(t, pngFixture(pngHeader(width, height, 8, 6),
					pngChunk("eXIf", exifFixture(byte(orientation))), pngChunk("IDAT", pngRows(rows...))))
				checkTurned(t, info, frames[0], pixels, orientation, width, height)
				info, frames = all(t, tiffFixture(binary.BigEndian, width, height, 2, []uint16{8, 8, 8, 8}, pixels,
					ifd.Field{Tag: ifd.Orientation, Type: ifd.Short, Count: 1, Value: []byte{0, byte(orientation)}},
					ifd.Field{Tag: ifd.ExtraSamples, Type: ifd.Short, Count: 1, Value: []byte{0, 2}}))
				checkTurned(t, info, frames[0], pixels, orientation, width, height)
			})
		}
	}
}

func checkTurned(t *testing.T, info imagedata.Info, frame imagedata.Frame, pixels []byte, orientation, width, height int) {
	t.Helper()
	w, h := width, height
	if orientation >= 5 {
		w, h = h, w
	}
	if info.Width != w || info.Height != h || frame.Color.Width != w || frame.Color.Height != h ||
		frame.Alpha.Width != w || frame.Alpha.Height != h {
		t.Fatalf("%s: size %dx%d, want %dx%d", info.Format, info.Width, info.Height, w, h)
	}
	for y := range h {
		for x := range w {
			sx, sy := uprightOf(orientation, x, y, width, height)
			want := pixels[4*(sy*width+sx):][:4]
			got := append(append([]byte{}, frame.Color.Pix[3*(y*w+x):][:3]...), frame.Alpha.Pix[y*w+x])
			if string(got) != string(want) {
				t.Fatalf("%s: pixel (%d,%d) = %v, want %v", info.Format, x, y, got, want)
			}
		}
	}
}
