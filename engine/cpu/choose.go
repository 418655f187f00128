package cpu

import (
	"context"
	"math"
	"slices"
	"time"

	"upscaled/engine/cpu/kernels"
	"upscaled/models/network"
)

// choice is a kernel of an instruction set.
type choice struct {
	set    kernels.InstructionSet
	kernel *kernels.Kernel
}

// name is unique among kernels.
func (c choice) name() string { return c.set.Name + " " + c.kernel.String() }

// precision is what the kernel multiplies in.
func (c choice) precision() network.Precision { return precisionOf(c.kernel) }

func precisionOf(k *kernels.Kernel) network.Precision {
	switch k.Precision() {
	case kernels.BFloat16:
		return network.BFloat16
	case kernels.Float16:
		return network.Float16
	}
	return network.Float32
}

// candidates returns the kernels that may compute a session of a precision. A
// precision that the user asked for is exact; otherwise anything as precise as
// the device's is allowed.
func (r *Runtime) candidates(p network.Precision) []choice {
	free := r.options.Precision == "" && p == r.Device().Precision
	var all []choice
	// A kernel that several sets share belongs to the oldest of them.
	add := func(set kernels.InstructionSet, k *kernels.Kernel) {
		switch i := slices.IndexFunc(all, func(c choice) bool { return c.kernel == k }); {
		case i >= 0:
			all[i].set = set
		case k != nil:
			all = append(all, choice{set, k})
		}
	}
	for _, set := range r.sets {
		if set.Half != nil && (free || p == precisionOf(set.Half)) {
			add(set, set.Half)
		}
		if free {
			add(set, set.Fast)
		} else if p == network.Float32 {
			add(set, set.Exact)
		}
	}
	return all
}

// Kernels returns the names of the kernels that are measured for a model, most
// capable first.
func (r *Runtime) Kernels() []string {
	p := r.options.Precision
	if p == "" {
		p = r.Device().Precision
	}
	var names []string
	for _, c := range r.candidates(p) {
		names = append(names, c.name())
	}
	return names
}

// Candidate is a kernel that may run a model.
type Candidate struct {
	Kernel    string            `json:"kernel"`
	Precision network.Precision `json:"precision"`
	// PerMegapixel is the estimated time of the model on one thread, in seconds per
	// megapixel of input.
	PerMegapixel float64 `json:"seconds_per_megapixel"`
	Chosen       bool    `json:"chosen"`
}

// Candidates times the kernels that may run a model, as Open does, and returns them
// in the order of Kernels. A model that is not a chain of convolutions is
// fault.Unsupported.
func (r *Runtime) Candidates(ctx context.Context, net *network.Network) ([]Candidate, error) {
	m, err := net.Sequential(network.Options{Sample: network.Uint8, Channels: 3, Borders: network.AllBorders})
	if err != nil {
		return nil, err
	}
	p := r.Device().Precision
	best, err := r.choose(ctx, m, p)
	if err != nil {
		return nil, err
	}
	var all []Candidate
	for _, c := range r.candidates(p) {
		cost, err := r.cost(ctx, m, c)
		if err != nil {
			return nil, err
		}
		all = append(all, Candidate{c.name(), c.precision(), float64(cost) / 1e3, c.kernel == best.kernel})
	}
	return all, nil
}

// worthRounding is how much less time 16 bits must take than float32 to be chosen.
// It also keeps choices from changing with the noise of measurements.
const worthRounding = 0.9

// choose returns the fastest candidate for a model. A single candidate is not
// measured.
func (r *Runtime) choose(ctx context.Context, m *network.Sequential, p network.Precision) (choice, error) {
	all := r.candidates(p)
	best := all[0]
	if len(all) == 1 {
		return best, nil
	}
	least := math.Inf(1)
	for _, c := range all {
		cost, err := r.cost(ctx, m, c)
		if err != nil {
			return choice{}, err
		}
		weighted := float64(cost)
		if c.precision() != network.Float32 {
			weighted /= worthRounding
		}
		if weighted < least {
			best, least = c, weighted
		}
	}
	r.timings.save()
	return best, nil
}

// cost estimates a model's time per pixel from those of its shapes.
func (r *Runtime) cost(ctx context.Context, m *network.Sequential, c choice) (time.Duration, error) {
	var sum float64
	for _, conv := range m.Convolutions {
		kernel := c
		if conv.From == 0 {
			kernel.kernel = c.set.Exact
		}
		each, err := r.timings.get(kernel, conv.In, conv.Out, func() (float64, error) {
			return r.measure(ctx, kernel.kernel, conv.In, conv.Out)
		})
		if err != nil {
			return 0, err
		}
		scale := m.Tensors[conv.From].Scale * conv.Upsample
		sum += each * float64(scale*scale)
	}
	return time.Duration(sum / float64(max(1, m.PixelUnshuffle*m.PixelUnshuffle))), nil
}

// Measurements are of bands that, like real ones, do not fit the second-level cache:
// reading and writing rows is part of a kernel's time. The least of some runs is
// hardly disturbed by other programs, which share the caches.
const (
	measuredWidth = 192
	measuredRows  = 32
	measuredRuns  = 4
)

// measure returns the nanoseconds per position of a convolution on one thread.
func (r *Runtime) measure(ctx context.Context, k *kernels.Kernel, in, out int) (float64, error) {
	conv, err := k.Pack(in, out, make([]float32, in*out*9), make([]float32, out), false)
	if err != nil {
		return 0, err
	}
	defer conv.Free()
	src := kernels.Ring{Type: k.Type(), Capacity: measuredRows, Channels: in, Width: measuredWidth}
	dst := kernels.Ring{Type: k.Type(), Capacity: measuredRows, Channels: out, Width: measuredWidth}
	for _, ring := range []*kernels.Ring{&src, &dst} {
		if ring.Memory, err = kernels.Allocate(ring.Bytes()); err != nil {
			return 0, err
		}
		defer ring.Memory.Free()
	}
	step, err := kernels.NewStep()
	if err != nil {
		return 0, err
	}
	defer step.Free()
	scratch, err := kernels.Allocate(conv.Scratch())
	if err != nil {
		return 0, err
	}
	defer scratch.Free()
	least := time.Hour
	for run := range measuredRuns + 1 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		step.Conv(conv, kernels.Band{Src: src, Dst: dst, Upsample: 1, Rows: measuredRows, Width: measuredWidth, Height: measuredRows})
		if err := step.Begin(); err != nil {
			return 0, err
		}
		if took := step.Time(scratch); run > 0 { // the first run fills the caches
			least = min(least, took)
		}
		step.End()
	}
	return float64(least.Nanoseconds()) / (measuredWidth * measuredRows), nil
}
