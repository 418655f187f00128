package main

import (
	"fmt"

	"upscaled/engine"
	"upscaled/engine/onednn"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// chooseProcessor puts oneDNN in front of ONNX Runtime where that is asked
// for, or where it is here and the processor gains by it. What oneDNN cannot
// run stays with ONNX Runtime.
func (a *app) chooseProcessor(c *compute, threads int) error {
	precision, err := a.precision()
	if err != nil {
		return err
	}
	return a.chooseFrom(c, threads, precision, onednn.Probe)
}

// prober finds oneDNN, as onednn.Probe.
type prober func(file string) (onednn.Library, error)

// chooseFrom does so with what a prober finds. Where that is not to be used,
// the runtimes stay what they are.
func (a *app) chooseFrom(c *compute, threads int, precision network.Precision, probe prober) error {
	library, reason, err := a.pickLibrary(precision, probe)
	if err != nil {
		return err
	}
	c.processor = "ONNX Runtime: " + reason
	if library == nil && precision == network.BFloat16 {
		return usageError{fmt.Errorf("--precision bfloat16 needs oneDNN, which is not used: %s", reason)}
	}
	if library == nil {
		return nil
	}
	runtime, err := onednn.Open(onednn.Options{Library: a.settings.oneDNN, Threads: threads, Precision: precision})
	if err != nil {
		return err
	}
	a.onClose(runtime.Close)
	c.runtimes[0] = engine.WithFallback(runtime, c.runtimes[0])
	c.processor = fmt.Sprintf("oneDNN %s: %s", library.Version, reason)
	return nil
}

// processorLibrary is oneDNN where it is to be used, else nil, and says why.
func (a *app) processorLibrary(precision network.Precision) (*onednn.Library, string, error) {
	return a.pickLibrary(precision, onednn.Probe)
}

func (a *app) pickLibrary(precision network.Precision, probe prober) (*onednn.Library, string, error) {
	switch a.settings.cpuEngine {
	case "onnxruntime":
		return nil, "asked for by --cpu-engine", nil
	case "auto", "onednn":
	default:
		return nil, "", usageError{fmt.Errorf("--cpu-engine is %q; use auto, onednn or onnxruntime", a.settings.cpuEngine)}
	}
	asked := a.settings.cpuEngine == "onednn"
	found, err := probe(a.settings.oneDNN)
	switch {
	case err != nil && (asked || a.settings.oneDNN != ""):
		return nil, "", err
	case err != nil:
		return nil, fault.Sentence(err), nil
	case asked:
		return &found, "asked for by --cpu-engine", nil
	case precision == network.Float16:
		return nil, "oneDNN has no float16 on processors", nil
	case found.Reason != "":
		return nil, found.Reason, nil
	}
	return &found, "faster here, on " + found.Instructions, nil
}
