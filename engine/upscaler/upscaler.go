// Package upscaler opens a ready-to-use engine: it finds or downloads the models and,
// if needed, ONNX Runtime, chooses the device and upscales images from bytes to
// bytes.
//
//	u, err := upscaler.Open(ctx, upscaler.Options{})
//	if err != nil {
//		return err
//	}
//	defer u.Close()
//	_, err = u.UpscaleFile(ctx, "photo.jpg", "photo.large.jpg", engine.Request{})
//
// Errors carry a fault.Kind; fault.KindOf and fault.Sentence read them. Values of
// Options that make no sense are an *OptionError.
package upscaler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/tune"
	"upscaled/models"
	"upscaled/models/network"
)

// Options configure Open. The zero value uses the fastest device of this machine
// and the default model store, and downloads missing files.
type Options struct {
	// Home is the folder of models and libraries. "" is $UPSCALED_HOME, else the
	// folder "upscaled" in the user's cache folder.
	Home string
	// RuntimeLibrary is the path of the ONNX Runtime library. "" is
	// $UPSCALED_ONNXRUNTIME, else the one in Home, downloaded when it is needed.
	RuntimeLibrary string
	// Offline forbids downloads; a missing file is then fault.ModelMissing.
	Offline bool
	// Download, if not nil, follows downloads; it is called from one goroutine at a
	// time.
	Download func(models.Progress)
	// Store, if not nil, is used in place of one opened with the fields above.
	Store *models.Store

	// Device is "auto", one of ort.Devices such as "cuda:0", or several such as
	// "cuda:0,1". "" is "auto": an NVIDIA GPU if there is one and its library is
	// installed, another graphics card if it is the fastest, else the CPU.
	Device string
	// Threads is the number of CPU threads; 0 is one per core.
	Threads int
	// Precision is "auto", "float32", "float16" (GPUs) or "bfloat16" (CPUs). "" is
	// "auto": the fastest without visible loss.
	Precision network.Precision
	// CPUEngine is "auto" or "onnxruntime". "" is "auto": the built-in engine for the
	// models that it runs, ONNX Runtime for others.
	CPUEngine string
	// CPUKernels names the instruction set that the built-in engine uses, such as
	// "avx2"; "" measures those that the CPU supports.
	CPUKernels string
	// Tune is "auto", "off" or "always": whether to measure how a GPU runs the model
	// fastest. "" is "auto": once per GPU and model, which takes some seconds.
	Tune string

	// Model is used by requests that name none. "" is the device's default; see
	// models.Store.Default.
	Model string
	// Limits bound the images that are decoded; nil is imagedata.DefaultLimits.
	Limits *imagedata.Limits
	// TileMemory is the memory of one tile in bytes; 0 plans it from the device's
	// free memory.
	TileMemory int64

	// Note, if not nil, receives sentences for the user about how the engine was
	// opened.
	Note func(string)
	// Trial, if not nil, follows the measurements of a GPU.
	Trial func(tune.Trial)
}

// OptionError reports an option whose value makes no sense.
type OptionError struct {
	// Option is in lower case with hyphens, such as "cpu-engine".
	Option string
	// Problem completes the sentence that begins with the option's name.
	Problem string
}

func (e *OptionError) Error() string { return e.Option + " " + e.Problem }

func invalid(option, format string, args ...any) error {
	return &OptionError{option, fmt.Sprintf(format, args...)}
}

// Upscaler is an open engine with its devices and models. It may be used
// concurrently: images that are upscaled at once share the device fairly.
type Upscaler struct {
	*engine.Engine
	options Options
	store   *models.Store
	// runtimes has one element per device. native is ONNX Runtime on the first
	// one, which also runs a face detector.
	runtimes []engine.Runtime
	native   *native

	closing sync.Mutex     // guards closers
	closers []func() error // run in reverse order
}

var _ engine.Upscaler = (*Upscaler)(nil)

// Open opens the devices. Models are downloaded when the first request needs them; see
// Prepare. So is ONNX Runtime on CPUs, for models that the built-in engine does not
// run; on GPUs Open downloads it. The caller closes the Upscaler.
func Open(ctx context.Context, o Options) (*Upscaler, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	u := &Upscaler{options: o, store: o.Store}
	if err := u.openDevices(ctx); err != nil {
		return nil, errors.Join(err, u.Close())
	}
	faces := &detectors{store: u.store, native: u.native, keep: u.onClose}
	u.Engine = engine.New(engine.Options{
		Runtime: u.runtimes[0], Others: u.runtimes[1:], Library: u.store, Detector: faces.get,
		Limits: *o.Limits, TileMemory: o.TileMemory, Precision: o.Precision, Tuning: u.tuning(),
	})
	u.onClose(func() error { u.Engine.Close(); return nil })
	return u, nil
}

// complete replaces zero values by their defaults, checks the options and opens
// the store.
func (o Options) complete() (Options, error) {
	o.Device, o.CPUEngine, o.Tune = cmp.Or(o.Device, "auto"), cmp.Or(o.CPUEngine, "auto"), cmp.Or(o.Tune, "auto")
	switch o.Precision {
	case "auto":
		o.Precision = ""
	case "", network.Float32, network.Float16, network.BFloat16:
	default:
		return o, invalid("precision", "is %q; use auto, float32, float16 or bfloat16", o.Precision)
	}
	if !slices.Contains([]string{"auto", "onnxruntime"}, o.CPUEngine) {
		return o, invalid("cpu-engine", "is %q; use auto or onnxruntime", o.CPUEngine)
	}
	if !slices.Contains([]string{"auto", "off", "always"}, o.Tune) {
		return o, invalid("tune", "is %q; use auto, off or always", o.Tune)
	}
	if o.Threads < 0 {
		return o, invalid("threads", "is %d; it is a number of threads, or 0 for one a core", o.Threads)
	}
	if o.Limits == nil {
		o.Limits = new(imagedata.DefaultLimits())
	}
	if o.Note == nil {
		o.Note = func(string) {}
	}
	var err error
	if o.Store == nil {
		o.Store, err = models.Open(models.Options{
			Home: o.Home, RuntimeLibrary: o.RuntimeLibrary, Offline: o.Offline, Progress: o.Download,
		})
	}
	return o, err
}

func (u *Upscaler) onClose(release func() error) {
	u.closing.Lock()
	defer u.closing.Unlock()
	u.closers = append(u.closers, release)
}

// Close frees the devices. No call of another method may be running.
func (u *Upscaler) Close() error {
	u.closing.Lock()
	defer u.closing.Unlock()
	var err error
	for _, release := range slices.Backward(u.closers) {
		err = errors.Join(err, release())
	}
	u.closers = nil
	return err
}
