package upscaler

import (
	"fmt"

	"upscaled/engine"
	"upscaled/engine/onednn"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// prober looks for oneDNN, as onednn.Probe does.
type prober func(file string) (onednn.Library, error)

// chooseCPU puts oneDNN in front of ONNX Runtime if it is asked for, or if it is
// installed and this CPU gains by it. Models that oneDNN cannot run stay with ONNX
// Runtime.
func (u *Upscaler) chooseCPU(probe prober) error {
	library, reason, err := u.options.oneDNN(probe)
	if err != nil {
		return err
	}
	if library == nil && u.options.Precision == network.BFloat16 {
		return invalid("precision", "bfloat16 needs oneDNN, which is not used: %s", reason)
	}
	if library == nil {
		return nil
	}
	runtime, err := onednn.Open(onednn.Options{Library: u.options.OneDNN, Threads: u.options.Threads, Precision: u.options.Precision})
	if err != nil {
		return err
	}
	u.onClose(runtime.Close)
	u.runtimes[0] = engine.WithFallback(runtime, u.runtimes[0])
	return nil
}

// describeCPU says which library computes on the CPU and why.
func (o Options) describeCPU() (string, error) {
	library, reason, err := o.oneDNN(onednn.Probe)
	if err != nil || library == nil {
		return "ONNX Runtime: " + reason, err
	}
	return fmt.Sprintf("oneDNN %s (%s): %s", library.Version, library.Name, reason), nil
}

// oneDNN returns oneDNN if it is to be used, else nil, and the reason.
func (o Options) oneDNN(probe prober) (*onednn.Library, string, error) {
	if o.CPUEngine == "onnxruntime" {
		return nil, "asked for by --cpu-engine", nil
	}
	asked := o.CPUEngine == "onednn"
	found, err := probe(o.OneDNN)
	switch {
	case err != nil && (asked || o.OneDNN != ""):
		return nil, "", err
	case err != nil:
		return nil, fault.Sentence(err), nil
	case asked:
		return &found, "asked for by --cpu-engine", nil
	case o.Precision == network.Float16:
		return nil, "oneDNN has no float16 on CPUs", nil
	case found.Reason != "":
		return nil, found.Reason, nil
	}
	return &found, "faster here, on " + found.Instructions, nil
}
