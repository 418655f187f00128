package ort

import (
	"context"
	"slices"
	"sync"

	onnx "github.com/yalue/onnxruntime_go"

	"upscaled/engine/face/detect"
	"upscaled/models/fault"
)

// Tensors runs any ONNX file with one float32 input and float32 outputs; it
// implements detect.TensorNetwork. Run may be called concurrently.
type Tensors struct {
	mutex   sync.RWMutex
	inner   *onnx.DynamicAdvancedSession // nil once closed
	outputs []string
}

// OpenTensors opens such a file. The caller closes it before the runtime. concurrent
// is for many calls of Run at once: on a CPU each then uses one thread.
func (r *Runtime) OpenTensors(file []byte, concurrent bool) (*Tensors, error) {
	inputs, outputs, err := onnx.GetInputOutputInfoWithONNXData(file)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The model's file cannot be read; pull or import it again.")
	}
	if len(inputs) != 1 || len(outputs) == 0 {
		return nil, fault.New(fault.Invalid, "The model has %d inputs and %d outputs; one input and at least one output are needed.", len(inputs), len(outputs))
	}
	t := &Tensors{}
	for _, output := range outputs {
		t.outputs = append(t.outputs, output.Name)
	}
	where := r
	if r.device.opaque { // the CPU is faster in small networks of many shapes
		where = &Runtime{options: r.options, device: deviceName{provider: &providers[0]}}
	}
	options, err := where.sessionOptions(nil)
	if err != nil {
		return nil, translate(err, "set up a session")
	}
	defer options.Destroy()
	if concurrent {
		if err := options.SetIntraOpNumThreads(1); err != nil {
			return nil, translate(err, "set up a session")
		}
	}
	t.inner, err = onnx.NewDynamicAdvancedSessionWithONNXData(file, []string{inputs[0].Name}, t.outputs, options)
	if err != nil {
		return nil, translate(err, "open a session")
	}
	return t, nil
}

// Close frees the session; it may be repeated.
func (t *Tensors) Close() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.inner == nil {
		return nil
	}
	err := t.inner.Destroy()
	t.inner = nil
	return err
}

// Run implements detect.TensorNetwork. The outputs are copies.
func (t *Tensors) Run(ctx context.Context, input []float32, shape []int64) (map[string]detect.Tensor, error) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	if t.inner == nil {
		return nil, fault.New(fault.Internal, "The session is closed.")
	}
	if ctx.Err() != nil {
		return nil, canceled(ctx)
	}
	in, err := onnx.NewTensor(onnx.NewShape(shape...), input)
	if err != nil {
		return nil, translate(err, "bind the input")
	}
	defer in.Destroy()
	values := make([]onnx.Value, len(t.outputs)) // made by the run
	if err := t.inner.Run([]onnx.Value{in}, values); err != nil {
		return nil, translate(err, "run the model")
	}
	results := map[string]detect.Tensor{}
	for i, value := range values {
		defer value.Destroy()
		tensor, ok := value.(*onnx.Tensor[float32])
		if !ok {
			return nil, fault.New(fault.Invalid, "The model's output %s is not of 32-bit floats.", t.outputs[i])
		}
		results[t.outputs[i]] = detect.Tensor{Shape: value.GetShape(), Data: slices.Clone(tensor.GetData())}
	}
	return results, nil
}
