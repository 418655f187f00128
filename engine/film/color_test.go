//go:build e2e

package film_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"upscaled/engine"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
)

// recorder keeps the frames that an engine is given.
type recorder struct {
	film.Engine
	frames []imagedata.Frame
}

type recorded struct {
	engine.Source
	r *recorder
}

// Next implements engine.Source.
func (s recorded) Next() (imagedata.Frame, error) {
	frame, err := s.Source.Next()
	if err == nil {
		s.r.frames = append(s.r.frames, frame)
	}
	return frame, err
}

// Upscale implements film.Engine.
func (r *recorder) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	q.Source = recorded{q.Source, r}
	return r.Engine.Upscale(ctx, q)
}

// The test image has a ramp of grays above bars of 75 %.
const colorWidth, colorHeight = 256, 32

func testColor(x, y int) [3]float64 {
	if y < colorHeight/2 {
		v := float64(x) / 255
		return [3]float64{v, v, v}
	}
	bar := x / 32
	level := func(off bool) float64 {
		if off {
			return 0
		}
		return 0.75
	}
	return [3]float64{level(bar&2 != 0), level(bar&4 != 0), level(bar&1 != 0)}
}

// beside reports pixels that share a sample of chroma with other colors.
func beside(x, y int) bool {
	return y >= colorHeight/2-4 && y < colorHeight/2+4 || y >= colorHeight/2 && (x%32 < 4 || x%32 >= 28)
}

// coefficients returns those of red and blue in luma.
func coefficients(matrix string) (red, blue float64) {
	switch matrix {
	case "bt709":
		return 0.2126, 0.0722
	case "bt2020nc":
		return 0.2627, 0.0593
	}
	return 0.299, 0.114
}

// encodeColor returns Y, Cb and Cr by ITU-R BT.601, 709 and 2020 in units of 8 bits.
func encodeColor(c [3]float64, matrix string, full bool) [3]float64 {
	red, blue := coefficients(matrix)
	y := red*c[0] + (1-red-blue)*c[1] + blue*c[2]
	cb, cr := (c[2]-y)/(2*(1-blue)), (c[0]-y)/(2*(1-red))
	if full {
		return [3]float64{255 * y, 128 + 255*cb, 128 + 255*cr}
	}
	return [3]float64{16 + 219*y, 128 + 224*cb, 128 + 224*cr}
}

// planar returns the test image in 4:2:0 with 8 or 10 bits.
func planar(matrix string, full bool, bits int) []byte {
	var out []byte
	add := func(v float64) {
		level := uint16(min(math.Round(v*float64(int(1)<<(bits-8))), float64(int(1)<<bits-1)))
		if bits == 8 {
			out = append(out, byte(level))
		} else {
			out = binary.LittleEndian.AppendUint16(out, level)
		}
	}
	for plane := range 3 {
		step := min(plane+1, 2)
		for y := 0; y < colorHeight; y += step {
			for x := 0; x < colorWidth; x += step {
				add(encodeColor(testColor(x, y), matrix, full)[plane])
			}
		}
	}
	return out
}

// Colors are converted with the film's own matrix and range, and are the same after a
// model that changes nothing, within 1 of 255.
func TestColors(t *testing.T) {
	t.Parallel()
	tools(t)
	for _, matrix := range []string{"smpte170m", "bt709", "bt2020nc"} {
		for _, colorRange := range []string{"tv", "pc"} {
			for _, bits := range []int{8, 10} {
				if testing.Short() && bits == 8 && matrix != "bt709" {
					continue
				}
				t.Run(fmt.Sprint(matrix, " ", colorRange, " ", bits), func(t *testing.T) {
					t.Parallel()
					testColors(t, matrix, colorRange, bits)
				})
			}
		}
	}
}

func testColors(t *testing.T, matrix, colorRange string, bits int) {
	pixels := map[int]string{8: "yuv420p", 10: "yuv420p10le"}[bits]
	before := planar(matrix, colorRange == "pc", bits)
	root := folder(t, map[string][]byte{"a.yuv": before})
	ffmpeg(t, root, "-f", "rawvideo", "-pix_fmt", pixels, "-s", fmt.Sprintf("%dx%d", colorWidth, colorHeight), "-i", "a.yuv",
		"-c:v", "ffv1", "-colorspace", matrix, "-color_range", colorRange, "a.mkv")
	o := options(t, filepath.Join(root, "a.mkv"), filepath.Join(root, "b.mkv"))
	seen := &recorder{Engine: o.Engine}
	o.Engine, o.Codec = seen, film.FFV1
	upscale(t, o)
	worst := 0.0
	for y := range colorHeight {
		for x := range colorWidth {
			for c, want := range testColor(x, y) {
				if got := sample(seen.frames[0].Color, (y*colorWidth+x)*3+c); !beside(x, y) {
					worst = max(worst, math.Abs(got-255*want))
				}
			}
		}
	}
	// In limited range a step of luma is 255/219 levels, so half of that and rounding.
	if worst > 1.5 {
		t.Errorf("the model is given colors that are wrong by %.2f of 255", worst)
	}
	after := run(t, root, "ffmpeg", "-v", "error", "-i", "b.mkv", "-f", "rawvideo", "-pix_fmt", pixels, "-")
	if len(after) != len(before) {
		t.Fatalf("the film has %d bytes of %d", len(after), len(before))
	}
	if off := farthest(before, after, bits); off > 1 {
		t.Errorf("colors moved by %.2f of 255", off)
	}
}

func sample(r imagedata.Raster, at int) float64 {
	if r.Pix16 != nil {
		return float64(r.Pix16[at]) / 257
	}
	return float64(r.Pix[at])
}

// farthest returns the largest difference of two test images in units of 8 bits.
func farthest(before, after []byte, bits int) float64 {
	read := func(data []byte, at int) float64 {
		if bits == 8 {
			return float64(data[at])
		}
		return float64(binary.LittleEndian.Uint16(data[2*at:])) / 4
	}
	at, worst := 0, 0.0
	for plane := range 3 {
		step := min(plane+1, 2)
		for y := 0; y < colorHeight; y += step {
			for x := 0; x < colorWidth; x += step {
				if !beside(x, y) {
					worst = max(worst, math.Abs(read(before, at)-read(after, at)))
				}
				at++
			}
		}
	}
	return worst
}
