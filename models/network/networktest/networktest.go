// Package networktest computes the models in float64 with plain loops, straight
// from the tensors and the published descriptions (BasicSR, rrdbnet_arch.py and
// srvgg_arch.py; GFPGAN, gfpganv1_clean_arch.py and stylegan2_clean_arch.py). It
// is slow and shares no code with the graphs; tests compare them with it.
package networktest

import (
	"fmt"
	"math"
	"sync"

	"upscaled/models/weights"
)

// Image holds planes of samples in 0..1: At(c, y, x) is
// Data[(c*Height+y)*Width+x].
type Image struct {
	Channels, Height, Width int
	Data                    []float64
}

// New returns a black image.
func New(channels, height, width int) Image {
	return Image{channels, height, width, make([]float64, channels*height*width)}
}

// At returns 0 outside the image, as convolutions see it.
func (m Image) At(c, y, x int) float64 {
	if y < 0 || x < 0 || y >= m.Height || x >= m.Width {
		return 0
	}
	return m.Data[(c*m.Height+y)*m.Width+x]
}

// Set sets one sample.
func (m Image) Set(c, y, x int, v float64) { m.Data[(c*m.Height+y)*m.Width+x] = v }

// made computes every sample of a new image.
func made(channels, height, width int, f func(c, y, x int) float64) Image {
	out := New(channels, height, width)
	for c := range channels {
		for y := range height {
			for x := range width {
				out.Set(c, y, x, f(c, y, x))
			}
		}
	}
	return out
}

// conv is a convolution with zero padding and an optional bias.
func conv(t weights.Tensors, name string, in Image) Image {
	weight, ok := t[name+".weight"]
	if !ok || weight.Shape[1] != in.Channels {
		panic(fmt.Sprintf("reference: no layer %s for %d channels", name, in.Channels))
	}
	bias := t[name+".bias"].Data
	if bias == nil {
		bias = make([]float32, weight.Shape[0])
	}
	return convolved(in, weight.Shape[2], doubles(weight.Data), doubles(bias))
}

func doubles(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// convolved has one output channel per bias.
func convolved(in Image, side int, weight, bias []float64) Image {
	out := New(len(bias), in.Height, in.Width)
	area, taps := in.Height*in.Width, side*side
	var wait sync.WaitGroup
	for o := range out.Channels {
		wait.Go(func() {
			plane := out.Data[o*area:][:area]
			for i := range plane {
				plane[i] = bias[o]
			}
			for c := range in.Channels {
				source := in.Data[c*area:][:area]
				for tap, w := range weight[(o*in.Channels+c)*taps:][:taps] {
					addShifted(plane, source, w, tap/side-side/2, tap%side-side/2, in.Height, in.Width)
				}
			}
		})
	}
	wait.Wait()
	return out
}

// addShifted adds w times source, moved by (dy, dx) with zeros shifted in.
func addShifted(plane, source []float64, w float64, dy, dx, height, width int) {
	for y := max(0, -dy); y < min(height, height-dy); y++ {
		for x := max(0, -dx); x < min(width, width-dx); x++ {
			plane[y*width+x] += w * source[(y+dy)*width+x+dx]
		}
	}
}

func leaky(in Image) Image {
	return made(in.Channels, in.Height, in.Width, func(c, y, x int) float64 {
		if v := in.At(c, y, x); v < 0 {
			return 0.2 * v
		}
		return in.At(c, y, x)
	})
}

func prelu(in Image, slopes []float32) Image {
	return made(in.Channels, in.Height, in.Width, func(c, y, x int) float64 {
		v := in.At(c, y, x)
		if v < 0 {
			return v * float64(slopes[c%len(slopes)])
		}
		return v
	})
}

func nearest(in Image, factor int) Image {
	return made(in.Channels, in.Height*factor, in.Width*factor, func(c, y, x int) float64 {
		return in.At(c, y/factor, x/factor)
	})
}

// sum is share*a + b.
func sum(share float64, a, b Image) Image {
	return made(a.Channels, a.Height, a.Width, func(c, y, x int) float64 {
		return share*a.At(c, y, x) + b.At(c, y, x)
	})
}

func concat(images ...Image) Image {
	out := images[0]
	out.Data = nil
	out.Channels = 0
	for _, m := range images {
		out.Data = append(out.Data, m.Data...)
		out.Channels += m.Channels
	}
	return out
}

// Compact is SRVGGNetCompact. Without slopes its activations are ReLUs.
func Compact(t weights.Tensors, in Image) Image {
	h := in
	for i := 0; ; i += 2 {
		h = conv(t, fmt.Sprintf("body.%d", i), h)
		slopes, ok := t[fmt.Sprintf("body.%d.weight", i+1)]
		if _, more := t[fmt.Sprintf("body.%d.weight", i+2)]; !ok && more {
			slopes, ok = weights.Tensor{Data: make([]float32, h.Channels)}, true
		}
		if !ok {
			break
		}
		h = prelu(h, slopes.Data)
	}
	r := 1
	for in.Channels*r*r < h.Channels {
		r++
	}
	shuffled := made(in.Channels, h.Height*r, h.Width*r, func(c, y, x int) float64 {
		return h.At(c*r*r+y%r*r+x%r, y/r, x/r)
	})
	return sum(1, shuffled, nearest(in, r))
}

// Gray returns a model of gray images on the luma of an RGB image; its color is
// interpolated.
func Gray(model func(weights.Tensors, Image) Image) func(weights.Tensors, Image) Image {
	return func(t weights.Tensors, in Image) Image {
		gray := made(1, in.Height, in.Width, func(_, y, x int) float64 {
			return 0.299*in.At(0, y, x) + 0.587*in.At(1, y, x) + 0.114*in.At(2, y, x)
		})
		out := model(t, gray)
		return sum(1, cubic(sum(-1, concat(gray, gray, gray), in), out.Width/in.Width), concat(out, out, out))
	}
}

// cubic is bicubic upsampling with the factor -0.75, repeating the border.
func cubic(in Image, factor int) Image {
	taps := func(at, side int) (indices [4]int, factors [4]float64) {
		position := (float64(at)+0.5)/float64(factor) - 0.5
		for i := range 4 {
			tap := int(math.Floor(position)) + i - 1
			indices[i] = max(0, min(side-1, tap))
			if d := math.Abs(position - float64(tap)); d <= 1 {
				factors[i] = (1.25*d-2.25)*d*d + 1
			} else {
				factors[i] = -0.75 * (((d-5)*d+8)*d - 4)
			}
		}
		return indices, factors
	}
	return made(in.Channels, in.Height*factor, in.Width*factor, func(c, y, x int) (v float64) {
		rows, byRow := taps(y, in.Height)
		columns, byColumn := taps(x, in.Width)
		for i, row := range rows {
			for k, column := range columns {
				v += byRow[i] * byColumn[k] * in.At(c, row, column)
			}
		}
		return v
	})
}

// Alpha returns a model of RGBA images on an opaque image without its alpha.
func Alpha(model func(weights.Tensors, Image) Image) func(weights.Tensors, Image) Image {
	return func(t weights.Tensors, in Image) Image {
		out := model(t, concat(in, made(1, in.Height, in.Width, func(_, _, _ int) float64 { return 1 })))
		return made(3, out.Height, out.Width, out.At)
	}
}

// RRDB is RRDBNet, with the pixel-unshuffle that its first layer's shape implies.
func RRDB(t weights.Tensors, in Image) Image {
	r := 1
	for in.Channels*r*r < t["conv_first.weight"].Shape[1] {
		r *= 2
	}
	unshuffled := made(in.Channels*r*r, in.Height/r, in.Width/r, func(c, y, x int) float64 {
		return in.At(c/(r*r), y*r+c/r%r, x*r+c%r)
	})
	first := conv(t, "conv_first", unshuffled)
	h := first
	for i := 0; ; i++ {
		if _, ok := t[fmt.Sprintf("body.%d.rdb1.conv1.weight", i)]; !ok {
			break
		}
		x := h
		for k := 1; k <= 3; k++ {
			h = dense(t, fmt.Sprintf("body.%d.rdb%d", i, k), h)
		}
		h = sum(0.2, h, x)
	}
	h = sum(1, conv(t, "conv_body", h), first)
	for i := 1; ; i++ {
		name := fmt.Sprintf("conv_up%d", i)
		if _, ok := t[name+".weight"]; !ok {
			break
		}
		h = leaky(conv(t, name, nearest(h, 2)))
	}
	return conv(t, "conv_last", leaky(conv(t, "conv_hr", h)))
}

func dense(t weights.Tensors, name string, x Image) Image {
	seen, second := x, Image{}
	_, plus := t[name+".conv1x1.weight"] // ESRGAN+
	for j := 1; j <= 4; j++ {
		y := leaky(conv(t, fmt.Sprintf("%s.conv%d", name, j), seen))
		switch {
		case plus && j == 2:
			second = sum(1, y, conv(t, name+".conv1x1", x))
			y = second
		case plus && j == 4:
			y = sum(1, y, second)
		}
		seen = concat(seen, y)
	}
	return sum(0.2, conv(t, name+".conv5", seen), x)
}
