package ort_test

import (
	"bytes"
	"fmt"
	"testing"

	"upscaled/engine"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/onnx"
)

// TestBorders runs each way of leaving borders unpadded on a image and
// compares it byte for byte with the part of the padded result that it is.
func TestBorders(t *testing.T) {
	t.Parallel()
	t.Run("random", func(t *testing.T) {
		t.Parallel()
		checkBorders(t, recognized(t, networktest.RandomCompact(31, 5, 32, 2)), 17, 23, 1)
	})
	t.Run("upconv_7", func(t *testing.T) {
		t.Parallel()
		checkBorders(t, recognized(t, networktest.RandomUpconv(32, 4, 2)), 23, 19, 1)
	})
	t.Run("general-x4v3", func(t *testing.T) {
		t.Parallel()
		checkBorders(t, recognized(t, publishedWeights(t, "realesr-general-x4v3")), 71, 70, 5)
	})
}

// checkBorders tries every step-th set of borders.
func checkBorders(t *testing.T, n *network.Network, height, width, step int) {
	t.Helper()
	f := n.Info()
	samples := sampled(height, width, 3)
	for _, precision := range []network.Precision{network.Float32, network.Float16} {
		o := network.Options{Precision: precision, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
		whole, _, wide := run(t, open(t, n, o), samples, height, width)
		for bits := 0; bits < 15; bits += step {
			o.Borders = network.Borders{Left: bits&1 > 0, Top: bits&2 > 0, Right: bits&4 > 0, Bottom: bits&8 > 0}
			got, high, across := run(t, open(t, n, o), samples, height, width)
			wantAcross, wantHigh := engine.OutputSize(f, o.Borders, width, height)
			what := fmt.Sprintf("%s %+v", precision, o.Borders)
			if high != wantHigh || across != wantAcross {
				t.Fatalf("%s: %dx%d pixels, want %dx%d", what, across, high, wantAcross, wantHigh)
			}
			left, top := 0, 0
			if !o.Borders.Left {
				left = f.Radius * f.Scale
			}
			if !o.Borders.Top {
				top = f.Radius * f.Scale
			}
			for y := range high {
				want := whole[((top+y)*wide+left)*3:][:across*3]
				if !bytes.Equal(got[y*across*3:][:across*3], want) {
					t.Fatalf("%s: row %d differs from the padded result", what, y)
				}
			}
		}
	}
}

// foreign is a ready ONNX file that doubles its image by nearest pixels, and
// whose names clash with those of our edges.
func foreign(height, width int64, elem onnx.ElemType) []byte {
	side := func(size int64, name string) onnx.Dim { return onnx.Dim{Size: size, Name: name} }
	return onnx.Marshal(onnx.Model{
		Name: "foreign",
		Nodes: []onnx.Node{
			{Op: "Identity", Inputs: []string{"input"}, Outputs: []string{"output"}},
			{
				Op: "Resize", Inputs: []string{"output", "", "scales"}, Outputs: []string{"result"},
				Attributes: []onnx.Attribute{
					onnx.String("mode", "nearest"), onnx.String("nearest_mode", "floor"),
					onnx.String("coordinate_transformation_mode", "asymmetric"),
				},
			},
		},
		Tensors: []onnx.Tensor{{Name: "scales", Type: onnx.Float32, Dims: []int64{4}, Floats: []float32{1, 1, 2, 2}}},
		Inputs:  []onnx.Value{{Name: "input", Type: elem, Dims: []onnx.Dim{{Size: 1}, {Size: 3}, side(height, "h"), side(width, "w")}}},
		Outputs: []onnx.Value{{Name: "result", Type: elem, Dims: []onnx.Dim{{Size: 1}, {Size: 3}, side(2*height, "h2"), side(2*width, "w2")}}},
	})
}

// TestReadyFile puts our edges around foreign files and checks every pixel.
func TestReadyFile(t *testing.T) {
	t.Parallel()
	for _, elem := range []onnx.ElemType{onnx.Float32, onnx.Float16} {
		for _, fixed := range []bool{false, true} {
			for _, channels := range []int{3, 1} {
				t.Run(fmt.Sprintf("%s fixed=%t channels=%d", elem, fixed, channels), func(t *testing.T) {
					t.Parallel()
					height, width := int64(0), int64(0)
					if fixed {
						height, width = 5, 7
					}
					n, err := network.FromONNX(foreign(height, width, elem), network.Convention{Scale: 2})
					if err != nil {
						t.Fatal(err)
					}
					f := n.Info()
					if f.Scale != 2 || f.FixedHeight != int(height) || f.FixedWidth != int(width) {
						t.Errorf("facts are %+v", f)
					}
					o := network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: channels, Borders: network.AllBorders}
					samples := sampled(5, 7, channels)
					got, high, wide := run(t, open(t, n, o), samples, 5, 7)
					if high != 10 || wide != 14 {
						t.Fatalf("%dx%d pixels", wide, high)
					}
					for i, v := range got {
						c, x, y := i%channels, i/channels%wide, i/channels/wide
						if want := samples[(y/2*7+x/2)*channels+c]; v != want {
							t.Fatalf("pixel %d,%d is %d, want %d", x, y, v, want)
						}
					}
				})
			}
		}
	}
}
