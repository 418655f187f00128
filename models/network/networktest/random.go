package networktest

import (
	"fmt"
	"math/rand/v2"

	"upscaled/models/weights"
)

// maker fills tensors with numbers that keep values near 1 through any depth.
type maker struct {
	random  *rand.Rand
	tensors weights.Tensors
}

func (m maker) conv(name string, out, in int, gain float64) { m.convOf(name, out, in, 3, gain) }

func (m maker) convOf(name string, out, in, kernel int, gain float64) {
	m.fill(name, gain, out, in, kernel, kernel)
}

// norm adds a normalization.
func (m maker) norm(name string, channels int) {
	m.normal(name+".weight", 0.2, channels)
	m.normal(name+".bias", 0.1, channels)
	m.raise(name+".weight", 1)
}

// raise adds v to a tensor.
func (m maker) raise(name string, v float32) {
	for i := range m.tensors[name].Data {
		m.tensors[name].Data[i] += v
	}
}

// RandomCompact returns SRVGGNetCompact tensors with the given number of
// convolutions. Slopes lie on both sides of 0 and of 1, and some are 1.
func RandomCompact(seed uint64, convolutions, features, scale int) weights.Tensors {
	return RandomCompactOf(3, seed, convolutions, features, scale)
}

// RandomCompactOf is RandomCompact for images of other channels than 3.
func RandomCompactOf(channels int, seed uint64, convolutions, features, scale int) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 1)), weights.Tensors{}}
	in := channels
	for i := range convolutions - 1 {
		m.conv(fmt.Sprintf("body.%d", 2*i), features, in, 1.1)
		slopes := make([]float32, features)
		for c := range slopes {
			slopes[c] = float32(m.random.Float64()*1.8 - 0.5)
			if c%9 == 4 {
				slopes[c] = 1
			}
		}
		m.tensors[fmt.Sprintf("body.%d.weight", 2*i+1)] = weights.Tensor{Shape: []int{features}, Data: slopes}
		in = features
	}
	m.conv(fmt.Sprintf("body.%d", 2*convolutions-2), channels*scale*scale, in, 0.2)
	return m.tensors
}

// RandomESRGAN returns RRDBNet tensors of 4x for other channels than 3 or, if plus is
// set, of ESRGAN+.
func RandomESRGAN(seed uint64, channels, fold int, plus bool) weights.Tensors {
	const features, growth = 16, 8
	m := maker{rand.New(rand.NewPCG(seed, 3)), RandomRRDB(seed, 2, features, growth, 1, 2)}
	m.conv("conv_first", features, channels*fold*fold, 1)
	m.conv("conv_last", channels, features, 0.5)
	m.raise("conv_last.bias", 0.5)
	for i := range 2 {
		for k := 1; k <= 3 && plus; k++ {
			name := fmt.Sprintf("body.%d.rdb%d.conv1x1", i, k)
			m.convOf(name, growth, features, 1, 1)
			delete(m.tensors, name+".bias")
		}
	}
	return m.tensors
}

// RandomReLU returns SRVGGNetCompact tensors with ReLUs, which have no tensors.
func RandomReLU(seed uint64, convolutions, features, scale int) weights.Tensors {
	t := RandomCompact(seed, convolutions, features, scale)
	for i := range convolutions {
		delete(t, fmt.Sprintf("body.%d.weight", 2*i+1))
	}
	return t
}

// RandomRRDB returns RRDBNet tensors for an image unshuffled by fold (1, 2 or 4)
// and upsampled by 2 ups times.
func RandomRRDB(seed uint64, blocks, features, growth, fold, ups int) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 2)), weights.Tensors{}}
	m.conv("conv_first", features, 3*fold*fold, 1)
	for i := range blocks {
		for k := 1; k <= 3; k++ {
			for j := range 5 {
				out := growth
				if j == 4 {
					out = features
				}
				m.conv(fmt.Sprintf("body.%d.rdb%d.conv%d", i, k, j+1), out, features+j*growth, 1)
			}
		}
	}
	m.conv("conv_body", features, features, 1)
	for i := range ups {
		m.conv(fmt.Sprintf("conv_up%d", i+1), features, features, 1.2)
	}
	m.conv("conv_hr", features, features, 1.2)
	m.conv("conv_last", 3, features, 0.5)
	m.tensors["conv_last.bias"] = weights.Tensor{Shape: []int{3}, Data: []float32{0.4, 0.5, 0.6}}
	return m.tensors
}
