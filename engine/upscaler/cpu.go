package upscaler

import (
	"cmp"
	"context"
	"strings"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// chooseCPU opens our CPU engine, with ONNX Runtime for models that are not chains of
// convolutions, or ONNX Runtime alone if the options need it.
func (u *Upscaler) chooseCPU(ctx context.Context) error {
	own, err := u.options.openCPU()
	if err != nil {
		return err
	}
	if own == nil {
		runtime, err := u.native.asRuntime(ctx)
		u.runtimes = []engine.Runtime{runtime}
		return err
	}
	u.onClose(own.Close)
	u.runtimes = []engine.Runtime{engine.WithFallback(own, u.native.asRuntime)}
	return nil
}

// openCPU opens our CPU engine, or returns nil if ONNX Runtime alone is to be used:
// it also has float16 for CPUs without such instructions.
func (o Options) openCPU() (*cpu.Runtime, error) {
	if o.CPUEngine == "onnxruntime" {
		if o.Precision == network.BFloat16 {
			return nil, invalid("precision", "is bfloat16, which ONNX Runtime does not have on CPUs; leave out --cpu-engine")
		}
		return nil, nil
	}
	own, err := cpu.Open(cpu.Options{
		Threads: o.Threads, Precision: o.Precision, Kernels: o.CPUKernels, Cache: o.Store.Home(),
	})
	if o.Precision == network.Float16 && fault.KindOf(err) == fault.Unsupported {
		return nil, nil
	}
	return own, err
}

// examineCPU finds the engine of the CPU and, if the wanted model is installed and
// runs on our engine, times its kernels. Device stays nil if ONNX Runtime is needed.
func (found *Installation) examineCPU(ctx context.Context, o Options) {
	own, err := o.openCPU()
	if own == nil || err != nil {
		found.CPU, found.CPUError = "ONNX Runtime", err
		return
	}
	defer own.Close()
	found.Device = new(own.Device())
	found.CPU = "built-in engine, kernels " + strings.Join(own.Kernels(), ", ")
	entry, err := o.Store.Entry(cmp.Or(o.Model, o.Store.Default("cpu")))
	if err != nil || !entry.Installed {
		return
	}
	model, err := o.Store.Load(ctx, entry.Name, nil)
	if err != nil {
		return // the check of the models reports it
	}
	found.Model = entry.Name
	found.Kernels, found.CPUError = own.Candidates(ctx, model)
	for _, k := range found.Kernels {
		if k.Chosen {
			found.Device.Precision = k.Precision
		}
	}
	if fault.KindOf(found.CPUError) == fault.Unsupported {
		found.CPU, found.CPUError, found.Device = "ONNX Runtime: "+fault.Sentence(found.CPUError), nil, nil
	}
}
