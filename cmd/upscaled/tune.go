package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"upscaled/engine"
	"upscaled/engine/ort"
	"upscaled/engine/tune"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/models/network"
)

const tuneHelp = `Measures how the GPU runs networks fastest: the way of computing convolutions,
the size of tiles and how many run at once. The first use of a network on a card
does the same by itself, see --tune; 'upscaled doctor' shows what was found. A
new driver, card or ONNX Runtime is measured anew.`

func newTuneCommand(a *app) *cobra.Command {
	var names []string
	cmd := &cobra.Command{
		Use: "tune", Short: "Measure how a GPU runs networks fastest", Long: tuneHelp,
		Example: "  upscaled tune\n  upscaled tune --device cuda:1 --models realesrgan-x4plus,realesr-general-x4v3",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.tune(cmd.Context(), names) },
	}
	cmd.Flags().StringSliceVar(&names, "models", nil, "networks to measure (default: --model)")
	a.addComputeFlags(cmd.Flags())
	return cmd
}

func (a *app) tune(ctx context.Context, names []string) error {
	if len(names) == 0 {
		names = []string{a.settings.model}
	}
	a.settings.tune = "always"
	for _, name := range names {
		a.settings.model = name
		c, err := a.openRuntimes(ctx, a.settings.device, a.settings.threads)
		if err != nil {
			return err
		}
		if !c.runtimes[0].Device().StaticShapes {
			return usageError{fmt.Errorf("the processor needs no measuring; name a GPU with --device")}
		}
	}
	return nil
}

// tuningCache keeps measurements beside the models.
func tuningCache(store *models.Store) tune.Cache {
	return tune.Cache{Folder: filepath.Join(store.Home(), "tuning")}
}

// Bounds of measuring a card: it must not keep a first picture waiting long.
const (
	tuneBudget = 20 * time.Second
	tuneLeast  = 256 // pixels of a tile's side
)

func tuneSides() []int    { return []int{tuneLeast, 384, 512, 768, 1024} }
func tuneParallel() []int { return []int{1, 2, 3} }

// way is one way of running a network on a CUDA card.
type way struct {
	name     string
	settings ort.CUDA
}

// ways lists them all, the default first: with no time to measure it is taken.
func ways() []way {
	return []way{
		{"heuristic, channels last", ort.DefaultCUDA()},
		{"heuristic, channels first", ort.CUDA{Search: "HEURISTIC", LargeWorkspace: true}},
		{"exhaustive, channels last", ort.CUDA{Search: "EXHAUSTIVE", NHWC: true, LargeWorkspace: true}},
		{"exhaustive, channels first", ort.CUDA{Search: "EXHAUSTIVE", LargeWorkspace: true}},
	}
}

// tuned completes a GPU's options by what was measured, and measures first
// where that is asked for.
func (a *app) tuned(ctx context.Context, store *models.Store, o ort.Options) (ort.Options, error) {
	switch a.settings.tune {
	case "auto", "off", "always":
	default:
		return o, usageError{fmt.Errorf("--tune is %q; use auto, off or always", a.settings.tune)}
	}
	runtime, err := ort.Open(o)
	if err != nil {
		return o, err
	}
	defer func() { _ = runtime.Close() }()
	name := a.settings.model
	if name == "" {
		name = store.Default(runtime.Device().Kind)
	}
	net, err := store.Load(ctx, name, nil)
	if err != nil {
		return o, err
	}
	cache := tuningCache(store)
	key := a.tuningKey(runtime)
	record, found := cache.Load(key(net))
	if a.settings.tune == "always" || a.settings.tune == "auto" && !found {
		record, err = a.measure(ctx, o, key(net), net, name)
		if err != nil {
			return o, err
		}
		if err := cache.Save(record); err != nil {
			a.note("The measurement could not be kept: " + err.Error())
		}
	}
	o.Parallel = record.Best.Parallel
	o.CUDA = func(net engine.Network) ort.CUDA {
		record, _ := cache.Load(key(net))
		for _, w := range ways() {
			if w.name == record.Best.Variant {
				return w.settings
			}
		}
		return ort.DefaultCUDA()
	}
	return o, nil
}

// tuningKey says what measurements on a device hold for.
func (a *app) tuningKey(r *ort.Runtime) func(engine.Network) tune.Key {
	d := r.Device()
	precision := d.Precision
	if p, err := a.precision(); err == nil && p != "" {
		precision = p
	}
	return func(net engine.Network) tune.Key {
		return tune.Key{Device: d.Name, Kind: d.Kind, Library: r.Version(), Network: net.ID(), Precision: string(precision)}
	}
}

// measure tries what a device offers.
func (a *app) measure(ctx context.Context, o ort.Options, key tune.Key, net engine.Network, name string) (tune.Record, error) {
	a.note(fmt.Sprintf("Measuring how %s runs %s fastest; this is done once and takes up to %d s.", key.Device, name, int(tuneBudget.Seconds())))
	var variants []tune.Variant
	for _, w := range ways() {
		o.CUDA = func(engine.Network) ort.CUDA { return w.settings }
		runtime, err := ort.Open(o)
		if err != nil {
			return tune.Record{}, err
		}
		defer func() { _ = runtime.Close() }()
		variants = append(variants, tune.Variant{Name: w.name, Runtime: runtime})
		if key.Kind != "cuda" {
			break // the ways are CUDA's
		}
	}
	result, err := tune.Measure(ctx, tune.Options{
		Net: net, Precision: network.Precision(key.Precision), Variants: variants, Sides: tuneSides(), Parallel: tuneParallel(), Budget: tuneBudget,
		Progress: func(t tune.Trial) {
			if isTerminal(a.stderr) {
				fmt.Fprintf(a.stderr, "  %s, tile %d, %d at once: %.1f MP/s %s\n", t.Variant, t.Side, t.Parallel, t.MegapixelsPerSecond, t.Problem)
			}
		},
	})
	if err != nil {
		return tune.Record{}, fault.Wrap(fault.KindOf(err), err, "The GPU could not be measured: %s", fault.Sentence(err))
	}
	return tune.Record{Key: key, Model: name, Made: time.Now().UTC(), Result: result}, nil
}

// tuning tells the engine what was measured.
func (a *app) tuning(r *ort.Runtime) func(engine.Network) engine.Tuning {
	if a.store == nil || !r.Device().StaticShapes {
		return nil
	}
	cache, key := tuningCache(a.store), a.tuningKey(r)
	return func(net engine.Network) engine.Tuning {
		record, _ := cache.Load(key(net))
		return engine.Tuning{TilePixels: record.Best.Side * record.Best.Side}
	}
}
