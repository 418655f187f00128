package ort

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/onnx"
)

// check runs a convolution on the device in the fastest precision that it has, and
// in no other place: a provider without a device is an error here, while in other
// sessions ONNX Runtime would leave all nodes to the CPU.
func (r *Runtime) check() error {
	if r.device.kind == tensorrt { // whose engine takes seconds
		options, err := r.sessionOptions(nil)
		if err == nil {
			err = options.Destroy()
		}
		return missing(r.device, err)
	}
	var err error
	for _, r.precision = range []network.Precision{network.Float16, network.Float32} {
		if err = convolve(r); err == nil {
			break
		}
	}
	return missing(r.device, err)
}

// ErrNotBuilt is in the errors of Open for a device that the library cannot drive on
// any machine.
var ErrNotBuilt = errors.New("the library lacks the provider")

// missing returns what is needed for a device that reports an error.
func missing(device deviceName, err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); strings.Contains(text, "not supported in this build") || strings.Contains(text, "Unknown provider name") {
		err = errors.Join(ErrNotBuilt, err)
	}
	if translated := translate(err, "check the device"); fault.KindOf(translated) != fault.Internal {
		return translated
	}
	return fault.Wrap(fault.ModelMissing, err, "%s", device.missing)
}

// convolve runs convolution on the device, and checks the result.
func convolve(r *Runtime) error {
	if r.turn != nil {
		r.turn.Lock()
		defer r.turn.Unlock()
	}
	options, err := r.sessionOptions(nil)
	if err != nil {
		return err
	}
	defer options.Destroy()
	//guard:silent-cpu TestCheckIsNotForTheCPU => nil
	err = options.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1")
	if err != nil {
		return err
	}
	session, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(convolution(r.precision), []string{"x"}, []string{"y"}, options)
	if err != nil {
		return err
	}
	defer session.Destroy()
	in, err := onnxruntime.NewTensor(onnxruntime.NewShape(1, checkSide, checkSide, checkSide), slices.Repeat([]float32{1}, checkSide*checkSide*checkSide))
	if err != nil {
		return err
	}
	defer in.Destroy()
	values := []onnxruntime.Value{nil}
	if err := session.Run([]onnxruntime.Value{in}, values); err != nil {
		return err
	}
	defer values[0].Destroy()
	out, ok := values[0].(*onnxruntime.Tensor[float32])
	if !ok || slices.ContainsFunc(out.GetData(), func(v float32) bool { return v != checkSide }) {
		return fmt.Errorf("a convolution of ones is not %d", checkSide)
	}
	return nil
}

// checkSide is the width, height and number of channels of convolution.
const checkSide = 4

// convolution returns a graph that sums the channels of each pixel, in each channel.
func convolution(precision network.Precision) []byte {
	dims := []onnx.Dim{{Size: 1}, {Size: checkSide}, {Size: checkSide}, {Size: checkSide}}
	model := onnx.Model{
		Name:    "check",
		Tensors: []onnx.Tensor{{Name: "w", Type: onnx.Float32, Dims: []int64{checkSide, checkSide, 1, 1}, Floats: slices.Repeat([]float32{1}, checkSide*checkSide)}},
		Nodes:   []onnx.Node{{Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: dims}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Dims: dims}},
	}
	if precision == network.Float16 {
		cast := func(from, to string, t onnx.ElemType) onnx.Node {
			return onnx.Node{Op: "Cast", Inputs: []string{from}, Outputs: []string{to}, Attributes: []onnx.Attribute{onnx.Int("to", int64(t))}}
		}
		model.Tensors[0].Type = onnx.Float16
		model.Nodes[0].Inputs[0], model.Nodes[0].Outputs[0] = "h", "g"
		model.Nodes = []onnx.Node{cast("x", "h", onnx.Float16), model.Nodes[0], cast("g", "y", onnx.Float32)}
	}
	return onnx.Marshal(model)
}
