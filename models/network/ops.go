package network

import (
	"strconv"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// graph collects the nodes and constants of one graph. Values are referred to by
// name; methods that add a node return the name of its output.
type graph struct {
	nodes   []onnx.Node
	tensors []onnx.Tensor
	// prefix keeps names apart from those of a foreign graph.
	prefix string
	// opset is the version of a foreign graph's operators; 0 is onnx.Opset.
	opset int64
	count int
}

func (g *graph) name(kind string) string {
	g.count++
	return g.prefix + kind + strconv.Itoa(g.count)
}

// op adds a node with one output.
func (g *graph) op(op string, inputs []string, attributes ...onnx.Attribute) string {
	out := g.name(op)
	g.nodes = append(g.nodes, onnx.Node{Name: out, Op: op, Inputs: inputs, Outputs: []string{out}, Attributes: attributes})
	return out
}

// float adds a float32 scalar, whatever the graph's precision.
func (g *graph) float(v float64) string {
	return g.constant(onnx.Tensor{Type: onnx.Float32, Floats: []float32{float32(v)}})
}

// typed adds a constant of floats in the given type.
func (g *graph) typed(t onnx.ElemType, values []float32, dims ...int64) string {
	return g.constant(onnx.Tensor{Type: t, Dims: dims, Floats: values})
}

// ints adds a list of integers, such as a shape.
func (g *graph) ints(values ...int64) string {
	return g.constant(onnx.Tensor{Type: onnx.Int64, Dims: []int64{int64(len(values))}, Ints: values})
}

func (g *graph) constant(t onnx.Tensor) string {
	t.Name = g.name("const")
	g.tensors = append(g.tensors, t)
	return t.Name
}

// leaky adds a LeakyReLU with the slope that RRDBNet and GFPGAN share.
func (g *graph) leaky(x string) string {
	return g.op("LeakyRelu", []string{x}, onnx.Float("alpha", rrdbSlope))
}

// nearest adds nearest-neighbor upsampling, in a form that keeps ONNX Runtime's
// blocked layout.
func (g *graph) nearest(x string, scale int) string {
	f := float32(scale)
	scales := g.constant(onnx.Tensor{Type: onnx.Float32, Dims: []int64{4}, Floats: []float32{1, 1, f, f}})
	return g.op("Resize", []string{x, "", scales},
		onnx.String("mode", "nearest"),
		onnx.String("nearest_mode", "floor"),
		onnx.String("coordinate_transformation_mode", "asymmetric"))
}

// cubic adds bicubic upsampling.
func (g *graph) cubic(x string, scale int) string {
	f := float32(scale)
	return g.op("Resize", []string{x, g.typed(onnx.Float32, nil, 0), g.typed(onnx.Float32, []float32{1, 1, f, f}, 4)},
		onnx.String("mode", "cubic"))
}

func (g *graph) cast(x string, t onnx.ElemType) string {
	return g.op("Cast", []string{x}, onnx.Int("to", int64(t)))
}

func (g *graph) transpose(x string, order ...int64) string {
	return g.op("Transpose", []string{x}, onnx.Ints("perm", order...))
}

func (g *graph) reshape(x string, shape ...int64) string {
	return g.op("Reshape", []string{x, g.ints(shape...)})
}

func (g *graph) concat(axis int64, inputs ...string) string {
	return g.op("Concat", inputs, onnx.Int("axis", axis))
}

// mixed adds a float32 convolution of 1x1 whose outputs are weighted sums of the
// channels.
func (g *graph) mixed(x string, rows [][]float64) string {
	var weight []float32
	for _, row := range rows {
		for _, w := range row {
			weight = append(weight, float32(w))
		}
	}
	return g.op("Conv", []string{x, g.typed(onnx.Float32, weight, int64(len(rows)), int64(len(rows[0])), 1, 1)})
}

// rename changes the name of the last node's output.
func (g *graph) rename(old, name string) {
	node := &g.nodes[len(g.nodes)-1]
	for i, out := range node.Outputs {
		if out == old {
			node.Outputs[i] = name
		}
	}
}

// checkHalf rejects weights that half precision cannot hold.
func (g *graph) checkHalf() error {
	for _, t := range g.tensors {
		if t.Type != onnx.Float16 {
			continue
		}
		for _, v := range t.Floats {
			if v > onnx.MaxHalf || v < -onnx.MaxHalf {
				return fault.New(fault.Unsupported,
					"This model has weights too large for float16; use float32.")
			}
		}
	}
	return nil
}
