package probe

import (
	"context"
	"math"
	"testing"

	"upscaled/engine/face/detect"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/onnx"
)

// restored is a session that maps samples one by one.
type restored func(float32) float32

func (restored) Close() error { return nil }

func (r restored) Run(_ context.Context, input []float32, shape []int64) (map[string]detect.Tensor, error) {
	for i, v := range input {
		input[i] = r(v)
	}
	return map[string]detect.Tensor{"y": {Shape: shape, Data: input}}, nil
}

// The range in which a face comes back is taken, the usual one in doubt, and what the
// user states above all.
func TestRestorerRange(t *testing.T) {
	t.Parallel()
	dims := []onnx.Dim{{Size: 1}, {Size: 3}, {Size: 32}, {Size: 32}}
	file := onnx.Marshal(onnx.Model{
		Nodes:   []onnx.Node{{Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: dims}, {Name: "weight", Type: onnx.Float32, Dims: dims[:1]}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Dims: dims}},
	})
	same := restored(func(v float32) float32 { return v })
	other := restored(func(v float32) float32 { return 1 - v })
	broken := restored(func(float32) float32 { return float32(math.NaN()) })
	for name, c := range map[string]struct {
		stated   string
		sessions []restored
		want     string
		kind     fault.Kind
	}{
		"around zero": {"", []restored{same, other}, network.RangeAroundZero, ""},
		"from zero":   {"", []restored{other, same}, network.RangeFromZero, ""},
		"in doubt":    {"", []restored{same, same}, network.RangeAroundZero, ""},
		"stated":      {network.RangeFromZero, []restored{other}, network.RangeFromZero, ""},
		"one broken":  {"", []restored{broken, other}, network.RangeFromZero, ""},
		"no image":    {"", []restored{broken, broken}, "", fault.Unsupported},
	} {
		opened := 0
		open := func([]byte) (Session, error) { opened++; return c.sessions[opened-1], nil }
		got, err := Restorer(t.Context(), open, file, network.RestorerDescriptor{Range: c.stated})
		if fault.KindOf(err) != c.kind || got.Range != c.want || opened != len(c.sessions) {
			t.Errorf("%s: %+v after %d runs, %v", name, got, opened, err)
		}
	}
}
