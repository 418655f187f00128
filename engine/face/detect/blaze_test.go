package detect_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"

	"upscaled/engine/face/detect"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// blazeFunc is a variant of BlazeFace made of a function that returns position and
// width of the faces in its input, in pixels.
type blazeFunc func(side int, input []float32) [][3]float64

func (f blazeFunc) Run(_ context.Context, input []float32, shape []int64) (map[string]detect.Tensor, error) {
	side := int(shape[1])
	if fmt.Sprint(shape) != fmt.Sprintf("[1 %d %d 3]", side, side) || len(input) != 3*side*side || side != 128 && side != 256 {
		return nil, fmt.Errorf("input of shape %v with %d values", shape, len(input))
	}
	outputs := map[string]detect.Tensor{}
	faces := f(side, input)
	for name, n := range map[string]int{"fine": 512, "coarse": 384} {
		scores, values := make([]float32, n), make([]float32, 16*n)
		for i := range scores {
			scores[i] = -20
		}
		for _, at := range faces {
			if name != "fine" {
				break
			}
			x, y, width := at[0], at[1], at[2]
			step := float64(side) / 16
			column, row := int(x/step), int(y/step)
			i := (row*16+column)*2 + 1
			scores[i] = 3 // a score of 0.95
			dx, dy := x-(float64(column)+0.5)*step, y-(float64(row)+0.5)*step
			for k, p := range [][2]float64{{0, 0}, {1, 1}, {-0.2, -0.15}, {0.2, -0.15}, {0, 0.05}, {0, 0.25}, {-0.45, -0.1}, {0.45, -0.1}} {
				p[0], p[1] = p[0]*width, p[1]*width
				if k != 1 {
					p[0], p[1] = p[0]+dx, p[1]+dy
				}
				values[16*i+2*k], values[16*i+2*k+1] = float32(p[0]), float32(p[1])
			}
		}
		outputs[name+" scores"], outputs[name+" values"] = detect.Tensor{Data: scores}, detect.Tensor{Data: values}
	}
	return outputs, nil
}

// bright sees a face around each spot of bright samples, eight times its width.
func bright(side int, input []float32) (faces [][3]float64) {
	var spots [][3]float64 // sums of positions, count
	for i, v := range input {
		if v <= 0 {
			continue
		}
		x, y := float64(i/3%side)+0.5, float64(i/3/side)+0.5
		at := slices.IndexFunc(spots, func(s [3]float64) bool { return math.Hypot(s[0]/s[2]-x, s[1]/s[2]-y) < 12 })
		if at < 0 {
			at, spots = len(spots), append(spots, [3]float64{})
		}
		spots[at] = [3]float64{spots[at][0] + x, spots[at][1] + y, spots[at][2] + 1}
	}
	for _, s := range spots {
		faces = append(faces, [3]float64{s[0] / s[2], s[1] / s[2], 8 * math.Sqrt(s[2]/3)})
	}
	return faces
}

// Wherever a face is, some window holds it whole, and its position is the image's.
func TestBlazeSearchesEverywhere(t *testing.T) {
	t.Parallel()
	d := detect.NewBlaze(blazeFunc(bright), blazeFunc(bright), detect.Options{MinimumFace: 12})
	for _, size := range [][2]int{{700, 300}, {256, 257}, {90, 600}} {
		for _, at := range [][2]float64{{0.5, 0.5}, {0.04, 0.03}, {0.97, 0.5}, {0.37, 0.96}, {0.66, 0.66}} {
			p := imagedata.NewRaster(size[0], size[1], 1, 8)
			x, y := int(at[0]*float64(size[0])), int(at[1]*float64(size[1]))
			for i := range 9 {
				p.Pix[(min(max(y+i/3-1, 0), size[1]-1))*size[0]+min(max(x+i%3-1, 0), size[0]-1)] = 255
			}
			found, err := d.Detect(t.Context(), p)
			if err != nil || len(found) == 0 {
				t.Fatalf("%v at %v: %v, %v", size, at, found, err)
			}
			f := found[0]
			cx, cy := f.Left+f.Width/2, f.Top+f.Height/2
			if math.Hypot(cx-float64(x)-0.5, cy-float64(y)-0.5) > 0.15*f.Width {
				t.Errorf("%v: found at %.1f, %.1f instead of %d, %d", size, cx, cy, x, y)
			}
		}
	}
}

func TestBlazeWithoutFaces(t *testing.T) {
	t.Parallel()
	empty := blazeFunc(func(int, []float32) [][3]float64 { return nil })
	see := blazeFunc(bright)
	p := imagedata.NewRaster(300, 300, 3, 8)
	for i := range 9 {
		copy(p.Pix[3*((150+i/3)*300+150+i%3):], []uint8{255, 255, 255})
	}
	// The front variant, which confirms, sees nothing.
	if found, err := detect.NewBlaze(see, empty, detect.Options{}).Detect(t.Context(), p); err != nil || len(found) > 0 {
		t.Errorf("unconfirmed: %v, %v", found, err)
	}
}

// Images of every shape take time by their area, not by their longer side, and thin ones, in which no
// face has room, none.
func TestBlazeShapes(t *testing.T) {
	t.Parallel()
	for size, most := range map[[2]int]int64{
		{1000, 1000}: 10, {1 << 15, 32}: 10, {32, 1 << 15}: 10, {1 << 20, 31}: 0, {31, 1 << 20}: 0, {7_000_000, 13}: 0, {1, 60000}: 0, {1, 1}: 0,
	} {
		var runs atomic.Int64
		count := blazeFunc(func(int, []float32) [][3]float64 { runs.Add(1); return nil })
		_, err := detect.NewBlaze(count, count, detect.Options{}).Detect(t.Context(), imagedata.NewRaster(size[0], size[1], 1, 8))
		if got := runs.Load(); err != nil || got > most || most > 0 && got == 0 {
			t.Errorf("%v: %d windows, %v", size, got, err)
		}
	}
}

// failing is a network that does not work.
type failing struct{ outputs map[string]detect.Tensor }

func (f failing) Run(context.Context, []float32, []int64) (map[string]detect.Tensor, error) {
	if f.outputs == nil {
		return nil, errors.New("broken")
	}
	return f.outputs, nil
}

func TestBlazeErrors(t *testing.T) {
	t.Parallel()
	p := imagedata.NewRaster(600, 600, 3, 8)
	if _, err := detect.NewBlaze(failing{}, failing{}, detect.Options{}).Detect(t.Context(), p); err == nil || err.Error() != "broken" {
		t.Errorf("a network that fails: %v", err)
	}
	other := failing{map[string]detect.Tensor{"x": {Data: make([]float32, 7)}}}
	if _, err := detect.NewBlaze(other, other, detect.Options{}).Detect(t.Context(), p); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another network: %v", err)
	}
	strange := blazeFunc(func(int, []float32) [][3]float64 { return [][3]float64{{20, 20, math.Inf(1)}} })
	if found, err := detect.NewBlaze(strange, strange, detect.Options{}).Detect(t.Context(), p); err != nil || len(found) > 0 {
		t.Errorf("strange numbers: %v, %v", found, err)
	}
	for _, o := range []detect.Options{{Threshold: 1.5}, {MinimumFace: -1}} {
		if _, err := detect.NewBlaze(other, other, o).Detect(t.Context(), p); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
