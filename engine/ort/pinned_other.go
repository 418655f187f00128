//go:build !linux

package ort

// pinnedMemory exists on Linux only, as ONNX Runtime's CUDA provider does.
type pinnedMemory struct{}

func (*pinnedMemory) open() {}
