package upscaler

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"upscaled/engine"
	"upscaled/engine/ort"
	"upscaled/engine/tune"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Tunings returns the measurements of this machine's GPUs.
func Tunings(store *models.Store) ([]tune.Record, error) { return tuningCache(store).All() }

func tuningCache(store *models.Store) tune.Cache {
	return tune.Cache{Folder: filepath.Join(store.Home(), "tuning")}
}

// tuneBudget bounds the measuring of a GPU, which the first image waits for.
const tuneBudget = 20 * time.Second

// cudaVariant is one way to compute convolutions on a CUDA GPU.
type cudaVariant struct {
	name     string
	settings ort.CUDA
}

// cudaVariants lists them, the default first: it is used if there is no time to
// measure.
func cudaVariants() []cudaVariant {
	return []cudaVariant{
		{"heuristic, channels last", ort.DefaultCUDA()},
		{"heuristic, channels first", ort.CUDA{Search: "HEURISTIC", LargeWorkspace: true}},
		{"exhaustive, channels last", ort.CUDA{Search: "EXHAUSTIVE", NHWC: true, LargeWorkspace: true}},
		{"exhaustive, channels first", ort.CUDA{Search: "EXHAUSTIVE", LargeWorkspace: true}},
	}
}

// tuned completes a GPU's options by its measurements, and measures first if the
// options ask for it. runtime has the options.
func (u *Upscaler) tuned(ctx context.Context, runtime *ort.Runtime, o ort.Options) (ort.Options, error) {
	name := cmp.Or(u.options.Model, u.store.Default(runtime.Device().Kind))
	model, err := u.store.Load(ctx, name, nil)
	if err != nil {
		return o, err
	}
	cache, key := tuningCache(u.store), u.tuningKey(runtime)
	record, found := cache.Load(key(model))
	if u.options.Tune == "always" || u.options.Tune == "auto" && !found {
		if record, err = u.measure(ctx, runtime, o, key(model), model, name); err != nil {
			return o, err
		}
		u.options.keep(record)
	}
	o.Parallel = record.Best.Parallel
	o.CUDA = func(model *network.Network) ort.CUDA {
		record, _ := cache.Load(key(model))
		for _, v := range cudaVariants() {
			if v.name == record.Best.Variant {
				return v.settings
			}
		}
		return ort.DefaultCUDA()
	}
	return o, nil
}

// keep stores a measurement for later runs.
func (o Options) keep(r tune.Record) {
	if err := tuningCache(o.Store).Save(r); err != nil {
		o.Note("The measurement could not be kept: " + err.Error())
	}
}

// tuningKey returns a function of the model that identifies measurements on a
// device.
func (u *Upscaler) tuningKey(r *ort.Runtime) func(*network.Network) tune.Key {
	d := r.Device()
	precision := cmp.Or(u.options.Precision, d.Precision)
	return func(model *network.Network) tune.Key {
		return tune.Key{Device: d.Name, Kind: d.Kind, Library: r.Version(), Network: model.ID(), Precision: string(precision)}
	}
}

// measure finds the fastest way to run a model on a device. Devices other than CUDA's
// have one way, runtime's.
func (u *Upscaler) measure(ctx context.Context, runtime *ort.Runtime, o ort.Options, key tune.Key, model *network.Network, name string) (tune.Record, error) {
	u.options.Note(fmt.Sprintf("Measuring how %s runs %s fastest; this is done once and takes up to %d s.", key.Device, name, int(tuneBudget.Seconds())))
	variants, sides := []tune.Variant{{Name: key.Kind, Runtime: runtime}}, []int{128, 256, 384, 512, 768, 1024}
	if key.Kind == "cuda" {
		variants, sides = nil, sides[1:]
		for _, v := range cudaVariants() {
			o.CUDA = func(*network.Network) ort.CUDA { return v.settings }
			runtime, err := ort.Open(o)
			if err != nil {
				return tune.Record{}, err
			}
			defer func() { _ = runtime.Close() }()
			variants = append(variants, tune.Variant{Name: v.name, Runtime: runtime})
		}
	}
	parallel := []int{1, 2, 3}
	if runtime.Device().Parallel == 1 {
		parallel = parallel[:1]
	}
	result, err := tune.Measure(ctx, tune.Options{
		Net: model, Precision: network.Precision(key.Precision), Variants: variants,
		Sides: sides, Parallel: parallel, Budget: tuneBudget, Progress: u.options.Trial,
	})
	if err != nil {
		return tune.Record{}, fault.Wrap(fault.KindOf(err), err, "The GPU could not be measured: %s", fault.Sentence(err))
	}
	return tune.Record{Key: key, Model: name, Made: time.Now().UTC(), Result: result}, nil
}

// tuning returns a function that looks up a model's measurement, nil on devices that
// are not measured.
func (u *Upscaler) tuning() func(*network.Network) engine.Tuning {
	runtime, isNative := u.runtimes[0].(*ort.Runtime)
	if !isNative || !runtime.Device().StaticShapes {
		return nil
	}
	cache, key := tuningCache(u.store), u.tuningKey(runtime)
	return func(model *network.Network) engine.Tuning {
		record, _ := cache.Load(key(model))
		return engine.Tuning{TilePixels: record.Best.Side * record.Best.Side}
	}
}
