package networktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"upscaled/models/weights"
)

// swinShape is the side of windows and the number of attention heads.
type swinShape struct{ side, heads int }

// SwinIR is the model of network_swinir.py for images whose sides its windows divide.
func SwinIR(t weights.Tensors, in Image) Image {
	table := t["layers.0.residual_group.blocks.0.attn.relative_position_bias_table"].Shape
	s := swinShape{(int(math.Sqrt(float64(table[0]))+0.5) + 1) / 2, table[1]}
	values := 1.0
	if s.side == 7 {
		values = 255
	}
	x := made(3, in.Height, in.Width, func(c, y, x int) float64 { return (in.At(c, y, x) - meanRGB[c]) * values })
	name := "conv_first"
	image := x
	if first, ok := t["conv_first.1.weight"]; ok {
		name = "conv_first.1"
		x = unshuffled(x, scaleOf(first.Shape[1]))
	}
	first := conv(t, name, x)
	h := first
	if _, ok := t["patch_embed.norm.weight"]; ok {
		h = layerNorm(t, "patch_embed.norm", h, 1e-5)
	}
	for i := 0; ; i++ {
		name := fmt.Sprintf("layers.%d.", i)
		if _, ok := t[name+"residual_group.blocks.0.norm1.weight"]; !ok {
			break
		}
		x := h
		for k := 0; ; k++ {
			block := fmt.Sprintf("%sresidual_group.blocks.%d.", name, k)
			if _, ok := t[block+"norm1.weight"]; !ok {
				break
			}
			h = swinBlock(t, block, h, s, k%2*(s.side/2))
		}
		h = sum(1, chain(t, name+"conv", h), x)
	}
	h = sum(1, chain(t, "conv_after_body", layerNorm(t, "norm", h, 1e-5)), first)
	h = upsampled(t, h, image)
	return made(3, h.Height, h.Width, func(c, y, x int) float64 { return h.At(c, y, x)/values + meanRGB[c] })
}

func chain(t weights.Tensors, name string, in Image) Image {
	if _, ok := t[name+".weight"]; ok {
		return conv(t, name, in)
	}
	h := mapped(conv(t, name+".0", in), leakyBy(0.2))
	return conv(t, name+".4", mapped(conv(t, name+".2", h), leakyBy(0.2)))
}

// swinBlock attends in windows of the image rolled by shift pixels.
func swinBlock(t weights.Tensors, name string, in Image, s swinShape, shift int) Image {
	normal := layerNorm(t, name+"norm1", in, 1e-5)
	rolled := made(in.Channels, in.Height, in.Width, func(c, y, x int) float64 {
		return normal.At(c, (y+shift)%in.Height, (x+shift)%in.Width)
	})
	region := func(at, side int) int {
		switch {
		case shift == 0 || at < side-s.side:
			return 0
		case at < side-shift:
			return 1
		}
		return 2
	}
	qkv := projected(t, name+"attn.qkv", rolled)
	table := t[name+"attn.relative_position_bias_table"].Data
	each := in.Channels / s.heads
	h := New(in.Channels, in.Height, in.Width)
	for i := range in.Height * in.Width {
		y, x := i/in.Width, i%in.Width
		top, left := y/s.side*s.side, x/s.side*s.side
		for head := range s.heads {
			scores := make([]float64, s.side*s.side)
			var total float64
			for k := range scores {
				v, u := top+k/s.side, left+k%s.side
				for c := head * each; c < (head+1)*each; c++ {
					scores[k] += qkv.At(c, y, x) * qkv.At(in.Channels+c, v, u) / math.Sqrt(float64(each))
				}
				scores[k] += float64(table[((y-v+s.side-1)*(2*s.side-1)+x-u+s.side-1)*s.heads+head])
				if region(y, in.Height) != region(v, in.Height) || region(x, in.Width) != region(u, in.Width) {
					scores[k] -= 100
				}
				scores[k] = math.Exp(scores[k])
				total += scores[k]
			}
			for c := head * each; c < (head+1)*each; c++ {
				var mean float64
				for k, score := range scores {
					mean += score / total * qkv.At(2*in.Channels+c, top+k/s.side, left+k%s.side)
				}
				h.Set(c, (y+shift)%in.Height, (x+shift)%in.Width, mean)
			}
		}
	}
	x := sum(1, projected(t, name+"attn.proj", h), in)
	h = mapped(projected(t, name+"mlp.fc1", layerNorm(t, name+"norm2", x, 1e-5)), gelu)
	return sum(1, projected(t, name+"mlp.fc2", h), x)
}

// upsampled is the end of SwinIR and its relatives in its four forms.
func upsampled(t weights.Tensors, h, image Image) Image {
	has := func(name string) bool { _, ok := t[name+".weight"]; return ok }
	if has("conv_before_upsample.0") {
		h = mapped(conv(t, "conv_before_upsample.0", h), leakyBy(0.01))
	}
	switch {
	case has("conv_up1"):
		for i := 1; has(fmt.Sprintf("conv_up%d", i)); i++ {
			h = mapped(conv(t, fmt.Sprintf("conv_up%d", i), nearest(h, 2)), leakyBy(0.2))
		}
		return conv(t, "conv_last", mapped(conv(t, "conv_hr", h), leakyBy(0.2)))
	case has("conv_before_upsample.0"):
		for i := 0; has(fmt.Sprintf("upsample.%d", i)); i += 2 {
			features := h.Channels
			h = conv(t, fmt.Sprintf("upsample.%d", i), h)
			h = shuffled(h, int(math.Sqrt(float64(h.Channels/features))))
		}
		return conv(t, "conv_last", h)
	case has("upsample.0"):
		h = conv(t, "upsample.0", h)
		return shuffled(h, scaleOf(h.Channels))
	}
	return sum(1, conv(t, "conv_last", h), image)
}

// SwinVariant selects a variant of SwinIR. End is "nearest", "shuffle", "direct" or
// "residual".
type SwinVariant struct {
	Features, Heads, Window, Groups, Blocks, Scale, Unshuffle int
	End                                                       string
	Chain                                                     bool // three convolutions after groups
}

// RandomSwinIR returns SwinIR tensors.
func RandomSwinIR(seed uint64, v SwinVariant) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 5)), weights.Tensors{}}
	n := v.Features
	if v.Unshuffle > 1 {
		m.convOf("conv_first.1", n, 3*v.Unshuffle*v.Unshuffle, 3, 1)
	} else {
		m.convOf("conv_first", n, 3, 3, 1)
	}
	m.norm("patch_embed.norm", n)
	for i := range v.Groups {
		for k := range v.Blocks {
			name := fmt.Sprintf("layers.%d.residual_group.blocks.%d.", i, k)
			m.norm(name+"norm1", n)
			m.norm(name+"norm2", n)
			m.fill(name+"attn.qkv", 1.5, 3*n, n)
			m.fill(name+"attn.proj", 1, n, n)
			m.normal(name+"attn.relative_position_bias_table", 1, (2*v.Window-1)*(2*v.Window-1), v.Heads)
			m.fill(name+"mlp.fc1", 1, 2*n, n)
			m.fill(name+"mlp.fc2", 1, n, 2*n)
			if k%2 == 1 {
				m.normal(name+"attn_mask", 1, 4, v.Window*v.Window, v.Window*v.Window) // follows from the size
			}
		}
		m.chain(fmt.Sprintf("layers.%d.conv", i), n, v.Chain)
	}
	m.norm("norm", n)
	m.chain("conv_after_body", n, v.Chain)
	m.end(n, v.End, v.Scale, 0.15)
	return m.tensors
}

func (m maker) chain(name string, n int, three bool) {
	if !three {
		m.convOf(name, n, n, 3, 1)
		return
	}
	m.convOf(name+".0", n/4, n, 3, 1)
	m.convOf(name+".2", n/4, n/4, 1, 1)
	m.convOf(name+".4", n, n/4, 3, 1)
}

// end adds the tensors of an upsampler; gain is the last layer's.
func (m maker) end(n int, form string, scale int, gain float64) {
	const inner = 16
	switch form {
	case "nearest":
		m.convOf("conv_before_upsample.0", inner, n, 3, 1)
		for i := 1; 1<<i <= scale; i++ {
			m.convOf(fmt.Sprintf("conv_up%d", i), inner, inner, 3, 1.3)
		}
		m.convOf("conv_hr", inner, inner, 3, 1.3)
		m.convOf("conv_last", 3, inner, 3, gain)
	case "shuffle":
		m.convOf("conv_before_upsample.0", inner, n, 3, 1)
		if scale == 3 {
			m.convOf("upsample.0", 9*inner, inner, 3, 1)
		}
		for i := 0; scale != 3 && 2<<i <= scale; i++ {
			m.convOf(fmt.Sprintf("upsample.%d", 2*i), 4*inner, inner, 3, 1)
		}
		m.convOf("conv_last", 3, inner, 3, gain)
	case "direct":
		m.convOf("upsample.0", 3*scale*scale, n, 3, gain)
	default:
		m.convOf("conv_last", 3, n, 3, gain)
	}
}
