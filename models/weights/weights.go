// Package weights reads network weights from the files people have (ncnn
// .param/.bin, PyTorch .pth, .safetensors) into named tensors. No code from a
// file is ever executed and no size in a file is believed before it is checked
// against the bytes that are there.
package weights

// Tensor is a dense float32 array in row-major order. Convolution weights are
// [out, in, kernel height, kernel width]; biases and PReLU slopes are [n].
type Tensor struct {
	Shape []int
	Data  []float32
}

// Tensors maps PyTorch-style names ("conv_first.weight") to tensors.
type Tensors map[string]Tensor
