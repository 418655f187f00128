package probe

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"upscaled/engine/face/detect"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/onnx"
)

// model is a session that upscales by repeating pixels, in a convention of its own.
type model struct {
	network.Convention
	// blur is the receptive radius; change replaces the result's values.
	blur   int
	change func(float32) float32
	// centered models subtract the mean of the image; those with windows mix every
	// pixel with the first one of its window.
	centered bool
	window   int
}

func (model) Close() error { return nil }

func (m model) Run(_ context.Context, input []float32, shape []int64) (map[string]detect.Tensor, error) {
	if m.blur < 0 {
		return nil, errors.New("it does not run")
	}
	channels, height, width := int(shape[1]), int(shape[2]), int(shape[3])
	in := func(c, y, x int) float32 { return input[(c*height+y)*width+x] }
	if m.ChannelsLast {
		height, width, channels = channels, height, width
		in = func(c, y, x int) float32 { return input[(y*width+x)*channels+c] }
	}
	fits := channels == m.In && height%m.Multiple == 0 && width%m.Multiple == 0 && min(height, width) >= m.Least
	if m.FixedWidth > 0 {
		fits = channels == m.In && height == m.FixedHeight && width == m.FixedWidth
	}
	if !fits {
		return nil, errors.New("shape mismatch")
	}
	high, wide := height*m.Scale, width*m.Scale
	mean := float32(0)
	for _, v := range input {
		mean += (v - float32(m.White+m.Black)/2) / float32(len(input))
	}
	at := func(c, y, x int) float32 {
		if m.Swapped && c < 3 {
			c = 2 - c
		}
		y, x = y/m.Scale, x/m.Scale
		v := in(c, y, x) + 1e-3*in(c, min(y+m.blur, height-1), max(x-m.blur, 0))
		v += float32(0.002 * (m.White - m.Black) * math.Sin(50*float64(v))) // what a model adds of its own
		if v = min(max(v, float32(m.Black)), float32(m.White)); m.centered {
			v -= mean
		}
		if m.window > 0 {
			v = (v + in(c, y/m.window*m.window, x/m.window*m.window)) / 2
		}
		if m.change != nil {
			v = m.change(v)
		}
		return v
	}
	out := make([]float32, 0, m.Out*high*wide)
	if m.ChannelsLast {
		for i := range high * wide * m.Out {
			out = append(out, at(i%m.Out, i/m.Out/wide, i/m.Out%wide))
		}
		return result(out, high, wide, m.Out), nil
	}
	for i := range high * wide * m.Out {
		out = append(out, at(i/wide/high, i/wide%high, i%wide))
	}
	return result(out, m.Out, high, wide), nil
}

func result(data []float32, shape ...int) map[string]detect.Tensor {
	dims := []int64{1}
	for _, side := range shape {
		dims = append(dims, int64(side))
	}
	return map[string]detect.Tensor{"y": {Shape: dims, Data: data}}
}

// file is an ONNX file with free shapes.
func file(t interface{ Fatal(...any) }, channels int64, last bool) []byte {
	dims := []onnx.Dim{{Size: 1}, {Size: channels}, {Name: "h"}, {Name: "w"}}
	if last {
		dims[1], dims[3] = dims[3], dims[1]
	}
	return onnx.Marshal(onnx.Model{
		Nodes:   []onnx.Node{{Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: dims}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Dims: dims}},
	})
}

// opens returns a function that opens the model at first, then the wrapped graph.
func opens(m model) func([]byte) (Session, error) {
	count := 0
	return func([]byte) (Session, error) {
		if count++; count == 1 {
			return m, nil
		}
		wrapped := m
		wrapped.Convention = network.Convention{ChannelsLast: true, In: 3, Out: 3, White: 1, Scale: m.Scale, Multiple: m.Multiple, Least: m.Least, FixedWidth: m.FixedWidth, FixedHeight: m.FixedHeight}
		return wrapped, nil
	}
}

// Every convention is found from the results alone.
func TestFindsConvention(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom([][2]float64{{0, 1}, {0, 255}, {-1, 1}}).Draw(t, "range")
		m := model{Convention: network.Convention{
			ChannelsLast: rapid.Bool().Draw(t, "last"), In: rapid.SampledFrom([]int{1, 3, 4}).Draw(t, "channels"),
			Black: r[0], White: r[1], Scale: rapid.IntRange(1, 3).Draw(t, "scale"),
			Multiple: rapid.SampledFrom([]int{1, 2, 4, 7, 8, 9, 11, 16, 30, 64}).Draw(t, "multiple"),
		}}
		m.Out = m.In
		m.Swapped = m.In > 1 && rapid.Bool().Draw(t, "swapped")
		switch rapid.IntRange(0, 5).Draw(t, "sizes") {
		case 1, 3, 5:
			m.Least = 2 * m.Multiple
		case 2, 4:
			m.FixedWidth, m.FixedHeight, m.Multiple = 64, 64, 1
		default:
			m.Radius = rapid.IntRange(1, 20).Draw(t, "radius")
			m.blur = m.Radius
		}
		channels := int64(m.In)
		if rapid.Bool().Draw(t, "unstated") {
			channels = 0
		}
		found, err := complete(t.Context(), opens(m), file(t, channels, m.ChannelsLast), network.Convention{}, time.Hour)
		if err != nil {
			t.Fatalf("%+v: %v", m.Convention, err)
		}
		if m.FixedWidth == 0 && m.Radius == 0 {
			found.Radius = 0
		}
		if found != m.Convention {
			t.Fatalf("found %+v, want %+v", found, m.Convention)
		}
	})
}

// A model whose results depend on the image's mean needs whole images.
func TestFindsWhole(t *testing.T) {
	t.Parallel()
	for _, multiple := range []int{1, 8, 56, 64} {
		for _, centered := range []bool{false, true} {
			m := model{Convention: network.Convention{In: 3, Out: 3, White: 255, Scale: 2, Multiple: multiple}, centered: centered}
			found, err := complete(t.Context(), opens(m), file(t, 3, false), network.Convention{}, time.Hour)
			if err != nil || found.Whole != centered {
				t.Errorf("%+v: %+v, %v", m, found, err)
			}
		}
	}
}

// A model that fills up its windows itself has no exact tiles, since these may begin
// inside a window.
func TestInnerWindows(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]int{{1, 1}, {1, 2}, {1, 4}, {1, 7}, {1, 8}, {2, 4}, {4, 8}, {8, 16}} {
		m := model{Convention: network.Convention{In: 3, Out: 3, White: 1, Scale: 2, Multiple: c[0]}, blur: 20, window: c[1]}
		found, err := complete(t.Context(), opens(m), file(t, 3, false), network.Convention{}, time.Hour)
		if exact := found.Radius > 0; err != nil || exact != (c[0] == c[1]) {
			t.Errorf("windows of %d at multiples of %d: %+v, %v", c[1], c[0], found, err)
		}
	}
}

// A file that cannot serve is refused with the reason.
func TestRefusals(t *testing.T) {
	t.Parallel()
	plain := network.Convention{In: 3, Out: 3, White: 1, Scale: 2, Multiple: 1}
	for name, c := range map[string]struct {
		m      model
		stated network.Convention
		says   string
	}{
		"black":  {model{Convention: plain, change: func(float32) float32 { return 0 }}, network.Convention{}, "the same value for every pixel"},
		"NaN":    {model{Convention: plain, change: func(float32) float32 { return float32(math.NaN()) }}, network.Convention{}, "not numbers"},
		"never":  {model{Convention: plain, blur: -1}, network.Convention{}, "does not run"},
		"stated": {model{Convention: plain}, network.Convention{Scale: 4}, "upscales images 2 times, not 4 times"},
	} {
		_, err := File(t.Context(), opens(c.m), file(t, 3, false), c.stated)
		if kind := fault.KindOf(err); kind != fault.Unsupported && kind != fault.Invalid || !strings.Contains(fault.Sentence(err), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	shrinks := func([]byte) (Session, error) { return shrinking{}, nil }
	if _, err := File(t.Context(), shrinks, file(t, 3, false), network.Convention{}); !strings.Contains(fault.Sentence(err), "must not shrink") {
		t.Errorf("a shrinking model: %v", err)
	}
}

// shrinking halves its images.
type shrinking struct{}

func (shrinking) Close() error { return nil }

func (shrinking) Run(_ context.Context, _ []float32, shape []int64) (map[string]detect.Tensor, error) {
	if shape[1] != 3 {
		return nil, errors.New("shape mismatch")
	}
	high, wide := int(shape[2]/2), int(shape[3]/2)
	return result(make([]float32, 3*high*wide), 3, high, wide), nil
}
