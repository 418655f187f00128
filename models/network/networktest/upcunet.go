package networktest

import (
	"fmt"
	"math/rand/v2"

	"upscaled/models/weights"
)

// Upcunet is the model of upcunet_v3.py (Real-CUGAN) and waifu2x's cunet.
func Upcunet(t weights.Tensors, in Image) Image {
	deconv := map[int]int{3: 1, 4: 2, 5: 3}[t["unet1.conv_bottom.weight"].Shape[2]]
	_, final := t["conv_final.weight"]
	_, pro := t["pro"]
	fold := 1
	if t["unet1.conv1.conv.0.weight"].Shape[1] == 12 {
		fold = 2
	}
	image := in
	if pro {
		image = mapped(in, func(v float64) float64 { return v*0.7 + 0.15 })
	}
	margin := map[int]int{1: 28, 2: 18, 3: 14}[deconv]
	if final {
		margin = 19
	}
	multiple := map[int]int{1: 4, 2: 2, 3: 4}[deconv]
	x := unshuffled(mirrored(image, margin*fold, multiple*fold), fold)
	x = unetOf(t, "unet1.", x, false)
	h := sum(1, unetOf(t, "unet2.", x, true), trimmed(x, 20))
	scale := deconv
	if final {
		h, scale = shuffled(trimmed(valid(t, "conv_final", h), 1), 2), 2*deconv/fold
	}
	return made(3, in.Height*scale, in.Width*scale, func(c, y, x int) float64 {
		v := h.At(c, y, x)
		if final {
			v += image.At(c, y/scale, x/scale)
		}
		if pro {
			v = (v - 0.15) / 0.7
		}
		return v
	})
}

func unetOf(t weights.Tensors, name string, x Image, deep bool) Image {
	slope := leakyBy(0.1)
	x1 := unetPair(t, name+"conv1", x)
	x2 := unetPair(t, name+"conv2", mapped(halved(t, name+"conv1_down", x1), slope))
	if !deep {
		up := mapped(spread(t, name+"conv2_up", x2, 2, 0), slope)
		x = mapped(valid(t, name+"conv3", sum(1, trimmed(x1, 4), up)), slope)
	} else {
		x3 := unetPair(t, name+"conv3", mapped(halved(t, name+"conv2_down", x2), slope))
		x3 = mapped(spread(t, name+"conv3_up", x3, 2, 0), slope)
		x4 := unetPair(t, name+"conv4", sum(1, trimmed(x2, 4), x3))
		x4 = mapped(spread(t, name+"conv4_up", x4, 2, 0), slope)
		x = mapped(valid(t, name+"conv5", sum(1, trimmed(x1, 16), x4)), slope)
	}
	switch t[name+"conv_bottom.weight"].Shape[2] {
	case 4:
		return spread(t, name+"conv_bottom", x, 2, 3)
	case 5:
		return spread(t, name+"conv_bottom", x, 3, 2)
	}
	return valid(t, name+"conv_bottom", x)
}

func unetPair(t weights.Tensors, name string, x Image) Image {
	for _, part := range []string{".conv.0", ".conv.2"} {
		x = mapped(valid(t, name+part, x), leakyBy(0.1))
	}
	if _, ok := t[name+".seblock.conv1.weight"]; !ok {
		return x
	}
	area := x.Height * x.Width
	mean := made(x.Channels, 1, 1, func(c, _, _ int) (sum float64) {
		for _, v := range x.Data[c*area:][:area] {
			sum += v / float64(area)
		}
		return sum
	})
	mean = mapped(conv(t, name+".seblock.conv1", mean), func(v float64) float64 { return max(v, 0) })
	mean = mapped(conv(t, name+".seblock.conv2", mean), sigmoid)
	return made(x.Channels, x.Height, x.Width, func(c, y, u int) float64 { return x.At(c, y, u) * mean.At(c, 0, 0) })
}

// Upconv is waifu2x's upconv_7 or vgg_7.
func Upconv(t weights.Tensors, in Image) Image {
	layers := len(t) / 2
	h := made(3, in.Height+2*layers, in.Width+2*layers, func(c, y, x int) float64 {
		return in.At(c, min(max(y-layers, 0), in.Height-1), min(max(x-layers, 0), in.Width-1))
	})
	for i := range layers {
		name := fmt.Sprintf("net.%d", 2*i)
		if i < layers-1 {
			h = mapped(valid(t, name, h), leakyBy(0.1))
		} else if t[name+".weight"].Shape[2] == 4 {
			h = spread(t, name, h, 2, 3)
		} else {
			h = valid(t, name, h)
		}
	}
	return h
}

// mirrored reflects an image by margin on all sides, and further at its right and lower
// end to a multiple.
func mirrored(in Image, margin, multiple int) Image {
	at := func(i, n int) int {
		if i < 0 {
			i = -i
		}
		if i >= n {
			i = 2*(n-1) - i
		}
		return i
	}
	more := func(n int) int { return 2*margin + (n+multiple-1)/multiple*multiple }
	return made(in.Channels, more(in.Height), more(in.Width), func(c, y, x int) float64 {
		return in.At(c, at(y-margin, in.Height), at(x-margin, in.Width))
	})
}

func trimmed(in Image, n int) Image {
	return made(in.Channels, in.Height-2*n, in.Width-2*n, func(c, y, x int) float64 { return in.At(c, y+n, x+n) })
}

// valid is a convolution of 3x3 without padding.
func valid(t weights.Tensors, name string, in Image) Image { return trimmed(conv(t, name, in), 1) }

// halved is a convolution of 2x2 with stride 2.
func halved(t weights.Tensors, name string, in Image) Image {
	weight, bias := t[name+".weight"], t[name+".bias"].Data
	return made(weight.Shape[0], in.Height/2, in.Width/2, func(o, y, x int) float64 {
		v := float64(bias[o])
		for i, w := range weight.Data[o*in.Channels*4:][:in.Channels*4] {
			v += float64(w) * in.At(i/4, 2*y+i/2%2, 2*x+i%2)
		}
		return v
	})
}

// spread is a transposed convolution; pad is dropped on all sides.
func spread(t weights.Tensors, name string, in Image, stride, pad int) Image {
	weight, bias := t[name+".weight"], t[name+".bias"].Data
	outs, side := weight.Shape[1], weight.Shape[2]
	out := made(outs, (in.Height-1)*stride+side-2*pad, (in.Width-1)*stride+side-2*pad, func(c, _, _ int) float64 { return float64(bias[c]) })
	for i, w := range weight.Data {
		c, o, ky, kx := i/(outs*side*side), i/(side*side)%outs, i/side%side, i%side
		for y := range in.Height {
			for x := range in.Width {
				v, u := y*stride+ky-pad, x*stride+kx-pad
				if v >= 0 && u >= 0 && v < out.Height && u < out.Width {
					out.Data[(o*out.Height+v)*out.Width+u] += float64(w) * in.At(c, y, x)
				}
			}
		}
	}
	return out
}

// UpcunetVariant selects a variant of UpCunet: Scale is 1 to 4; Fast is of scale 2.
type UpcunetVariant struct {
	Scale     int
	Pro, Fast bool
	// Width divides the published number of channels.
	Width int
}

// RandomUpcunet returns UpCunet tensors.
func RandomUpcunet(seed uint64, v UpcunetVariant) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 31)), weights.Tensors{}}
	in, middle, bottom := 3, 3, v.Scale+2
	if v.Scale == 4 || v.Fast {
		middle, bottom = 64/v.Width, 4
		m.convOf("conv_final", 12, middle, 3, 0.3)
	}
	if v.Fast {
		in = 12
	}
	if v.Pro {
		m.tensors["pro"] = weights.Tensor{Shape: []int{1}, Data: []float32{0}}
	}
	n := 64 / v.Width
	pair := func(name string, in, between, out int, squeeze bool) {
		m.convOf(name+".conv.0", between, in, 3, 1.3)
		m.convOf(name+".conv.2", out, between, 3, 1.3)
		if squeeze {
			m.convOf(name+".seblock.conv1", out/8, out, 1, 1)
			m.convOf(name+".seblock.conv2", out, out/8, 1, 1)
		}
	}
	pair("unet1.conv1", in, n/2, n, false)
	m.convOf("unet1.conv1_down", n, n, 2, 1.3)
	pair("unet1.conv2", n, 2*n, n, true)
	m.convOf("unet1.conv2_up", n, n, 2, 2)
	m.convOf("unet1.conv3", n, n, 3, 1)
	if bottom == 3 {
		m.convOf("unet1.conv_bottom", middle, n, 3, 0.2)
	} else {
		transposed(m, "unet1.conv_bottom", middle, n, bottom, 0.4)
	}
	pair("unet2.conv1", middle, n/2, n, false)
	m.convOf("unet2.conv1_down", n, n, 2, 1.3)
	pair("unet2.conv2", n, n, 2*n, true)
	m.convOf("unet2.conv2_down", 2*n, 2*n, 2, 1.3)
	pair("unet2.conv3", 2*n, 4*n, 2*n, true)
	transposed(m, "unet2.conv3_up", 2*n, 2*n, 2, 2)
	pair("unet2.conv4", 2*n, n, n, true)
	transposed(m, "unet2.conv4_up", n, n, 2, 2)
	m.convOf("unet2.conv5", n, n, 3, 1)
	m.convOf("unet2.conv_bottom", middle, n, 3, 0.2)
	if !v.Fast && v.Scale < 4 {
		m.raise("unet2.conv_bottom.bias", 0.5)
	}
	return m.tensors
}

// RandomUpconv returns tensors of upconv_7, or of vgg_7 at scale 1.
func RandomUpconv(seed uint64, width, scale int) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 32)), weights.Tensors{}}
	in := 3
	for i, out := range []int{1, 2, 4, 8, 8, 16} {
		m.convOf(fmt.Sprintf("net.%d", 2*i), out*width, in, 3, 1.3)
		in = out * width
	}
	if scale == 1 {
		m.convOf("net.12", 3, in, 3, 0.4)
	} else {
		transposed(m, "net.12", 3, in, 4, 0.2)
	}
	m.raise("net.12.bias", 0.5)
	return m.tensors
}

// transposed adds a transposed convolution.
func transposed(m maker, name string, out, in, kernel int, gain float64) {
	m.convOf(name, in, out, kernel, gain)
	m.normal(name+".bias", 0.1, out)
}
