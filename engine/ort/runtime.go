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
	// Device is one of Devices, such as "cuda:0".
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
	turn    sync.Mutex // held by each native call of opaque providers
}

// Runtime is an engine.Runtime on one device.
type Runtime struct {
	options Options
	device  deviceName
	// precision is the fastest one of the device without visible loss.
	precision network.Precision
	card      Card // its name and memory, unless CUDA knows them
	pinned    pinnedMemory
	turn      *sync.Mutex // nil unless the provider is opaque
	close     sync.Once
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
	r := &Runtime{options: o, device: device, precision: network.Float32}
	if device.opaque {
		r.turn = &environment.turn
	}
	if device.kind != cpu {
		if err := r.check(); err != nil {
			_ = r.Close()
			return nil, err
		}
	}
	switch {
	case device.nvidia():
		r.pinned.open()
	case device.kind != cpu:
		r.card.Name = o.Device
		if cards := Cards(); len(cards) > 0 && device.number == 0 {
			r.card = cards[0]
		}
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
	if ctx.Err() != nil {
		return nil, canceled(ctx)
	}
	if r.device.kind == cpu {
		s, err := r.open(ctx, net, o)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := await(ctx, r.turn, func() (*session, error) { return r.open(ctx, net, o) }, func(s *session) { _ = s.Close() })
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (r *Runtime) open(ctx context.Context, net *network.Network, o network.Options) (*session, error) {
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
	s := &session{inner: inner, info: net.Info(), options: o, turn: r.turn}
	if o.Width > 0 && r.device.kind != cpu {
		if err := s.warmUp(ctx); err != nil {
			s.mutex.Lock()
			_ = s.destroy()
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

// Tune changes how the sessions that are opened from now on run: the options' CUDA and
// Parallel. It precedes all other calls.
func (r *Runtime) Tune(o Options) { r.options.CUDA, r.options.Parallel = o.CUDA, o.Parallel }
