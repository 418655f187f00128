package detect_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/face"
	"upscaled/engine/face/detect"
	"upscaled/engine/face/detect/detecttest"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// networkFunc is a network made of a function of its input.
type networkFunc func(input []float32) (map[string]detect.Tensor, error)

func (f networkFunc) Run(_ context.Context, input []float32, shape []int64) (map[string]detect.Tensor, error) {
	if fmt.Sprint(shape) != "[1 3 640 640]" || len(input) != 3*640*640 {
		return nil, fmt.Errorf("input of shape %v with %d values", shape, len(input))
	}
	return f(input)
}

// nothing is YuNet's outputs where it sees no face.
func nothing() map[string]detect.Tensor {
	outputs := map[string]detect.Tensor{}
	for stride, cells := range map[int]int{8: 6400, 16: 1600, 32: 400} {
		for name, values := range map[string]int{"cls": 1, "obj": 1, "bbox": 4, "kps": 10} {
			outputs[fmt.Sprintf("%s_%d", name, stride)] = detect.Tensor{
				Shape: []int64{1, int64(cells), int64(values)}, Data: make([]float32, cells*values)}
		}
	}
	return outputs
}

// encode writes a face, in pixels of the network's input, as YuNet would do
// in the given cell.
func encode(outputs map[string]detect.Tensor, f face.Face, stride, column, row int) {
	per := 640 / stride
	cell := row*per + column
	value := func(name string) []float32 { return outputs[fmt.Sprintf("%s_%d", name, stride)].Data }
	s := float64(stride)
	originX, originY := float64(column*stride), float64(row*stride)
	value("cls")[cell] = float32(f.Score)
	value("obj")[cell] = float32(f.Score)
	value("bbox")[4*cell] = float32((f.Left + f.Width/2 - originX) / s)
	value("bbox")[4*cell+1] = float32((f.Top + f.Height/2 - originY) / s)
	value("bbox")[4*cell+2] = float32(math.Log(f.Width / s))
	value("bbox")[4*cell+3] = float32(math.Log(f.Height / s))
	for i, p := range f.Landmarks {
		value("kps")[10*cell+2*i] = float32((p.X - originX) / s)
		value("kps")[10*cell+2*i+1] = float32((p.Y - originY) / s)
	}
}

func drawFace(t *rapid.T, width, height float64) face.Face {
	f := face.Face{Score: rapid.Float64Range(0.75, 1).Draw(t, "score")}
	side := math.Min(width, height)
	f.Width = rapid.Float64Range(0.4, 0.9).Draw(t, "w") * side
	f.Height = rapid.Float64Range(0.4, 0.9).Draw(t, "h") * side
	f.Left = rapid.Float64Range(-0.1, 1).Draw(t, "left") * (width - f.Width)
	f.Top = rapid.Float64Range(-0.1, 1).Draw(t, "top") * (height - f.Height)
	for i, at := range [5][2]float64{{0.3, 0.35}, {0.7, 0.35}, {0.5, 0.6}, {0.35, 0.8}, {0.65, 0.8}} {
		f.Landmarks[i] = face.Point{X: f.Left + at[0]*f.Width, Y: f.Top + at[1]*f.Height}
	}
	return f
}

// A face anywhere in an image of any size, encoded in any cell near it, comes
// back; the letterbox's scale is computed independently here.
func TestYuNetRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := imagedata.NewRaster(rapid.IntRange(120, 1500).Draw(t, "width"), rapid.IntRange(120, 1500).Draw(t, "height"), 1, 8)
		want := drawFace(t, float64(p.Width), float64(p.Height))
		stride := rapid.SampledFrom([]int{8, 16, 32}).Draw(t, "stride")
		per := 640 / stride
		column, row := rapid.IntRange(0, per-1).Draw(t, "column"), rapid.IntRange(0, per-1).Draw(t, "row")
		scale := math.Min(1, 640/float64(max(p.Width, p.Height)))
		d := detect.NewYuNet(networkFunc(func([]float32) (map[string]detect.Tensor, error) {
			f := want
			f.Left, f.Top, f.Width, f.Height = f.Left*scale, f.Top*scale, f.Width*scale, f.Height*scale
			for i := range f.Landmarks {
				f.Landmarks[i] = face.Point{X: f.Landmarks[i].X * scale, Y: f.Landmarks[i].Y * scale}
			}
			outputs := nothing()
			encode(outputs, f, stride, column, row)
			return outputs, nil
		}), detect.Options{})
		faces, err := d.Detect(context.Background(), p)
		if err != nil || len(faces) != 1 {
			t.Fatalf("%d faces, %v", len(faces), err)
		}
		// The reduced side that is not 640 is rounded to whole pixels.
		limit := 0.01 + 0.5/(scale*float64(min(p.Width, p.Height)))*float64(max(p.Width, p.Height))
		got := faces[0]
		for _, pair := range [][2]float64{{got.Left, want.Left}, {got.Top, want.Top}, {got.Width, want.Width}, {got.Height, want.Height}} {
			if math.Abs(pair[0]-pair[1]) > limit {
				t.Fatalf("%+v instead of %+v", got, want)
			}
		}
		for i := range want.Landmarks {
			if distance(got.Landmarks[i], want.Landmarks[i]) > 2*limit {
				t.Fatalf("point %d: %v instead of %v", i, got.Landmarks[i], want.Landmarks[i])
			}
		}
		if math.Abs(got.Score-want.Score) > 1e-6 {
			t.Fatalf("score %v instead of %v", got.Score, want.Score)
		}
	})
}

// Any numbers at all: nothing but sound faces, no more than overlap allows.
func TestYuNetAnyOutput(t *testing.T) {
	t.Parallel()
	p := imagedata.NewRaster(640, 640, 1, 8)
	rapid.Check(t, func(t *rapid.T) {
		outputs := nothing()
		for _, stride := range []int{8, 16, 32} {
			for _, name := range []string{"cls", "obj"} {
				copy(outputs[fmt.Sprintf("%s_%d", name, stride)].Data, []float32{1, 1, 1, 1, 1})
			}
		}
		for range 20 {
			stride := rapid.SampledFrom([]int{8, 16, 32}).Draw(t, "stride")
			name := rapid.SampledFrom([]string{"cls", "obj", "bbox", "kps"}).Draw(t, "name")
			data := outputs[fmt.Sprintf("%s_%d", name, stride)].Data
			at := rapid.IntRange(0, 9).Draw(t, "at")
			data[at] = math.Float32frombits(rapid.Uint32().Draw(t, "value"))
		}
		d := detect.NewYuNet(networkFunc(func([]float32) (map[string]detect.Tensor, error) { return outputs, nil }), detect.Options{MinimumFace: 1})
		faces, err := d.Detect(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faces {
			if !(f.Score >= detect.DefaultYuNetThreshold && f.Score <= 1) || !(math.Abs(f.Left) < 1e5) || !(f.Width < 1e5) {
				t.Fatalf("%+v", f)
			}
		}
	})
}

// Infinite, huge and missing numbers in any place drop the face.
func TestYuNetUnsound(t *testing.T) {
	t.Parallel()
	p := imagedata.NewRaster(640, 640, 1, 8)
	whole := face.Face{Left: 100, Top: 100, Width: 100, Height: 100, Score: 0.9, Landmarks: face.Landmarks{{X: 130, Y: 140}, {X: 170, Y: 140}}}
	for name, at := range map[string]int{"bbox_8": 4 * (18*80 + 18), "kps_8": 10 * (18*80 + 18)} {
		for offset := range 4 {
			for _, v := range []float64{math.Inf(1), math.NaN(), 1e30, -1e30} {
				outputs := nothing()
				encode(outputs, whole, 8, 18, 18)
				outputs[name].Data[at+offset] = float32(v)
				d := detect.NewYuNet(networkFunc(func([]float32) (map[string]detect.Tensor, error) { return outputs, nil }), detect.Options{})
				if faces, err := d.Detect(context.Background(), p); err != nil || len(faces) != 0 {
					t.Errorf("%s[%d] = %v: %v, %v", name, offset, v, faces, err)
				}
			}
		}
	}
}

// Faces below the limits on the box and on the eyes are dropped.
func TestYuNetSmall(t *testing.T) {
	t.Parallel()
	p := imagedata.NewRaster(640, 640, 1, 8)
	for _, c := range []struct {
		side, eyes float64
		minimum    int
		want       int
	}{{31, 12, 0, 0}, {33, 12, 0, 1}, {31, 12, 30, 1}, {33, 4.9, 0, 0}, {33, 5.1, 0, 1}} {
		outputs := nothing()
		f := face.Face{Left: 100, Top: 100, Width: c.side, Height: 50, Score: 0.9}
		f.Landmarks[face.LeftEye], f.Landmarks[face.RightEye] = face.Point{X: 110, Y: 110}, face.Point{X: 110 + c.eyes, Y: 110}
		encode(outputs, f, 8, 14, 14)
		d := detect.NewYuNet(networkFunc(func([]float32) (map[string]detect.Tensor, error) { return outputs, nil }), detect.Options{MinimumFace: c.minimum})
		if faces, err := d.Detect(context.Background(), p); err != nil || len(faces) != c.want {
			t.Errorf("%+v: %v, %v", c, faces, err)
		}
	}
}

func TestYuNetSuppresses(t *testing.T) {
	t.Parallel()
	outputs := nothing()
	points := face.Landmarks{{X: 130, Y: 140}, {X: 170, Y: 140}, {X: 150, Y: 165}, {X: 135, Y: 180}, {X: 165, Y: 180}}
	encode(outputs, face.Face{Left: 100, Top: 100, Width: 100, Height: 100, Score: 0.9, Landmarks: points}, 8, 18, 18)
	encode(outputs, face.Face{Left: 105, Top: 98, Width: 100, Height: 100, Score: 0.95, Landmarks: points}, 16, 9, 9)
	encode(outputs, face.Face{Left: 300, Top: 98, Width: 50, Height: 50, Score: 0.6, Landmarks: points}, 16, 20, 9)
	net := networkFunc(func([]float32) (map[string]detect.Tensor, error) { return outputs, nil })
	p := imagedata.NewRaster(400, 300, 1, 8)
	faces, err := detect.NewYuNet(net, detect.Options{}).Detect(context.Background(), p)
	if err != nil || len(faces) != 1 || math.Abs(faces[0].Left-105) > 0.01 {
		t.Errorf("default threshold: %v, %v", faces, err)
	}
	faces, err = detect.NewYuNet(net, detect.Options{Threshold: 0.5}).Detect(context.Background(), p)
	if err != nil || len(faces) != 2 {
		t.Errorf("threshold 0.5: %v, %v", faces, err)
	}
}

// The input holds blue, green and red planes, 0..255, and black around.
func TestYuNetInput(t *testing.T) {
	t.Parallel()
	p := imagedata.NewRaster(2, 1, 3, 8)
	copy(p.Pix, []uint8{10, 20, 30, 40, 50, 60})
	d := detect.NewYuNet(networkFunc(func(input []float32) (map[string]detect.Tensor, error) {
		const area = 640 * 640
		for at, want := range map[int]float32{
			0: 30, area: 20, 2 * area: 10, 1: 60, area + 1: 50, 2*area + 1: 40, 2: 0, 640: 0, 3*area - 1: 0,
		} {
			if input[at] != want {
				t.Errorf("input %d is %v instead of %v", at, input[at], want)
			}
		}
		return nothing(), nil
	}), detect.Options{})
	if faces, err := d.Detect(context.Background(), p); err != nil || len(faces) != 0 {
		t.Errorf("%v, %v", faces, err)
	}
}

func TestYuNetErrors(t *testing.T) {
	t.Parallel()
	p := imagedata.NewRaster(50, 50, 1, 8)
	failure := errors.New("no memory")
	fails := networkFunc(func([]float32) (map[string]detect.Tensor, error) { return nil, failure })
	if _, err := detect.NewYuNet(fails, detect.Options{}).Detect(context.Background(), p); !errors.Is(err, failure) {
		t.Errorf("the network's error became %v", err)
	}
	other := networkFunc(func([]float32) (map[string]detect.Tensor, error) {
		outputs := nothing()
		delete(outputs, "kps_16")
		return outputs, nil
	})
	if _, err := detect.NewYuNet(other, detect.Options{}).Detect(context.Background(), p); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another model: %v", err)
	}
	for _, o := range []detect.Options{{Threshold: 1.5}, {MinimumFace: -1}} {
		if _, err := detect.NewYuNet(other, o).Detect(context.Background(), p); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// squares is a network that takes bright squares for faces, so that YuNet can
// be put through the tests that every detector has to pass.
func squares(input []float32) (map[string]detect.Tensor, error) {
	outputs := nothing()
	seen := make([]bool, 640*640)
	for start := range seen {
		if seen[start] || input[start] < 128 {
			continue
		}
		x, y := start%640, start/640
		right, bottom := x, y
		for right < 640 && input[y*640+right] >= 128 {
			right++
		}
		for bottom < 640 && input[bottom*640+x] >= 128 {
			bottom++
		}
		for i := range (right - x) * (bottom - y) {
			seen[(y+i/(right-x))*640+x+i%(right-x)] = true
		}
		f := face.Face{Left: float64(x), Top: float64(y), Width: float64(right - x), Height: float64(bottom - y), Score: 0.9}
		for i, at := range [5][2]float64{{0.3, 0.35}, {0.7, 0.35}, {0.5, 0.6}, {0.35, 0.8}, {0.65, 0.8}} {
			f.Landmarks[i] = face.Point{X: f.Left + at[0]*f.Width, Y: f.Top + at[1]*f.Height}
		}
		encode(outputs, f, 16, (x+right)/32, (y+bottom)/32)
	}
	return outputs, nil
}

func TestYuNetConforms(t *testing.T) {
	t.Parallel()
	p := imagedata.NewRaster(300, 400, 3, 8)
	for i := range p.Pix {
		x, y := i/3%p.Width, i/3/p.Width
		if x >= 100 && x < 220 && y >= 80 && y < 200 {
			p.Pix[i] = 255
		}
	}
	detecttest.Run(t, detect.NewYuNet(networkFunc(squares), detect.Options{}), p)
}
