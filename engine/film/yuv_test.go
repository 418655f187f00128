package film

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Planes are those of the formulas in ITU-R BT.601, 709 and 2020, to the nearest level,
// however frames are cut into bands. Grays have no color.
func TestSubsampler(t *testing.T) {
	t.Parallel()
	const width, height = 30, 8
	for _, c := range []Color{{Matrix: "bt709"}, {Matrix: "smpte170m", Range: "pc"}, {Matrix: "bt2020nc", Range: "tv"}, {Matrix: "smpte240m"}, {Matrix: "fcc", Range: "pc"}} {
		s := newSubsampler(c, width, height)
		for frame := range 3 {
			rgb := make([]byte, 3*width*height)
			for i := range rgb {
				switch frame {
				case 0:
					rgb[i] = uint8(rand.IntN(256))
				case 1:
					rgb[i] = uint8(i / 3)
				default:
					rgb[i] = 255 * uint8(rand.IntN(2))
				}
			}
			var got []byte
			for rest := rgb; len(rest) > 0; {
				band := 3 * width * min(1+rand.IntN(3), len(rest)/3/width)
				got = append(got, s.convert(rest[:band])...)
				rest = rest[band:]
			}
			want := formulas(c, rgb, width, height)
			if len(got) != len(want) {
				t.Fatalf("%+v: %d samples of %d", c, len(got), len(want))
			}
			for i := range want {
				if off := math.Abs(float64(got[i]) - want[i]); off > 0.52 {
					t.Fatalf("%+v: sample %d of frame %d is %d in place of %.2f", c, i, frame, got[i], want[i])
				}
				if frame == 1 && i >= width*height && got[i] != 128 {
					t.Fatalf("%+v: gray has the color %d", c, got[i])
				}
			}
		}
	}
}

// formulas returns the exact planes.
func formulas(c Color, rgb []byte, width, height int) (planes []float64) {
	red, blue := lumaOf(c.Matrix)
	luma, chroma, offset := 219.0/255, 224.0/255, 16.0
	if c.Range == "pc" {
		luma, chroma, offset = 1, 1, 0
	}
	bright := func(x, y int) float64 {
		p := rgb[3*(y*width+max(x, 0)):]
		return red*float64(p[0]) + (1-red-blue)*float64(p[1]) + blue*float64(p[2])
	}
	for y := range height {
		for x := range width {
			planes = append(planes, offset+luma*bright(x, y))
		}
	}
	for _, channel := range []int{2, 0} {
		scale := chroma / 2 / (1 - blue)
		if channel == 0 {
			scale = chroma / 2 / (1 - red)
		}
		for y := 0; y < height; y += 2 {
			for x := 0; x < width; x += 2 {
				sum := 0.0
				for i, weight := range []float64{1, 2, 1, 1, 2, 1} {
					dx, dy := i%3-1, i/3
					sum += weight / 8 * (float64(rgb[3*((y+dy)*width+max(x+dx, 0))+channel]) - bright(x+dx, y+dy))
				}
				planes = append(planes, math.Min(255, 128+scale*sum))
			}
		}
	}
	return planes
}
