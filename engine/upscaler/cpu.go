package upscaler

import (
	"fmt"
	"strings"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/models/network"
)

// chooseCPU puts our CPU engine in front of ONNX Runtime, unless the options ask for
// something that only ONNX Runtime does. Models that are not chains of convolutions
// stay with ONNX Runtime.
func (u *Upscaler) chooseCPU() error {
	own, err := u.options.openCPU()
	if own == nil || err != nil {
		return err
	}
	u.onClose(own.Close)
	u.runtimes[0] = engine.WithFallback(own, u.runtimes[0])
	return nil
}

// openCPU opens our CPU engine, or returns nil if ONNX Runtime alone is to be used.
func (o Options) openCPU() (*cpu.Runtime, error) {
	if o.CPUEngine == "onnxruntime" || o.Precision == network.Float16 {
		if o.Precision == network.BFloat16 {
			return nil, invalid("precision", "is bfloat16, which ONNX Runtime does not have on CPUs; leave out --cpu-engine")
		}
		return nil, nil
	}
	return cpu.Open(cpu.Options{
		Threads: o.Threads, Precision: o.Precision, Kernels: o.CPUKernels, Cache: o.Store.Home(),
	})
}

// describeCPU says what computes on the CPU.
func (o Options) describeCPU() (string, error) {
	own, err := o.openCPU()
	if err != nil {
		return "", err
	}
	if own == nil {
		return "ONNX Runtime", nil
	}
	defer own.Close()
	return fmt.Sprintf("built-in engine, kernels %s", strings.Join(own.Kernels(), ", ")), nil
}
