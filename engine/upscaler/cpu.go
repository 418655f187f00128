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

// examineCPU finds what computes on the CPU and, if the wanted model is installed and
// runs on our engine, times its kernels.
func (found *Installation) examineCPU(ctx context.Context, o Options) {
	own, err := o.openCPU()
	if own == nil || err != nil {
		found.CPU, found.CPUError = "ONNX Runtime", err
		return
	}
	defer own.Close()
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
	if fault.KindOf(found.CPUError) == fault.Unsupported {
		found.CPU, found.CPUError = "ONNX Runtime: "+fault.Sentence(found.CPUError), nil
	}
}
