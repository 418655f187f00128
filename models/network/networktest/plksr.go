package networktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"upscaled/models/weights"
)

// RealPLKSR is neosr's RealPLKSR (realplksr_arch.py), with layer or group norm, with
// and without element-wise attention and DySample.
func RealPLKSR(t weights.Tensors, in Image) Image {
	h := conv(t, "feats.0", in)
	i := 1
	for ; ; i++ {
		name := fmt.Sprintf("feats.%d.", i)
		if _, ok := t[name+"refine.weight"]; !ok {
			break
		}
		x := h
		_, byLayer := t[name+"layer_norm.weight"]
		if byLayer {
			h = layerNorm(t, name+"layer_norm", h, 1e-6)
		}
		h = conv(t, name+"channel_mixer.2", mapped(conv(t, name+"channel_mixer.0", h), mish))
		part := t[name+"lk.conv.weight"].Shape[0]
		large := conv(t, name+"lk.conv", made(part, h.Height, h.Width, h.At))
		mixed := h
		h = made(h.Channels, h.Height, h.Width, func(c, y, x int) float64 {
			if c < part {
				return large.At(c, y, x)
			}
			return mixed.At(c, y, x)
		})
		if _, ok := t[name+"attn.f.0.weight"]; ok {
			h = product(h, mapped(conv(t, name+"attn.f.0", h), sigmoid))
		}
		h = conv(t, name+"refine", h)
		if !byLayer {
			h = groupNorm(t, name+"norm", h, 4)
		}
		h = sum(1, h, x)
	}
	h = conv(t, fmt.Sprintf("feats.%d", i+1), h)
	r := scaleOf(h.Channels)
	last := h
	h = made(h.Channels, h.Height, h.Width, func(c, y, x int) float64 { return last.At(c, y, x) + in.At(c/(r*r), y, x) })
	if _, ok := t["to_img.init_pos"]; ok {
		return dySample(t, "to_img.", h, r)
	}
	return shuffled(h, r)
}

// dySample samples every output pixel of a group of channels bilinearly at a position
// that is computed from the input (dysample.py).
func dySample(t weights.Tensors, name string, in Image, scale int) Image {
	offset, scope := conv(t, name+"offset", in), conv(t, name+"scope", in)
	start := t[name+"init_pos"].Data
	groups := len(start) / (2 * scale * scale)
	size := in.Channels / groups
	at := func(axis, group, y, x int) float64 {
		c := (axis*groups+group)*scale*scale + y%scale*scale + x%scale
		y, x = y/scale, x/scale
		return offset.At(c, y, x)*sigmoid(scope.At(c, y, x))/2 + float64(start[c]) + float64([2]int{x, y}[axis])
	}
	clamped := func(v float64, side int) (low, high int, share float64) {
		v = min(max(v, 0), float64(side-1))
		low = int(v)
		return low, min(low+1, side-1), v - math.Floor(v)
	}
	out := made(in.Channels, in.Height*scale, in.Width*scale, func(c, y, x int) float64 {
		left, right, across := clamped(at(0, c/size, y, x), in.Width)
		top, bottom, down := clamped(at(1, c/size, y, x), in.Height)
		upper := in.At(c, top, left)*(1-across) + in.At(c, top, right)*across
		lower := in.At(c, bottom, left)*(1-across) + in.At(c, bottom, right)*across
		return upper*(1-down) + lower*down
	})
	if _, ok := t[name+"end_conv.weight"]; ok {
		return conv(t, name+"end_conv", out)
	}
	return out
}

// PLKSRVariant selects a variant of RealPLKSR.
type PLKSRVariant struct {
	Features, Blocks, Kernel, Part, Scale int
	ByLayer, Attend, DySample             bool
}

// RandomRealPLKSR returns RealPLKSR tensors.
func RandomRealPLKSR(seed uint64, v PLKSRVariant) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 4)), weights.Tensors{}}
	n := v.Features
	m.convOf("feats.0", n, 3, 3, 1)
	for i := range v.Blocks {
		name := fmt.Sprintf("feats.%d.", i+1)
		m.convOf(name+"channel_mixer.0", 2*n, n, 3, 1)
		m.convOf(name+"channel_mixer.2", n, 2*n, 3, 1)
		m.convOf(name+"lk.conv", v.Part, v.Part, v.Kernel, 1)
		if v.Attend {
			m.convOf(name+"attn.f.0", n, n, 3, 1)
		}
		m.convOf(name+"refine", n, n, 1, 1)
		if v.ByLayer {
			m.norm(name+"layer_norm", n)
		} else {
			m.norm(name+"norm", n)
		}
	}
	out := 3 * v.Scale * v.Scale
	m.convOf(fmt.Sprintf("feats.%d", v.Blocks+2), out, n, 3, 0.1)
	if !v.DySample {
		return m.tensors
	}
	groups := 4
	if v.Scale%2 != 0 {
		groups = 3
	}
	sampler(m, "to_img.", out, v.Scale, groups, 0.5)
	return m.tensors
}

// sampler adds DySample's tensors for an input of n channels.
func sampler(m maker, name string, n, scale, groups int, gain float64) {
	positions := 2 * groups * scale * scale
	m.convOf(name+"offset", positions, n, 1, 2)
	m.convOf(name+"scope", positions, n, 1, 1)
	delete(m.tensors, name+"scope.bias")
	start := make([]float32, positions)
	for i := range start {
		cell := i % (scale * scale)
		along := cell % scale // horizontal positions come first
		if i >= positions/2 {
			along = cell / scale
		}
		start[i] = (float32(along) + 0.5 - float32(scale)/2) / float32(scale)
	}
	m.tensors[name+"init_pos"] = weights.Tensor{Shape: []int{1, positions, 1, 1}, Data: start}
	if scale != 1 {
		m.convOf(name+"end_conv", 3, n, 1, gain)
		m.raise(name+"end_conv.bias", 0.5)
	}
}
