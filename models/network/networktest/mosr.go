package networktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"upscaled/models/weights"
)

// MoSR is MoSR (mosr_arch.py) or MoSRv2 (mosrv2_arch.py).
func MoSR(t weights.Tensors, in Image) Image {
	has := func(name string) bool { _, ok := t[name+".weight"]; return ok }
	at, x := 0, in
	if !has("gblocks.0") {
		at = 1
		x = unshuffled(in, scaleOf(t["gblocks.1.weight"].Shape[1]))
	}
	h := conv(t, fmt.Sprintf("gblocks.%d", at), x)
	for at++; has(fmt.Sprintf("gblocks.%d.fc1", at)); at++ {
		h = gatedBlock(t, fmt.Sprintf("gblocks.%d.", at), h)
	}
	h = mapped(conv(t, fmt.Sprintf("gblocks.%d", at), h), mish)
	h = mapped(conv(t, fmt.Sprintf("gblocks.%d", at+2), h), mish)
	h = conv(t, fmt.Sprintf("gblocks.%d", at+4), h)
	if has("shortcut.conv11") {
		y := mapped(conv(t, "shortcut.block.2", mapped(conv(t, "shortcut.block.0", in), mish)), mish)
		y = sum(1, y, conv(t, "shortcut.conv11", in))
		h = mosrEnd(t, "upsampler", "upsampler.", sum(1, h, mapped(y, func(v float64) float64 { return v - 0.5 })))
		return h
	}
	h = mosrEnd(t, "to_img", "to_img.0.", h)
	r := float64(h.Width) / float64(in.Width)
	return made(3, h.Height, h.Width, func(c, y, x int) float64 {
		return h.At(c, y, x) + between(in, c, (float64(y)+0.5)/r-0.5, (float64(x)+0.5)/r-0.5)
	})
}

// between interpolates linearly; the border repeats.
func between(in Image, c int, y, x float64) float64 {
	y, x = min(max(y, 0), float64(in.Height-1)), min(max(x, 0), float64(in.Width-1))
	top, left := int(y), int(x)
	bottom, right := min(top+1, in.Height-1), min(left+1, in.Width-1)
	down, across := y-math.Floor(y), x-math.Floor(x)
	return (in.At(c, top, left)*(1-across)+in.At(c, top, right)*across)*(1-down) +
		(in.At(c, bottom, left)*(1-across)+in.At(c, bottom, right)*across)*down
}

func mosrEnd(t weights.Tensors, name, sample string, h Image) Image {
	if start, ok := t[sample+"init_pos"]; ok {
		return dySample(t, sample, h, scaleOf(3*start.Shape[1]/8))
	}
	if _, ok := t[name+".in_to_k.weight"]; ok {
		all := conv(t, name+".in_to_k", h)
		count := all.Channels / 8
		h = made(count, h.Height, h.Width, func(c, y, x int) (sum float64) {
			for k := range 8 {
				sum += all.At(k*count+c, y, x) / 8
			}
			return sum
		})
		return shuffled(h, scaleOf(count))
	}
	if _, ok := t[name+".4.weight"]; !ok {
		h = conv(t, name+".0", h)
		return shuffled(h, scaleOf(h.Channels))
	}
	h = mapped(conv(t, name+".0", h), leakyBy(0.01))
	features := h.Channels
	for i := 2; ; i += 2 {
		h = conv(t, fmt.Sprintf("%s.%d", name, i), h)
		if h.Channels == 3 {
			return h
		}
		h = shuffled(h, int(math.Sqrt(float64(h.Channels/features))))
	}
}

func gatedBlock(t weights.Tensors, name string, x Image) Image {
	var h Image
	if scale, ok := t[name+"norm.scale"]; ok {
		offset := t[name+"norm.offset"].Data
		h = made(x.Channels, x.Height, x.Width, func(c, y, u int) float64 {
			var squares float64
			for k := range x.Channels {
				squares += x.At(k, y, u) * x.At(k, y, u)
			}
			root := math.Sqrt(squares) / math.Sqrt(float64(x.Channels))
			return float64(scale.Data[c])*x.At(c, y, u)/(root+1e-6) + float64(offset[c])
		})
	} else {
		h = layerNorm(t, name+"norm", x, 1e-6)
	}
	h = conv(t, name+"fc1", h)
	hidden := h.Channels / 2
	var own []Image
	left := 2 * hidden
	for _, part := range []string{"conv.dwconv_h", "conv.dwconv_w", "conv.dwconv_hw", "conv"} {
		if weight, ok := t[name+part+".weight"]; ok {
			count := weight.Shape[0]
			left -= count
			from := left
			own = append([]Image{depthwise(t, name+part, made(count, h.Height, h.Width, func(c, y, x int) float64 { return h.At(from+c, y, x) }))}, own...)
		}
	}
	rest := made(left-hidden, h.Height, h.Width, func(c, y, x int) float64 { return h.At(hidden+c, y, x) })
	gate := made(hidden, h.Height, h.Width, func(c, y, x int) float64 { return mish(h.At(c, y, x)) })
	y := mapped(conv(t, name+"fc2", product(gate, concat(append([]Image{rest}, own...)...))), mish)
	gamma, weighted := t[name+"gamma"]
	return made(x.Channels, x.Height, x.Width, func(c, v, u int) float64 {
		if weighted {
			return y.At(c, v, u)*float64(gamma.Data[c]) + x.At(c, v, u)
		}
		return y.At(c, v, u) + x.At(c, v, u) - 0.5
	})
}

// MoSRVariant selects a variant of MoSR. End is "ps", "gps", "dys" or, of version 2,
// "shuffle".
type MoSRVariant struct {
	Features, Blocks, Kernel, Hidden, Part, Scale int
	End                                           string
	// Second selects version 2, RMS its other norm, Unshuffle its first layer.
	Second, RMS bool
	Unshuffle   int
}

// RandomMoSR returns MoSR tensors.
func RandomMoSR(seed uint64, v MoSRVariant) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 33)), weights.Tensors{}}
	n, at, in := v.Features, 0, 3
	if v.Unshuffle > 1 {
		at, in = 1, 3*v.Unshuffle*v.Unshuffle
	}
	m.convOf(fmt.Sprintf("gblocks.%d", at), n, in, 3, 1)
	for range v.Blocks {
		at++
		gated(m, fmt.Sprintf("gblocks.%d.", at), v)
	}
	m.convOf(fmt.Sprintf("gblocks.%d", at+1), 2*n, n, 3, 1)
	m.convOf(fmt.Sprintf("gblocks.%d", at+3), n, 2*n, 3, 1)
	m.convOf(fmt.Sprintf("gblocks.%d", at+5), n, n, 1, 1)
	name, gain := "upsampler", 0.2
	if v.Second {
		name, gain = "to_img.0", 0.1
	} else {
		m.convOf("shortcut.block.0", n, 3, 3, 1)
		m.convOf("shortcut.block.2", n, n, 3, 1)
		m.convOf("shortcut.conv11", n, 3, 1, 1)
	}
	switch v.End {
	case "dys":
		sampler(m, name+".", n, v.Scale, 4, gain)
		if v.Second {
			m.raise(name+".end_conv.bias", -0.5)
		}
		return m.tensors
	case "gps":
		m.convOf("upsampler.in_to_k", 24*v.Scale*v.Scale, n, 3, 3*gain)
		m.raise("upsampler.in_to_k.bias", 0.5)
		return m.tensors
	case "shuffle":
		m.convOf("to_img.0", 8, n, 3, 1)
		m.convOf("to_img.2", 32, 8, 3, 1)
		m.convOf("to_img.4", 32, 8, 3, 1)
		m.convOf("to_img.6", 3, 8, 3, gain)
		return m.tensors
	case "ps":
		name = map[bool]string{false: "upsampler.0", true: "to_img.0"}[v.Second]
	}
	m.convOf(name, 3*v.Scale*v.Scale, n, 3, gain)
	if !v.Second {
		m.raise(name+".bias", 0.5)
	}
	return m.tensors
}

func gated(m maker, name string, v MoSRVariant) {
	n := v.Features
	if v.RMS {
		m.normal(name+"norm.scale", 0.5, n, 1, 1)
		m.normal(name+"norm.offset", 0.2, n, 1, 1)
	} else {
		m.norm(name+"norm", n)
	}
	m.convOf(name+"fc1", 2*v.Hidden, n, 3, 1)
	m.convOf(name+"fc2", n, v.Hidden, 3, 1)
	if !v.Second {
		m.convOf(name+"conv", v.Part, 1, v.Kernel, 1)
		return
	}
	m.fill(name+"conv.dwconv_hw", 1, n/8, 1, 3, 3)
	m.fill(name+"conv.dwconv_w", 1, n/8, 1, 1, v.Kernel)
	m.fill(name+"conv.dwconv_h", 1, n/8, 1, v.Kernel, 1)
	m.normal(name+"gamma", 1, 1, n, 1, 1)
}
