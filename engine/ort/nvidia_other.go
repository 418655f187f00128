//go:build !linux

package ort

import "fmt"

// nvidia returns a made-up name: ONNX Runtime's CUDA provider is published for
// Linux only.
func nvidia(number int) (name string, total, free int64) {
	return fmt.Sprintf("CUDA device %d", number), 0, 0
}
