package network

import (
	"fmt"
	"strings"

	"upscaled/models/fault"
)

// maxLevels bounds how often the side doubles from 4: up to 1024.
const maxLevels = 8

// gfpgan takes a GFPGAN of any side that is a power of 2 and any widths, as
// long as they fit one another.
func (r *reader) gfpgan() *gfpgan {
	levels := 0
	for levels < maxLevels && r.has(fmt.Sprintf("conv_body_down.%d.conv1.weight", levels)) {
		levels++
	}
	if levels == 0 {
		r.fail(fault.Invalid, "The tensor conv_body_down.0.conv1.weight is missing; the file is incomplete or of another network.")
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

// square takes a convolution with a kernel of any side.
func (r *reader) square(name string, out, in, kernel int) layer {
	weight := r.take(name+".weight", out, in, kernel, kernel)
	if r.err != nil {
		return layer{}
	}
	return layerOf(weight, r.take(name+".bias", weight.Shape[0]))
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
	n := unet{first: r.square("conv_body_first", 0, 3, 1)}
	// Features at each size, the largest first.
	widths := []int{n.first.out}
	for i := range levels {
		block := r.resizing(fmt.Sprintf("conv_body_down.%d", i), 0, widths[i])
		n.down, widths = append(n.down, block), append(widths, block.after.out)
	}
	turn := widths[levels]
	n.final = r.square("final_conv", turn, turn, 3)
	latents := 2*levels + 2 // one a layer; a picture and the next layer share one
	n.code = r.linear("final_linear", latents*g.styles[0].style.in, turn*smallest*smallest)
	in := turn
	for i := range levels {
		// What comes out meets what went in at the same size, but for the last.
		out := 0
		if i < levels-1 {
			out = widths[levels-1-i]
		}
		block := r.resizing(fmt.Sprintf("conv_body_up.%d", i), out, in)
		in = block.after.out
		n.up = append(n.up, block)
		n.scale = append(n.scale, r.condition(fmt.Sprintf("condition_scale.%d", i), 0, in))
		if r.err != nil {
			return n
		}
		seen, features := n.scale[i][1].out, g.styles[2*i+1].conv.out
		n.shift = append(n.shift, r.condition(fmt.Sprintf("condition_shift.%d", i), seen, in))
		if seen != features && 2*seen != features {
			r.fail(fault.Unsupported, "The tensor condition_scale.%d.2.weight steers %d of %d features; all or half of them are supported.", i, seen, features)
		}
	}
	return n
}

func (r *reader) resizing(name string, out, in int) resizing {
	block := resizing{
		before: r.square(name+".conv1", in, in, 3),
		after:  r.square(name+".conv2", out, in, 3),
	}
	weight := r.take(name+".skip.weight", block.after.out, in, 1, 1)
	block.skip = layer{out: block.after.out, in: in, kernel: 1, weight: weight.Data}
	return block
}

func (r *reader) condition(name string, out, in int) condition {
	return condition{r.square(name+".0", in, in, 3), r.square(name+".2", out, in, 3)}
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
	g.styles = append(g.styles, first)
	in = first.conv.out
	g.colours = append(g.colours, r.modulated(name+"to_rgb1", 3, in, 1, features))
	for i := range levels {
		side *= 2
		for k := 2*i + 1; k <= 2*i+2; k++ {
			s := r.styled(fmt.Sprintf("%sstyle_convs.%d", name, k-1), fmt.Sprintf("%snoises.noise%d", name, k), in, features, side)
			g.styles = append(g.styles, s)
			in = s.conv.out
		}
		g.colours = append(g.colours, r.modulated(fmt.Sprintf("%sto_rgbs.%d", name, i), 3, in, 1, features))
	}
	return g
}

// styled takes a layer of the generator; the latent may have any size where
// features is 0.
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
