package networktest

import (
	"math"

	"upscaled/models/weights"
)

// mapped applies a function to every sample.
func mapped(in Image, f func(float64) float64) Image {
	out := New(in.Channels, in.Height, in.Width)
	for i, v := range in.Data {
		out.Data[i] = f(v)
	}
	return out
}

func sigmoid(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

func silu(v float64) float64 { return v * sigmoid(v) }

func mish(v float64) float64 { return v * math.Tanh(math.Log1p(math.Exp(v))) }

func gelu(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) }

func leakyBy(slope float64) func(float64) float64 {
	return func(v float64) float64 { return max(v, 0) + slope*min(v, 0) }
}

func product(a, b Image) Image {
	return made(a.Channels, a.Height, a.Width, func(c, y, x int) float64 { return a.At(c, y, x) * b.At(c, y, x) })
}

// shuffled is torch's pixel_shuffle, unshuffled its inverse.
func shuffled(in Image, r int) Image {
	return made(in.Channels/(r*r), in.Height*r, in.Width*r, func(c, y, x int) float64 {
		return in.At(c*r*r+y%r*r+x%r, y/r, x/r)
	})
}

func unshuffled(in Image, r int) Image {
	return made(in.Channels*r*r, in.Height/r, in.Width/r, func(c, y, x int) float64 {
		return in.At(c/(r*r), y*r+c/r%r, x*r+c%r)
	})
}

// layerNorm normalizes the channels of every pixel.
func layerNorm(t weights.Tensors, name string, in Image, epsilon float64) Image {
	out := New(in.Channels, in.Height, in.Width)
	weight, bias := t[name+".weight"].Data, t[name+".bias"].Data
	for y := range in.Height {
		for x := range in.Width {
			var mean, variance float64
			for c := range in.Channels {
				mean += in.At(c, y, x) / float64(in.Channels)
			}
			for c := range in.Channels {
				d := in.At(c, y, x) - mean
				variance += d * d / float64(in.Channels)
			}
			for c := range in.Channels {
				out.Set(c, y, x, (in.At(c, y, x)-mean)/math.Sqrt(variance+epsilon)*float64(weight[c])+float64(bias[c]))
			}
		}
	}
	return out
}

// groupNorm normalizes groups of channels over the whole image.
func groupNorm(t weights.Tensors, name string, in Image, groups int) Image {
	weight, bias := t[name+".weight"].Data, t[name+".bias"].Data
	size := len(in.Data) / groups
	out := New(in.Channels, in.Height, in.Width)
	for g := range groups {
		part := in.Data[g*size:][:size]
		var mean, variance float64
		for _, v := range part {
			mean += v / float64(size)
		}
		for _, v := range part {
			variance += (v - mean) * (v - mean) / float64(size)
		}
		for i, v := range part {
			c := (g*size + i) / (in.Height * in.Width)
			out.Data[g*size+i] = (v-mean)/math.Sqrt(variance+1e-5)*float64(weight[c]) + float64(bias[c])
		}
	}
	return out
}

// projected applies a fully connected layer to every pixel.
func projected(t weights.Tensors, name string, in Image) Image {
	weight, bias := t[name+".weight"], t[name+".bias"].Data
	if bias == nil {
		bias = make([]float32, weight.Shape[0])
	}
	return convolved(in, 1, doubles(weight.Data), doubles(bias))
}
