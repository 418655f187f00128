package network

import (
	"fmt"
	"strings"

	"upscaled/models/fault"
)

// maxLevels bounds the doublings from 4, up to 1024.
const maxLevels = 8

// gfpgan takes a GFPGAN of any side that is a power of 2 and any widths that fit
// one another.
func (r *reader) gfpgan() *gfpgan {
	levels := 0
	for levels < maxLevels && r.has(fmt.Sprintf("conv_body_down.%d.conv1.weight", levels)) {
		levels++
	}
	if levels == 0 {
		r.fail(fault.Invalid, "The tensor conv_body_down.0.conv1.weight is missing; the file is damaged or of another architecture.")
		return nil
	}
	n := &gfpgan{generator: r.generator(levels)}
	if r.err != nil {
		return nil
	}
	n.unet = r.unet(levels, n.generator)
	for name := range r.tensors {
		if strings.HasPrefix(name, "toRGB.") || strings.HasPrefix(name, "stylegan_decoder.style_mlp.") {
			r.used[name] = true
		}
	}
	return n
}

func (r *reader) linear(name string, out, in int) linear {
	weight := r.take(name+".weight", out, in)
	if r.err != nil {
		return linear{}
	}
	bias := r.take(name+".bias", weight.Shape[0])
	return linear{out: weight.Shape[0], in: weight.Shape[1], weight: weight.Data, bias: bias.Data}
}

func (r *reader) unet(levels int, g generator) unet {
	n := unet{first: r.conv("conv_body_first", 0, 3, 1)}
	widths := []int{n.first.out} // features at each size, the largest first
	for i := range levels {
		block := r.resBlock(fmt.Sprintf("conv_body_down.%d", i), 0, widths[i])
		n.down, widths = append(n.down, block), append(widths, block.after.out)
	}
	bottleneck := widths[levels]
	n.final = r.conv("final_conv", bottleneck, bottleneck, 3)
	latents := 2*levels + 2 // one per layer; an image and the next layer share one
	n.code = r.linear("final_linear", latents*g.styleConvs[0].style.in, bottleneck*smallest*smallest)
	in := bottleneck
	for i := range levels {
		// The output is added to the skip of the same size, except for the last.
		out := 0
		if i < levels-1 {
			out = widths[levels-1-i]
		}
		block := r.resBlock(fmt.Sprintf("conv_body_up.%d", i), out, in)
		in = block.after.out
		n.up = append(n.up, block)
		n.scale = append(n.scale, r.condition(fmt.Sprintf("condition_scale.%d", i), 0, in))
		if r.err != nil {
			return n
		}
		steered, features := n.scale[i][1].out, g.styleConvs[2*i+1].conv.out
		n.shift = append(n.shift, r.condition(fmt.Sprintf("condition_shift.%d", i), steered, in))
		if steered != features && 2*steered != features {
			r.fail(fault.Unsupported, "The tensor condition_scale.%d.2.weight modulates %d of %d features; all or half of them are supported.", i, steered, features)
		}
	}
	return n
}

func (r *reader) resBlock(name string, out, in int) resBlock {
	block := resBlock{
		before: r.conv(name+".conv1", in, in, 3),
		after:  r.conv(name+".conv2", out, in, 3),
	}
	weight := r.take(name+".skip.weight", block.after.out, in, 1, 1)
	block.skip = layer{out: block.after.out, in: in, kernel: 1, weight: weight.Data}
	return block
}

func (r *reader) condition(name string, out, in int) condition {
	return condition{r.conv(name+".0", in, in, 3), r.conv(name+".2", out, in, 3)}
}

func (r *reader) generator(levels int) generator {
	const name = "stylegan_decoder."
	g := generator{constant: r.take(name+"constant_input.weight", 1, 0, smallest, smallest)}
	if r.err != nil {
		return g
	}
	in, side := g.constant.Shape[1], smallest
	first := r.styled(name+"style_conv1", name+"noises.noise0", in, 0, side)
	features := first.style.in
	g.styleConvs = append(g.styleConvs, first)
	in = first.conv.out
	g.toRGB = append(g.toRGB, r.modulated(name+"to_rgb1", 3, in, 1, features))
	for i := range levels {
		side *= 2
		for k := 2*i + 1; k <= 2*i+2; k++ {
			s := r.styled(fmt.Sprintf("%sstyle_convs.%d", name, k-1), fmt.Sprintf("%snoises.noise%d", name, k), in, features, side)
			g.styleConvs = append(g.styleConvs, s)
			in = s.conv.out
		}
		g.toRGB = append(g.toRGB, r.modulated(fmt.Sprintf("%sto_rgbs.%d", name, i), 3, in, 1, features))
	}
	return g
}

// styled takes a layer of the generator; if features is 0 the latent may have
// any size.
func (r *reader) styled(name, noise string, in, features, side int) styled {
	s := styled{modulated: r.modulated(name, 0, in, 3, features), side: side}
	strength, numbers := r.take(name+".weight", 1), r.take(noise, 1, 1, side, side)
	if r.err == nil {
		s.noise = multiplied(numbers.Data, float64(strength.Data[0]))
	}
	return s
}

func (r *reader) modulated(name string, out, in, kernel, features int) modulated {
	weight := r.take(name+".modulated_conv.weight", 1, out, in, kernel, kernel)
	if r.err != nil {
		return modulated{}
	}
	out = weight.Shape[1]
	bias := r.take(name+".bias", 1, out, 1, 1)
	return modulated{
		conv:  layer{out: out, in: in, kernel: kernel, weight: weight.Data, bias: bias.Data},
		style: r.linear(name+".modulated_conv.modulation", in, features),
	}
}
