package networktest

import (
	"fmt"
	"math"

	"upscaled/models/weights"
)

// GFPGAN is the clean architecture of versions 1.3 and 1.4 with the noise stored
// in the tensors. Input and output are in 0..1; the model's own are in -1..1.
func GFPGAN(t weights.Tensors, in Image) Image {
	x := made(3, in.Height, in.Width, func(c, y, x int) float64 { return 2*in.At(c, y, x) - 1 })
	h := leaky(conv(t, "conv_body_first", x))
	var skips []Image
	for i := 0; 4<<i < in.Height; i++ {
		h = resized(t, fmt.Sprintf("conv_body_down.%d", i), h, 0.5)
		skips = append([]Image{h}, skips...)
	}
	h = leaky(conv(t, "final_conv", h))
	code := linear(t, "final_linear", h.Data)
	latents := make([][]float64, 2*len(skips)+2)
	for i := range latents {
		size := len(code) / len(latents)
		latents[i] = code[i*size:][:size]
	}
	var scales, shifts []Image
	for i, skip := range skips {
		h = resized(t, fmt.Sprintf("conv_body_up.%d", i), sum(1, h, skip), 2)
		scales = append(scales, condition(t, fmt.Sprintf("condition_scale.%d", i), h))
		shifts = append(shifts, condition(t, fmt.Sprintf("condition_shift.%d", i), h))
	}
	out := generated(t, latents, scales, shifts)
	return made(3, out.Height, out.Width, func(c, y, x int) float64 { return (out.At(c, y, x) + 1) / 2 })
}

func condition(t weights.Tensors, name string, x Image) Image {
	return conv(t, name+".2", leaky(conv(t, name+".0", x)))
}

func resized(t weights.Tensors, name string, x Image, factor float64) Image {
	h := bilinear(leaky(conv(t, name+".conv1", x)), factor)
	h = leaky(conv(t, name+".conv2", h))
	return sum(1, h, conv(t, name+".skip", bilinear(x, factor)))
}

// bilinear is torch's interpolation with align_corners=False: pixels are squares
// and the border is repeated outside the image.
func bilinear(in Image, factor float64) Image {
	height, width := int(float64(in.Height)*factor), int(float64(in.Width)*factor)
	near := func(at, side int) (low, high int, share float64) {
		place := max(0, (float64(at)+0.5)/factor-0.5)
		low = int(place)
		return low, min(low+1, side-1), place - float64(low)
	}
	return made(in.Channels, height, width, func(c, y, x int) float64 {
		top, bottom, down := near(y, in.Height)
		left, right, across := near(x, in.Width)
		upper := in.At(c, top, left)*(1-across) + in.At(c, top, right)*across
		lower := in.At(c, bottom, left)*(1-across) + in.At(c, bottom, right)*across
		return upper*(1-down) + lower*down
	})
}

func linear(t weights.Tensors, name string, in []float64) []float64 {
	weight, bias := t[name+".weight"], t[name+".bias"]
	out := make([]float64, weight.Shape[0])
	for o := range out {
		out[o] = float64(bias.Data[o])
		for i, v := range in {
			out[o] += v * float64(weight.Data[o*len(in)+i])
		}
	}
	return out
}

func generated(t weights.Tensors, latents [][]float64, scales, shifts []Image) Image {
	const name = "stylegan_decoder."
	constant := t[name+"constant_input.weight"]
	h := Image{constant.Shape[1], constant.Shape[2], constant.Shape[3], doubles(constant.Data)}
	h = styled(t, name+"style_conv1", t[name+"noises.noise0"], h, latents[0])
	image := toRGB(t, name+"to_rgb1", h, latents[1])
	for i, scale := range scales {
		layer, noise := name+"style_convs.%d", name+"noises.noise%d"
		h = styled(t, fmt.Sprintf(layer, 2*i), t[fmt.Sprintf(noise, 2*i+1)], bilinear(h, 2), latents[2*i+1])
		// The last channels are transformed: all of them, or half.
		kept := h.Channels - scale.Channels
		before := h
		h = made(h.Channels, h.Height, h.Width, func(c, y, x int) float64 {
			v := before.At(c, y, x)
			if c < kept {
				return v
			}
			return v*scale.At(c-kept, y, x) + shifts[i].At(c-kept, y, x)
		})
		h = styled(t, fmt.Sprintf(layer, 2*i+1), t[fmt.Sprintf(noise, 2*i+2)], h, latents[2*i+2])
		color := toRGB(t, fmt.Sprintf("%sto_rgbs.%d", name, i), h, latents[2*i+3])
		image = sum(1, bilinear(image, 2), color)
	}
	return image
}

// modulated multiplies a convolution's weights by the style of its input
// channels; demodulation then scales every filter to norm 1.
func modulated(t weights.Tensors, name string, x Image, latent []float64, demodulate bool) Image {
	weight := t[name+".modulated_conv.weight"]
	style := linear(t, name+".modulated_conv.modulation", latent)
	out, side := weight.Shape[1], weight.Shape[3]
	values := doubles(weight.Data)
	size := len(values) / out
	for o := range out {
		filter := values[o*size:][:size]
		length := 1e-8
		for i := range filter {
			filter[i] *= style[i/(side*side)]
			length += filter[i] * filter[i]
		}
		for i := range filter {
			if demodulate {
				filter[i] /= math.Sqrt(length)
			}
		}
	}
	return convolved(x, side, values, make([]float64, out))
}

func styled(t weights.Tensors, name string, noise weights.Tensor, x Image, latent []float64) Image {
	h := modulated(t, name, x, latent, true)
	strength, bias := float64(t[name+".weight"].Data[0]), t[name+".bias"].Data
	return leaky(made(h.Channels, h.Height, h.Width, func(c, y, x int) float64 {
		return math.Sqrt2*h.At(c, y, x) + strength*float64(noise.Data[y*h.Width+x]) + float64(bias[c])
	}))
}

func toRGB(t weights.Tensors, name string, x Image, latent []float64) Image {
	h, bias := modulated(t, name, x, latent, false), t[name+".bias"].Data
	return made(3, h.Height, h.Width, func(c, y, x int) float64 { return h.At(c, y, x) + float64(bias[c]) })
}
