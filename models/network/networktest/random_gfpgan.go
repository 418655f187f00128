package networktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"upscaled/models/weights"
)

// Face describes the GFPGAN tensors to make.
type Face struct {
	// Side of the image: a power of 2, at least 8.
	Side int
	// Latent is the size of each layer's latent.
	Latent int
	// Width returns the generator's features at a side; the U-Net has half.
	Width func(side int) int
	// Whole transforms all features instead of half of them.
	Whole bool
}

// PublishedFace is GFPGAN 1.3 and 1.4.
func PublishedFace() Face {
	return Face{Side: 512, Latent: 512, Width: func(side int) int { return min(512, 64*512/side) }}
}

// RandomGFPGAN returns tensors with the names of the published files.
func RandomGFPGAN(seed uint64, f Face) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 3)), weights.Tensors{}}
	unet := func(side int) int { return f.Width(side) / 2 }
	m.fill("conv_body_first", 1.2, unet(f.Side), 3, 1, 1)
	for i, side := 0, f.Side; side > 4; i, side = i+1, side/2 {
		m.resized(fmt.Sprintf("conv_body_down.%d", i), unet(side/2), unet(side))
	}
	bottleneck := unet(4)
	m.conv("final_conv", bottleneck, bottleneck, 1.3)
	latents := 2
	for i, side := 0, 8; side <= f.Side; i, side = i+1, 2*side {
		m.resized(fmt.Sprintf("conv_body_up.%d", i), unet(side), unet(side/2))
		m.fill(fmt.Sprintf("toRGB.%d", i), 1, 3, unet(side), 1, 1)
		transformed := f.Width(side)
		if !f.Whole {
			transformed /= 2
		}
		for _, kind := range []string{"scale", "shift"} {
			name := fmt.Sprintf("condition_%s.%d", kind, i)
			m.conv(name+".0", unet(side), unet(side), 1.3)
			m.conv(name+".2", transformed, unet(side), 0.5)
		}
		latents += 2
	}
	m.fill("final_linear", 1, latents*f.Latent, bottleneck*16)
	m.generator(f)
	return m.tensors
}

// fill makes a weight of any shape, whose sides after the first are its inputs,
// and a bias.
func (m maker) fill(name string, gain float64, shape ...int) {
	inputs := 1
	for _, side := range shape[1:] {
		inputs *= side
	}
	m.normal(name+".weight", gain/math.Sqrt(float64(inputs)), shape...)
	m.normal(name+".bias", 0.02, shape[0])
}

func (m maker) normal(name string, spread float64, shape ...int) {
	size := 1
	for _, side := range shape {
		size *= side
	}
	data := make([]float32, size)
	for i := range data {
		data[i] = float32(m.random.NormFloat64() * spread)
	}
	m.tensors[name] = weights.Tensor{Shape: shape, Data: data}
}

func (m maker) resized(name string, out, in int) {
	m.conv(name+".conv1", in, in, 1.3)
	m.conv(name+".conv2", out, in, 0.9)
	m.normal(name+".skip.weight", 0.8/math.Sqrt(float64(in)), out, in, 1, 1)
}

func (m maker) generator(f Face) {
	const name = "stylegan_decoder."
	for i := range 8 {
		m.fill(fmt.Sprintf("%sstyle_mlp.%d", name, 2*i+1), 1, f.Latent, f.Latent)
	}
	in := f.Width(4)
	m.normal(name+"constant_input.weight", 1, 1, in, 4, 4)
	m.styled(name+"style_conv1", in, in, f.Latent)
	m.toRGB(name+"to_rgb1", in, f.Latent)
	m.normal(name+"noises.noise0", 1, 1, 1, 4, 4)
	for i, side := 0, 8; side <= f.Side; i, side = i+1, 2*side {
		for k := range 2 {
			m.styled(fmt.Sprintf("%sstyle_convs.%d", name, 2*i+k), f.Width(side), in, f.Latent)
			m.normal(fmt.Sprintf("%snoises.noise%d", name, 2*i+k+1), 1, 1, 1, side, side)
			in = f.Width(side)
		}
		m.toRGB(fmt.Sprintf("%sto_rgbs.%d", name, i), in, f.Latent)
	}
}

func (m maker) modulated(name string, spread float64, out, in, kernel, latent int) {
	m.normal(name+".modulated_conv.weight", spread, 1, out, in, kernel, kernel)
	m.fill(name+".modulated_conv.modulation", 0.5, in, latent)
	// Styles lie around 1, as in published models.
	for i := range m.tensors[name+".modulated_conv.modulation.bias"].Data {
		m.tensors[name+".modulated_conv.modulation.bias"].Data[i]++
	}
	m.normal(name+".bias", 0.1, 1, out, 1, 1)
}

// styled has weights of any norm, because they are demodulated.
func (m maker) styled(name string, out, in, latent int) {
	m.modulated(name, 0.3, out, in, 3, latent)
	m.normal(name+".weight", 0.2, 1)
}

func (m maker) toRGB(name string, in, latent int) {
	m.modulated(name, 0.15/math.Sqrt(float64(in)), 3, in, 1, latent)
}
