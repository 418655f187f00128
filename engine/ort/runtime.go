// Package ort runs models with ONNX Runtime. It is the only package that touches
// its native library; it destroys what it creates.
package ort

import (
	"context"
	"fmt"
	"os"
	"sync"

	onnx "github.com/yalue/onnxruntime_go"

	"upscaled/engine"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Options configure a Runtime.
type Options struct {
	// Library is the path of ONNX Runtime's shared library, 1.24 or newer.
	Library string
	// Device is "cpu", "cuda:N", "tensorrt:N" or "webgpu".
	Device string
	// Threads of one session; 0 is one per core.
	Threads int
	// CUDA returns how a model runs on an NVIDIA GPU; nil is DefaultCUDA for all.
	// It may be called concurrently.
	CUDA func(*network.Network) CUDA
	// MemoryLimit bounds one session's memory on a GPU in bytes; 0 is what is free
	// when the session opens.
	MemoryLimit int64
	// Parallel is the number of tiles that run at once on a GPU; 0 is 2.
	Parallel int
	// Cache is the folder for TensorRT's built engines.
	Cache string
}

// environment is ONNX Runtime's process-wide state, shared by all Runtimes and
// counted here because the library allows one at a time.
var environment struct {
	sync.Mutex
	users   int
	library string
}

// Runtime is an engine.Runtime on one device.
type Runtime struct {
	options Options
	device  deviceName
	pinned  pinnedMemory
	close   sync.Once
}

// Open loads the library and checks the device. It fails with fault.ModelMissing if
// the library or a dependency is missing, and with fault.Invalid for a device that
// does not exist. The caller closes the runtime after all of its sessions.
func Open(o Options) (*Runtime, error) {
	device, err := parseDevice(o.Device)
	if err != nil {
		return nil, err
	}
	if err := acquire(o.Library); err != nil {
		return nil, err
	}
	r := &Runtime{options: o, device: device}
	if device.kind != cpu {
		if err := r.checkProvider(); err != nil {
			_ = r.Close()
			return nil, err
		}
	}
	if device.nvidia() {
		r.pinned.open()
	}
	return r, nil
}

// Close ends the runtime; it may be repeated.
func (r *Runtime) Close() error {
	var err error
	r.close.Do(func() { err = release() })
	return err
}

// Version returns that of the loaded library, such as "1.30.0".
func (r *Runtime) Version() string { return onnx.GetVersion() }

func acquire(library string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.users > 0 {
		if environment.library != library {
			return fault.New(fault.Internal, "Another ONNX Runtime library is in use already.")
		}
		environment.users++
		return nil
	}
	if _, err := os.Stat(library); err != nil {
		return fault.Wrap(fault.ModelMissing, err,
			"The ONNX Runtime library is not at the given path; leave the path out to have it downloaded.")
	}
	if err := silence(); err != nil {
		return err
	}
	onnx.SetSharedLibraryPath(library)
	// Errors are returned; the log would repeat them on stderr, raw and colored.
	if err := onnx.InitializeEnvironment(onnx.WithLogLevelFatal()); err != nil {
		return fault.Wrap(fault.ModelMissing, fmt.Errorf("load ONNX Runtime: %w", err),
			"The ONNX Runtime library cannot be loaded; version 1.24 or newer for this system is needed.")
	}
	if err := shareArena(); err != nil {
		_ = onnx.DestroyEnvironment()
		return fault.Wrap(fault.Internal, err, "ONNX Runtime reported an error.")
	}
	environment.users, environment.library = 1, library
	return nil
}

// silence turns off telemetry: Linux builds of ONNX Runtime, since 1.30 at the
// latest, otherwise send events of every process to Microsoft and leave a file per
// process in the temporary folder.
func silence() error {
	if err := os.Setenv("ORT_DISABLE_TELEMETRY", "1"); err != nil { // of C's getenv too
		return fault.Wrap(fault.Internal, err, "ONNX Runtime's telemetry cannot be turned off.")
	}
	return nil
}

// shareArena makes one arena of CPU memory for all sessions. An arena per session
// would keep a tile's memory for every graph of border tiles; without any, every
// large tensor is mapped and page-faulted again, which takes 1.7 times as long at
// 512x512.
func shareArena() error {
	const noLimit, nextPowerOfTwo, byDefault = 0, 0, -1
	config, err := onnx.NewArenaCfg(noLimit, nextPowerOfTwo, byDefault, byDefault)
	if err != nil {
		return fmt.Errorf("configure the arena: %w", err)
	}
	defer config.Destroy()
	info, err := onnx.GetMemoryInfo()
	if err != nil {
		return fmt.Errorf("describe CPU memory: %w", err)
	}
	if err := onnx.CreateAndRegisterAllocator(info, config); err != nil {
		return fmt.Errorf("make the arena: %w", err)
	}
	return nil
}

func release() error {
	environment.Lock()
	defer environment.Unlock()
	if environment.users--; environment.users > 0 {
		return nil
	}
	if err := onnx.DestroyEnvironment(); err != nil {
		return fmt.Errorf("close ONNX Runtime: %w", err)
	}
	return nil
}

// Open implements engine.Runtime.
func (r *Runtime) Open(ctx context.Context, net *network.Network, o network.Options) (engine.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	graph, err := net.Graph(o)
	if err != nil {
		return nil, err
	}
	options, err := r.sessionOptions(net)
	if err != nil {
		return nil, translate(err, "set up a session")
	}
	defer options.Destroy()
	inner, err := onnx.NewDynamicAdvancedSessionWithONNXData(graph,
		[]string{network.InputName}, []string{network.OutputName}, options)
	if err != nil {
		return nil, translate(err, "open a session")
	}
	s := &session{inner: inner, info: net.Info(), options: o}
	if o.Width > 0 && r.device.kind != cpu {
		if err := s.warmUp(ctx); err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	return s, nil
}

// sessionOptions turns off the memory pattern: a session then takes the least
// memory and runs as fast.
func (r *Runtime) sessionOptions(net *network.Network) (*onnx.SessionOptions, error) {
	options, err := onnx.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	threads := r.options.Threads
	if threads == 0 {
		threads = cores()
	}
	for _, set := range []func() error{
		func() error { return options.SetGraphOptimizationLevel(onnx.GraphOptimizationLevelEnableAll) },
		func() error { return options.SetIntraOpNumThreads(threads) },
		func() error { return options.SetInterOpNumThreads(1) },
		func() error { return options.SetMemPattern(false) },
		func() error { return options.SetCpuMemArena(true) },
		func() error { return options.AddSessionConfigEntry("session.set_denormal_as_zero", "1") },
		func() error { return options.AddSessionConfigEntry("session.use_env_allocators", "1") },
		func() error { return r.appendProvider(options, net) },
	} {
		if err := set(); err != nil {
			_ = options.Destroy()
			return nil, err
		}
	}
	return options, nil
}

// Library returns the path of the loaded library.
func (r *Runtime) Library() string { return r.options.Library }
