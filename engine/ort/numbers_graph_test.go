package ort_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"upscaled/models/network"
	"upscaled/models/network/reference"
	"upscaled/models/weights"
)

// The number tests run graphs by themselves rather than in a Session: they
// need the float edge, which pictures never use.

// startRuntime loads ONNX Runtime from $UPSCALED_ORT or the user's store, and
// skips the test where there is none.
var startRuntime = sync.OnceValue(func() string {
	if onnxruntime.IsInitialized() {
		return ""
	}
	path := findLibrary()
	if path == "" {
		return "ONNX Runtime is not installed: set UPSCALED_ORT to its shared library"
	}
	onnxruntime.SetSharedLibraryPath(path)
	if err := onnxruntime.InitializeEnvironment(); err != nil && !onnxruntime.IsInitialized() {
		return "ONNX Runtime does not start: " + err.Error()
	}
	return ""
})

func findLibrary() string {
	if path := os.Getenv("UPSCALED_ORT"); path != "" {
		return path
	}
	return findInStore("libonnxruntime.so*")
}

// findInStore looks for a file name pattern anywhere below the user's cache.
func findInStore(pattern string) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	for _, depth := range []string{"", "*", "*/*", "*/*/*", "*/*/*/*"} {
		found, err := filepath.Glob(filepath.Join(cache, "upscaled", depth, pattern))
		if err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// publishedWeights reads a shipped network, by the name of its ncnn files, from
// $UPSCALED_WEIGHTS or the user's store.
func publishedWeights(t *testing.T, name string) weights.Tensors {
	t.Helper()
	param := filepath.Join(os.Getenv("UPSCALED_WEIGHTS"), name+".param")
	if os.Getenv("UPSCALED_WEIGHTS") == "" {
		param = findInStore(name + ".param")
	}
	tensors, err := weights.ReadFile(param)
	if err != nil {
		t.Skipf("the weights %s are not installed: %v", name, err)
	}
	return tensors
}

func recognized(t *testing.T, tensors weights.Tensors) *network.Network {
	t.Helper()
	n, err := network.Recognize(tensors)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// session is an open graph.
type session struct {
	session *onnxruntime.DynamicAdvancedSession
	options network.Options
	facts   network.Facts
}

func open(t *testing.T, n *network.Network, o network.Options) session {
	t.Helper()
	if reason := startRuntime(); reason != "" {
		t.Skip(reason)
	}
	graph, err := n.Graph(o)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := onnxruntime.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	defer settings.Destroy()
	s, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(graph,
		[]string{network.InputName}, []string{network.OutputName}, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Destroy() })
	return session{s, o, n.Facts()}
}

// run gives in to the graph, height x width pixels, and returns its answer
// with the sides it has.
func run[T uint8 | uint16 | float32](t *testing.T, s session, in []T, height, width int) ([]T, int, int) {
	t.Helper()
	shape := onnxruntime.NewShape(1, int64(height), int64(width), int64(s.options.Channels))
	input, err := onnxruntime.NewTensor(shape, in)
	if err != nil {
		t.Fatal(err)
	}
	defer input.Destroy()
	outputs := []onnxruntime.Value{nil}
	if err := s.session.Run([]onnxruntime.Value{input}, outputs); err != nil {
		t.Fatal(err)
	}
	output, ok := outputs[0].(*onnxruntime.Tensor[T])
	if !ok {
		t.Fatalf("the output is %T", outputs[0])
	}
	defer output.Destroy()
	sides := output.GetShape()
	if len(sides) != 4 || sides[0] != 1 || sides[3] != int64(s.options.Channels) {
		t.Fatalf("the output has the shape %v", sides)
	}
	return append([]T(nil), output.GetData()...), int(sides[1]), int(sides[2])
}

// picture is a test picture with edges, slopes and noise, in 8-bit samples.
func picture(height, width, channels int) []uint8 {
	out := make([]uint8, height*width*channels)
	state := uint32(height*width + 7)
	for i := range out {
		x, y := i/channels%width, i/channels/width
		state = state*1664525 + 1013904223
		v := 40 + 9*x + 5*y + 30*(i%channels) + int(state>>27)
		if (x/3+y/4)%2 == 1 {
			v = 230 - v/2
		}
		out[i] = uint8(max(0, min(255, v)))
	}
	return out
}

// image gives samples to the reference, gray ones three times.
func image[T uint8 | uint16 | float32](samples []T, height, width, channels int, unit float64) reference.Image {
	out := reference.New(3, height, width)
	for c := range 3 {
		for i := range height * width {
			out.Data[c*height*width+i] = float64(samples[i*channels+c%channels]) / unit
		}
	}
	return out
}

// expected lays a reference's answer out as pixels in 0..1, clamped; with one
// channel it is the answer's BT.601 luma.
func expected(m reference.Image, channels int) []float64 {
	area := m.Height * m.Width
	out := make([]float64, 0, area*channels)
	clamp := func(v float64) float64 { return max(0, min(1, v)) }
	for i := range area {
		r, g, b := m.Data[i], m.Data[area+i], m.Data[2*area+i]
		if channels == 1 {
			out = append(out, clamp(0.299*r+0.587*g+0.114*b))
		} else {
			out = append(out, clamp(r), clamp(g), clamp(b))
		}
	}
	return out
}
