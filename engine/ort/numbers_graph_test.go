package ort_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"upscaled/engine/ort"
	"upscaled/models"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

// The number tests run graphs by themselves rather than in a Session: they
// need the float edge, which images never use.

// startRuntime opens the installed ONNX Runtime once for all tests of the
// package and says why where it cannot. The library unloads with the process.
var startRuntime = sync.OnceValues(func() (*ort.Runtime, string) {
	store, err := models.Open(models.Options{Offline: true})
	if err != nil {
		return nil, err.Error()
	}
	library := store.InstalledLibrary("cpu")
	if gpu := store.InstalledLibrary("cuda"); gpu != "" && hasGPU() {
		library = gpu // a process loads one library, and this one does both
	}
	if library == "" {
		return nil, "ONNX Runtime is not installed; scripts/test fetches it"
	}
	runtime, err := ort.Open(ort.Options{Library: library, Device: "cpu"})
	if err != nil {
		return nil, err.Error()
	}
	return runtime, ""
})

// needRuntime skips a test where there is no ONNX Runtime, and fails it where
// the environment says that there must be one.
func needRuntime(t *testing.T) *ort.Runtime {
	t.Helper()
	runtime, reason := startRuntime()
	if reason != "" {
		missing(t, reason)
	}
	return runtime
}

func missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("UPSCALED_REQUIRE_RUNTIME") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// publishedWeights reads a model from the store.
func publishedWeights(t *testing.T, name string) weights.Tensors {
	t.Helper()
	store, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(store.Home(), "models", name, "weights-*.safetensors"))
	if err != nil || len(files) == 0 {
		missing(t, "the network "+name+" is not installed; scripts/test fetches it")
	}
	tensors, err := weights.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
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
	facts   network.Info
}

// opener opens a graph of one network.
type opener func(network.Options) session

// opens returns an opener that keeps its graphs open for the test, since opening
// one takes longer than running it on a small image.
func opens(t *testing.T, n *network.Network) opener {
	sessions := map[network.Options]session{}
	return func(o network.Options) session {
		if _, found := sessions[o]; !found {
			sessions[o] = open(t, n, o)
		}
		return sessions[o]
	}
}

func open(t *testing.T, n *network.Network, o network.Options) session {
	t.Helper()
	needRuntime(t)
	graph, err := n.Graph(o)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := onnxruntime.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	defer settings.Destroy()
	if err := settings.SetIntraOpNumThreads(1); err != nil { // tests are parallel, and idle threads spin
		t.Fatal(err)
	}
	s, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(graph,
		[]string{network.InputName}, []string{network.OutputName}, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Destroy() })
	return session{s, o, n.Info()}
}

// run passes in to the graph, height x width pixels, and returns its answer
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

// sampled is a test image with edges, slopes and noise, in 8-bit samples.
func sampled(height, width, channels int) []uint8 {
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

// image converts samples for the reference, gray ones three times.
func image[T uint8 | uint16 | float32](samples []T, height, width, channels int, unit float64) networktest.Image {
	out := networktest.New(3, height, width)
	for c := range 3 {
		for i := range height * width {
			out.Data[c*height*width+i] = float64(samples[i*channels+c%channels]) / unit
		}
	}
	return out
}

// expected lays a reference's answer out as pixels in 0..1, clamped; with one
// channel it is the answer's BT.601 luma.
func expected(m networktest.Image, channels int) []float64 {
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
