package networktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"upscaled/models/weights"
)

// DAT is the Dual Aggregation Transformer (dat_arch.py).
func DAT(t weights.Tensors, in Image) Image {
	return dualFrame(t, in, func(name string, h Image, rolls bool) Image {
		h = sum(1, datAttention(t, name+"attn.", layerNorm(t, name+"norm1", h, 1e-5), rolls), h)
		return sum(1, datGate(t, name+"ffn.", layerNorm(t, name+"norm2", h, 1e-5)), h)
	})
}

// dualFrame is what DAT and RGT have around their blocks.
func dualFrame(t weights.Tensors, in Image, block func(name string, h Image, rolls bool) Image) Image {
	x := made(3, in.Height, in.Width, func(c, y, x int) float64 { return in.At(c, y, x) - meanRGB[c] })
	first := conv(t, "conv_first", x)
	h := layerNorm(t, "before_RG.1", first, 1e-5)
	for i := 0; ; i++ {
		if _, ok := t[fmt.Sprintf("layers.%d.blocks.0.norm1.weight", i)]; !ok {
			break
		}
		before := h
		for k := 0; ; k++ {
			name := fmt.Sprintf("layers.%d.blocks.%d.", i, k)
			if _, ok := t[name+"norm1.weight"]; !ok {
				break
			}
			h = block(name, h, i%2 == 0 && k > 0 && (k-2)%4 == 0 || i%2 != 0 && k%4 == 0)
		}
		h = sum(1, chain(t, fmt.Sprintf("layers.%d.conv", i), h), before)
	}
	h = sum(1, chain(t, "conv_after_body", layerNorm(t, "norm", h, 1e-5)), first)
	h = upsampled(t, h, x)
	return made(3, h.Height, h.Width, func(c, y, x int) float64 { return h.At(c, y, x) + meanRGB[c] })
}

func part(in Image, from, count int) Image {
	area := in.Height * in.Width
	return Image{count, in.Height, in.Width, in.Data[from*area:][:count*area]}
}

// depthwise convolves every plane with a kernel of its own, of any odd sides.
func depthwise(t weights.Tensors, name string, in Image) Image {
	weight, bias := t[name+".weight"], t[name+".bias"].Data
	high, wide := weight.Shape[2], weight.Shape[3]
	return made(in.Channels, in.Height, in.Width, func(c, y, x int) float64 {
		v := 0.0
		if bias != nil {
			v = float64(bias[c])
		}
		for i, w := range weight.Data[c*high*wide:][:high*wide] {
			v += float64(w) * in.At(c, y+i/wide-high/2, x+i%wide-wide/2)
		}
		return v
	})
}

func batchNorm(t weights.Tensors, name string, in Image) Image {
	at := func(part string, c int) float64 { return float64(t[name+part].Data[c]) }
	return made(in.Channels, in.Height, in.Width, func(c, y, x int) float64 {
		return (in.At(c, y, x)-at(".running_mean", c))/math.Sqrt(at(".running_var", c)+1e-5)*at(".weight", c) + at(".bias", c)
	})
}

func datAttention(t weights.Tensors, name string, in Image, rolls bool) Image {
	qkv := projected(t, name+"qkv", in)
	n := in.Channels
	beside := mapped(batchNorm(t, name+"dwconv.1", depthwise(t, name+"dwconv.0", part(qkv, 2*n, n))), gelu)
	ofChannels := func(x Image) Image {
		h := batchNorm(t, name+"channel_interaction.2", conv(t, name+"channel_interaction.1", means(x)))
		return conv(t, name+"channel_interaction.4", mapped(h, gelu))
	}
	ofSpace := func(x Image) Image {
		h := batchNorm(t, name+"spatial_interaction.1", conv(t, name+"spatial_interaction.0", x))
		return conv(t, name+"spatial_interaction.3", mapped(h, gelu))
	}
	weighted := func(byChannel, channels, bySpace, space Image) Image {
		return made(n, in.Height, in.Width, func(c, y, x int) float64 {
			return byChannel.At(c, y, x)*sigmoid(channels.At(c, 0, 0)) + bySpace.At(c, y, x)*sigmoid(space.At(0, y, x))
		})
	}
	if _, ok := t[name+"temperature"]; ok {
		attended := channelAttention(qkv, t[name+"temperature"].Data)
		return projected(t, name+"proj", weighted(beside, ofChannels(attended), attended, ofSpace(beside)))
	}
	var halves []Image
	for i := range 2 {
		halves = append(halves, datWindows(t, fmt.Sprintf("%sattns.%d.", name, i), qkv, i, rolls))
	}
	attended := concat(halves...)
	return projected(t, name+"proj", weighted(attended, ofChannels(beside), beside, ofSpace(attended)))
}

// datWindows is the attention of one half of the channels, of images filled up with
// zeros to whole windows.
func datWindows(t weights.Tensors, name string, qkv Image, half int, rolls bool) Image {
	distances := t[name+"rpe_biases"].Data
	size := [2]int{int(distances[len(distances)-2]) + 1, int(distances[len(distances)-1]) + 1}
	var shift [2]int
	if rolls {
		shift = [2]int{size[0] / 2, size[1] / 2}
	}
	multiple := max(size[0], size[1])
	up := func(n int) int { return (n + multiple - 1) / multiple * multiple }
	n := qkv.Channels / 6
	heads := t[name+"pos.pos3.2.weight"].Shape[0]
	own := concat(part(qkv, half*n, n), part(qkv, (2+half)*n, n), part(qkv, (4+half)*n, n))
	full := made(3*n, up(qkv.Height), up(qkv.Width), func(c, y, x int) float64 {
		if y < qkv.Height && x < qkv.Width {
			return own.At(c, y, x)
		}
		return 0
	})
	memo := map[[2]int][]float64{}
	h := windowed(full, size, shift, heads, func(head, dy, dx int) float64 {
		if memo[[2]int{dy, dx}] == nil {
			v := Image{2, 1, 1, []float64{float64(dy), float64(dx)}}
			v = projected(t, name+"pos.pos_proj", v)
			for i := 1; i <= 3; i++ {
				v = layerNorm(t, fmt.Sprintf("%spos.pos%d.0", name, i), v, 1e-5)
				v = projected(t, fmt.Sprintf("%spos.pos%d.2", name, i), mapped(v, func(v float64) float64 { return max(v, 0) }))
			}
			memo[[2]int{dy, dx}] = v.Data
		}
		return memo[[2]int{dy, dx}][head]
	})
	return made(n, qkv.Height, qkv.Width, h.At)
}

// channelAttention lets channels of a head attend to each other over all pixels.
func channelAttention(qkv Image, temperature []float32) Image {
	n := qkv.Channels / 3
	each, area := n/len(temperature), qkv.Height*qkv.Width
	plane := func(c int) []float64 { return qkv.Data[c*area:][:area] }
	length := func(v []float64) float64 {
		var total float64
		for _, x := range v {
			total += x * x
		}
		return max(math.Sqrt(total), 1e-12)
	}
	out := New(n, qkv.Height, qkv.Width)
	for c := range n {
		head := c / each
		scores := make([]float64, each)
		var total float64
		for k := range scores {
			q, key := plane(c), plane(n+head*each+k)
			for i := range q {
				scores[k] += q[i] * key[i]
			}
			scores[k] = math.Exp(scores[k] / length(q) / length(key) * float64(temperature[head]))
			total += scores[k]
		}
		for k, score := range scores {
			for i, v := range plane(2*n + head*each + k) {
				out.Data[c*area+i] += score / total * v
			}
		}
	}
	return out
}

func datGate(t weights.Tensors, name string, in Image) Image {
	h := mapped(projected(t, name+"fc1", in), gelu)
	half := h.Channels / 2
	gate := depthwise(t, name+"sg.conv", layerNorm(t, name+"sg.norm", part(h, half, half), 1e-5))
	return projected(t, name+"fc2", product(part(h, 0, half), gate))
}

// DATVariant selects a variant of DAT.
type DATVariant struct {
	Features, Heads, Groups, Blocks, Scale int
	Split                                  [2]int
	End                                    string
	Chain, NoBias                          bool
}

// RandomDAT returns DAT tensors, RandomRGT those of RGT.
func RandomDAT(seed uint64, v DATVariant) weights.Tensors { return v.random(seed, maker.datBlock) }

func RandomRGT(seed uint64, v DATVariant) weights.Tensors { return v.random(seed, maker.rgtBlock) }

func (v DATVariant) random(seed uint64, block func(m maker, name string, v DATVariant, spatial bool)) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 6)), weights.Tensors{}}
	n := v.Features
	m.convOf("conv_first", n, 3, 3, 1)
	m.norm("before_RG.1", n)
	for i := range v.Groups {
		for k := range v.Blocks {
			block(m, fmt.Sprintf("layers.%d.blocks.%d.", i, k), v, k%2 == 0)
		}
		m.chain(fmt.Sprintf("layers.%d.conv", i), n, v.Chain)
	}
	m.norm("norm", n)
	m.chain("conv_after_body", n, v.Chain)
	m.end(n, v.End, v.Scale, 0.15)
	return m.tensors
}

func (m maker) datBlock(name string, v DATVariant, spatial bool) {
	n := v.Features
	m.norm(name+"norm1", n)
	m.norm(name+"norm2", n)
	m.fill(name+"ffn.fc1", 1.5, 4*n, n)
	m.norm(name+"ffn.sg.norm", 2*n)
	m.convOf(name+"ffn.sg.conv", 2*n, 1, 3, 1)
	m.fill(name+"ffn.fc2", 1, n, 2*n)
	name += "attn."
	m.fill(name+"qkv", 1.5, 3*n, n)
	if v.NoBias {
		delete(m.tensors, name+"qkv.bias")
	}
	m.fill(name+"proj", 1, n, n)
	m.convOf(name+"dwconv.0", n, 1, 3, 1)
	m.batchNorm(name+"dwconv.1", n)
	m.convOf(name+"channel_interaction.1", n/8, n, 1, 1)
	m.batchNorm(name+"channel_interaction.2", n/8)
	m.convOf(name+"channel_interaction.4", n, n/8, 1, 1)
	m.convOf(name+"spatial_interaction.0", n/16, n, 1, 1)
	m.batchNorm(name+"spatial_interaction.1", n/16)
	m.convOf(name+"spatial_interaction.3", 1, n/16, 1, 1)
	if !spatial {
		m.normal(name+"temperature", 0.2, v.Heads, 1, 1)
		m.raise(name+"temperature", 1)
		return
	}
	m.datPositions(name, v)
}

// datPositions adds the small networks that compute values by distance.
func (m maker) datPositions(name string, v DATVariant) {
	for i := range 2 {
		part := fmt.Sprintf("%sattns.%d.", name, i)
		high, wide := v.Split[i], v.Split[1-i]
		distances := weights.Tensor{Shape: []int{(2*high - 1) * (2*wide - 1), 2}}
		for dy := 1 - high; dy < high; dy++ {
			for dx := 1 - wide; dx < wide; dx++ {
				distances.Data = append(distances.Data, float32(dy), float32(dx))
			}
		}
		m.tensors[part+"rpe_biases"] = distances
		inner := v.Features / 8 // of half the channels, a quarter
		m.fill(part+"pos.pos_proj", 1, inner, 2)
		for k := 1; k <= 3; k++ {
			m.norm(fmt.Sprintf("%spos.pos%d.0", part, k), inner)
			out := inner
			if k == 3 {
				out = v.Heads / 2
			}
			m.fill(fmt.Sprintf("%spos.pos%d.2", part, k), 1, out, inner)
		}
	}
}

func (m maker) batchNorm(name string, channels int) {
	m.norm(name, channels)
	m.normal(name+".running_mean", 0.2, channels)
	m.normal(name+".running_var", 0.1, channels)
	m.raise(name+".running_var", 1)
}
