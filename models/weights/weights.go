// Package weights reads model weights in the common file formats (ncnn
// .param/.bin, PyTorch .pth, .safetensors) into named tensors. It never executes
// code from a file, and checks every size in a file against the bytes that are
// there before trusting it.
package weights

// Tensor is a dense float32 array in row-major order. Convolution weights are
// [out, in, kernel height, kernel width]; biases and PReLU slopes are [n].
type Tensor struct {
	Shape []int
	Data  []float32
}

// Tensors maps PyTorch-style names ("conv_first.weight") to tensors.
type Tensors map[string]Tensor
