//go:build !linux

package ort

// pinnedMemory is Linux's, as ONNX Runtime's CUDA provider is.
type pinnedMemory struct{}

func (*pinnedMemory) open() {}
