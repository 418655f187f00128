package ort

import (
	"context"
	"fmt"
	"slices"
	"time"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"upscaled/models/network"
	"upscaled/models/onnx"
)

// Peak measures the device's rate in large matrix products, in operations per
// second, a multiply-add being two. It takes a few seconds.
func (r *Runtime) Peak(ctx context.Context) (float64, error) {
	d := r.Device()
	side, products := int64(1536), 4
	if d.Kind != cpu {
		side, products = 8192, 16
	}
	options, err := r.sessionOptions(nil)
	if err != nil {
		return 0, translate(err, "set up a session")
	}
	defer options.Destroy()
	session, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(
		matrixProducts(side, products, d.Precision), []string{"x"}, []string{"y"}, options)
	if err != nil {
		return 0, translate(err, "open a session")
	}
	defer session.Destroy()
	const runs = 6
	var times []time.Duration
	for range runs {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		spent, err := once(session)
		if err != nil {
			return 0, fmt.Errorf("measure the peak: %w", translate(err, "multiply matrices"))
		}
		times = append(times, spent)
	}
	return 2 * float64(side) * float64(side) * float64(side) * float64(products) / slices.Min(times).Seconds(), nil
}

func once(session *onnxruntime.DynamicAdvancedSession) (time.Duration, error) {
	in, err := onnxruntime.NewTensor(onnxruntime.NewShape(1), []float32{1})
	if err != nil {
		return 0, err
	}
	defer in.Destroy()
	values := []onnxruntime.Value{nil}
	began := time.Now()
	if err := session.Run([]onnxruntime.Value{in}, values); err != nil {
		return 0, err
	}
	spent := time.Since(began)
	return spent, values[0].Destroy()
}

// matrixProducts returns a graph that multiplies a matrix of side x side count
// times by itself and outputs the largest element. The matrix is x * u * v, so that
// hardly anything is copied to the device.
func matrixProducts(side int64, count int, precision network.Precision) []byte {
	t := onnx.Float32
	if precision == network.Float16 {
		t = onnx.Float16
	}
	column := make([]float32, side)
	for i := range column {
		column[i] = float32(i%17-8) / 1024
	}
	nodes := []onnx.Node{
		{Op: "Cast", Inputs: []string{"x"}, Outputs: []string{"h"}, Attributes: []onnx.Attribute{onnx.Int("to", int64(t))}},
		{Op: "Mul", Inputs: []string{"u", "h"}, Outputs: []string{"w"}},
		{Op: "Mul", Inputs: []string{"w", "v"}, Outputs: []string{"m"}},
	}
	last := "m"
	for i := range count {
		next := fmt.Sprint("p", i)
		nodes = append(nodes, onnx.Node{Op: "MatMul", Inputs: []string{last, "m"}, Outputs: []string{next}})
		last = next
	}
	nodes = append(nodes,
		onnx.Node{Op: "ReduceMax", Inputs: []string{last}, Outputs: []string{"r"}, Attributes: []onnx.Attribute{onnx.Int("keepdims", 1)}},
		onnx.Node{Op: "Cast", Inputs: []string{"r"}, Outputs: []string{"y"}, Attributes: []onnx.Attribute{onnx.Int("to", int64(onnx.Float32))}})
	return onnx.Marshal(onnx.Model{
		Name: "peak", Nodes: nodes,
		Tensors: []onnx.Tensor{
			{Name: "u", Type: t, Dims: []int64{side, 1}, Floats: column},
			{Name: "v", Type: t, Dims: []int64{1, side}, Floats: column},
		},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: []onnx.Dim{{Size: 1}}}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Dims: []onnx.Dim{{Size: 1}, {Size: 1}}}},
	})
}
