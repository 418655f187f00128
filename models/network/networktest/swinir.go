package networktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"upscaled/models/weights"
)

// swinShape is the side of windows and the number of attention heads.
type swinShape struct{ side, heads int }

// SwinIR is the model of network_swinir.py, HAT (hat_arch.py) if blocks have
// convolutions beside them, or SRFormer (srformer_arch.py) if keys are joined, for images whose sides its windows divide.
func SwinIR(t weights.Tensors, in Image) Image {
	table := t["layers.0.residual_group.blocks.0.attn.relative_position_bias_table"].Shape
	s := swinShape{(int(math.Sqrt(float64(table[0]))+0.5) + 1) / 2, table[1]}
	if _, ok := t["layers.0.residual_group.blocks.0.attn.kv.weight"]; ok {
		s.side = 2 * s.side
	}
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
			if _, ok := t[block+"attn.kv.weight"]; ok {
				h = permutedBlock(t, block, h, s, k%2*(s.side/2))
			} else {
				h = swinBlock(t, block, h, s, k%2*(s.side/2))
			}
		}
		if _, ok := t[name+"residual_group.overlap_attn.qkv.weight"]; ok {
			h = overlapBlock(t, name+"residual_group.overlap_attn.", h, s)
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
	table := t[name+"attn.relative_position_bias_table"].Data
	h := windowed(projected(t, name+"attn.qkv", normal), [2]int{s.side, s.side}, [2]int{shift, shift}, s.heads, func(head, dy, dx int) float64 {
		return float64(table[((dy+s.side-1)*(2*s.side-1)+dx+s.side-1)*s.heads+head])
	})
	x := sum(1, projected(t, name+"attn.proj", h), in)
	if _, ok := t[name+"conv_block.cab.0.weight"]; ok {
		x = sum(0.01, hatConvolutions(t, name+"conv_block.cab.", normal), x)
	}
	h = mapped(projected(t, name+"mlp.fc1", layerNorm(t, name+"norm2", x, 1e-5)), gelu)
	return sum(1, projected(t, name+"mlp.fc2", h), x)
}

// windowed is the attention of pixels to those of their window, of size[0] x size[1]
// pixels after the image was rolled up and left by shift. Planes of qkv are queries,
// keys and values. Pixels that only rolling made neighbors do not see each other.
func windowed(qkv Image, size, shift [2]int, heads int, bias func(head, dy, dx int) float64) Image {
	channels := qkv.Channels / 3
	each := channels / heads
	height, width := qkv.Height, qkv.Width
	region := func(at, length, side, shift int) int {
		switch {
		case shift == 0 || at < length-side:
			return 0
		case at < length-shift:
			return 1
		}
		return 2
	}
	rolled := made(qkv.Channels, height, width, func(c, y, x int) float64 {
		return qkv.At(c, (y+shift[0])%height, (x+shift[1])%width)
	})
	h := New(channels, height, width)
	for i := range height * width {
		y, x := i/width, i%width
		top, left := y/size[0]*size[0], x/size[1]*size[1]
		for head := range heads {
			scores := make([]float64, size[0]*size[1])
			var total float64
			for k := range scores {
				v, u := top+k/size[1], left+k%size[1]
				for c := head * each; c < (head+1)*each; c++ {
					scores[k] += rolled.At(c, y, x) * rolled.At(channels+c, v, u) / math.Sqrt(float64(each))
				}
				scores[k] += bias(head, y-v, x-u)
				if region(y, height, size[0], shift[0]) != region(v, height, size[0], shift[0]) ||
					region(x, width, size[1], shift[1]) != region(u, width, size[1], shift[1]) {
					scores[k] -= 100
				}
				scores[k] = math.Exp(scores[k])
				total += scores[k]
			}
			for c := head * each; c < (head+1)*each; c++ {
				var mean float64
				for k, score := range scores {
					mean += score / total * rolled.At(2*channels+c, top+k/size[1], left+k%size[1])
				}
				h.Set(c, (y+shift[0])%height, (x+shift[1])%width, mean)
			}
		}
	}
	return h
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
	HAT                                                       bool
	SRFormer                                                  bool
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
			m.fill(name+"attn.proj", 1, n, n)
			if v.SRFormer {
				permuted(m, name, v)
				continue
			}
			m.fill(name+"attn.qkv", 1.5, 3*n, n)
			m.normal(name+"attn.relative_position_bias_table", 1, (2*v.Window-1)*(2*v.Window-1), v.Heads)
			m.fill(name+"mlp.fc1", 1, 2*n, n)
			m.fill(name+"mlp.fc2", 1, n, 2*n)
		}
		if v.HAT {
			m.hat(fmt.Sprintf("layers.%d.residual_group.", i), v)
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
