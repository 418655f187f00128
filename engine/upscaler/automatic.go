package upscaler

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"upscaled/engine/ort"
	"upscaled/engine/tune"
	"upscaled/models/network"
)

// Card is a graphics card.
type Card = ort.Card

// automatic chooses the device for "auto": an NVIDIA GPU whose library is installed,
// which is too large to be downloaded unasked; else the fastest way to use the
// graphics card or, unless the card is a discrete one, the CPU.
func (o Options) automatic(ctx context.Context) (string, error) {
	if hasGPU() {
		if o.Store.InstalledLibrary("cuda") != "" {
			return "cuda:0", nil
		}
		o.Note("There is an NVIDIA GPU; 'upscaled models pull onnxruntime-cuda' lets --device auto use it with CUDA.")
	}
	cards := o.cards()
	if choice := o.choice(cards); choice != "" {
		return choice, nil
	}
	return o.choose(ctx, cards[0])
}

// cards returns the machine's graphics cards, the fastest first. A library that the
// user names may drive one without a Vulkan driver.
func (o Options) cards() []Card {
	cards := ort.Cards()
	if named := o.Store.NamedLibrary(); named != "" && len(cards) == 0 {
		return []ort.Card{{Name: "the devices of " + filepath.Base(named), Type: ort.Integrated}}
	}
	return cards
}

// choice returns the device for "auto" on a machine with these cards, the fastest
// first, or "" if it has to be measured. Software cards are used only by name. An
// integrated card is not worth a download.
func (o Options) choice(cards []ort.Card) string {
	//guard:software-card TestChoice => len(cards) == 0
	if len(cards) == 0 || cards[0].Type == ort.Software {
		return "cpu"
	}
	//guard:integrated-card TestChoice => false
	if cards[0].Type == ort.Integrated && o.Store.InstalledLibrary("cpu") == "" {
		return "cpu"
	}
	if record, found := tuningCache(o.Store).Load(o.choiceKey(cards[0])); found && o.Tune != "always" {
		return record.Best.Variant
	}
	if o.Tune != "off" {
		return ""
	}
	if cards[0].Type == ort.Discrete {
		return "webgpu"
	}
	return "cpu"
}

// choiceKey identifies the measurement that choose makes.
func (o Options) choiceKey(card ort.Card) tune.Key {
	return tune.Key{
		Device: card.Name, Kind: "auto", Library: o.Store.InstalledLibrary("cpu"),
		Network: cmp.Or(o.Model, o.Store.Default("cpu")), Precision: string(o.Precision),
	}
}

// choiceBudget bounds the measuring of choose.
const choiceBudget = 10 * time.Second

// choose measures the ways to compute on this machine and stores the fastest.
func (o Options) choose(ctx context.Context, card ort.Card) (string, error) {
	library, err := o.Store.RuntimeLibrary(ctx, "cpu")
	if err != nil {
		return "", err
	}
	key := o.choiceKey(card)
	model, err := o.Store.Load(ctx, key.Network, nil)
	if err != nil {
		return "", err
	}
	var variants []tune.Variant
	if own, err := o.openCPU(); card.Type != ort.Discrete && own != nil && err == nil {
		defer own.Close()
		variants = append(variants, tune.Variant{Name: "cpu", Runtime: own})
	}
	for _, kind := range ort.GPUs(o.Store.NamedLibrary() != "") {
		runtime, openErr := ort.Open(ort.Options{Library: library, Device: kind, Threads: o.Threads})
		if openErr != nil {
			err = openErr
			continue
		}
		defer func() { _ = runtime.Close() }()
		variants = append(variants, tune.Variant{Name: kind, Runtime: runtime})
	}
	if len(variants) == 0 {
		return "", err
	}
	o.Note(fmt.Sprintf("Measuring how to use %s; this is done once and takes up to %d s.", card.Name, int(choiceBudget.Seconds())))
	result, err := tune.Measure(ctx, tune.Options{
		Net: model, Precision: network.Precision(key.Precision), Variants: variants, Sides: []int{256}, Parallel: []int{1},
		Budget: choiceBudget, Progress: o.Trial,
	})
	if err != nil {
		return "", err
	}
	o.keep(tune.Record{Key: key, Model: key.Network, Made: time.Now().UTC(), Result: result})
	return result.Best.Variant, nil
}
