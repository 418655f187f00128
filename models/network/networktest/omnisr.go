package networktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"upscaled/models/weights"
)

// OmniSR is the model of OmniSR.py with windows of 4 or 8 pixels.
func OmniSR(t weights.Tensors, in Image) Image {
	side := 8
	if table, ok := t["residual_layer.0.residual_layer.0.layer.2.fn.rel_pos_bias.weight"]; ok {
		side = (int(math.Sqrt(float64(table.Shape[0]))+0.5) + 1) / 2
	}
	up := func(n int) int { return (n + side - 1) / side * side }
	x := made(3, up(in.Height), up(in.Width), func(c, y, x int) float64 {
		if y < in.Height && x < in.Width {
			return in.At(c, y, x)
		}
		return 0
	})
	first := conv(t, "input", x)
	h := first
	has := func(name string) bool { _, ok := t[name]; return ok }
	for i := 0; has(fmt.Sprintf("residual_layer.%d.esa.conv1.weight", i)); i++ {
		name := fmt.Sprintf("residual_layer.%d.", i)
		before, k := h, 0
		for ; has(fmt.Sprintf("%sresidual_layer.%d.layer.0.fn.0.weight", name, k)); k++ {
			h = omniBlock(t, fmt.Sprintf("%sresidual_layer.%d.layer.", name, k), h, side)
		}
		h = esa(t, name+"esa.", sum(1, conv(t, fmt.Sprintf("%sresidual_layer.%d", name, k), h), before))
	}
	h = conv(t, "up.0", sum(1, conv(t, "output", h), first))
	r := scaleOf(h.Channels)
	h = shuffled(h, r)
	return made(3, in.Height*r, in.Width*r, h.At)
}

func omniBlock(t weights.Tensors, name string, x Image, side int) Image {
	h := mapped(depthwise(t, name+"0.fn.2", mapped(conv(t, name+"0.fn.0", x), gelu)), gelu)
	weight := projected(t, name+"0.fn.4.gate.3", mapped(projected(t, name+"0.fn.4.gate.1", means(h)), silu))
	h = made(h.Channels, h.Height, h.Width, func(c, y, x int) float64 { return h.At(c, y, x) * sigmoid(weight.At(c, 0, 0)) })
	h = sum(1, conv(t, name+"0.fn.5", h), x)
	for i := range 2 {
		part := func(at int) string { return fmt.Sprintf("%s%d.", name, 6*i+at) }
		h = sum(1, omniSpatial(t, part(2), h, side, i == 1), h)
		h = sum(1, omniGate(t, part(4), h), h)
		h = sum(1, omniChannels(t, part(5), h, side, i == 1), h)
		h = sum(1, omniGate(t, part(6), h), h)
	}
	return h
}

// scattered moves pixels so that those as far apart as possible become windows of
// neighbors; back is the inverse.
func scattered(in Image, side int, back bool) Image {
	out := New(in.Channels, in.Height, in.Width)
	for c := range in.Channels {
		for y := range in.Height {
			for x := range in.Width {
				v := y%(in.Height/side)*side + y/(in.Height/side)
				u := x%(in.Width/side)*side + x/(in.Width/side)
				if back {
					out.Set(c, y, x, in.At(c, v, u))
				} else {
					out.Set(c, v, u, in.At(c, y, x))
				}
			}
		}
	}
	return out
}

func omniSpatial(t weights.Tensors, name string, x Image, side int, spread bool) Image {
	qkv := projected(t, name+"fn.to_qkv", layerNorm(t, name+"norm", x, 1e-5))
	if spread {
		qkv = scattered(qkv, side, false)
	}
	table := t[name+"fn.rel_pos_bias.weight"].Data
	h := windowed(qkv, [2]int{side, side}, [2]int{}, 4, func(head, dy, dx int) float64 {
		if table == nil {
			return 0
		}
		return float64(table[((dy+side-1)*(2*side-1)+dx+side-1)*4+head])
	})
	if spread {
		h = scattered(h, side, true)
	}
	return projected(t, name+"fn.to_out.0", h)
}

// omniChannels lets the channels of a window attend to each other, or those of pixels
// that lie side pixels apart.
func omniChannels(t weights.Tensors, name string, x Image, side int, spread bool) Image {
	qkv := depthwise(t, name+"fn.qkv_dwconv", conv(t, name+"fn.qkv", layerNorm(t, name+"norm", x, 1e-6)))
	height, width := side, side
	at := func(i, j, y, x int) (int, int) { return i*side + y, j*side + x }
	if spread {
		height, width = x.Height/side, x.Width/side
		at = func(i, j, y, x int) (int, int) { return y*side + i, x*side + j }
	}
	h := New(x.Channels, x.Height, x.Width)
	for i := range x.Height / height {
		for j := range x.Width / width {
			own := made(qkv.Channels, height, width, func(c, y, x int) float64 {
				v, u := at(i, j, y, x)
				return qkv.At(c, v, u)
			})
			own = channelAttention(own, t[name+"fn.temperature"].Data)
			for c := range own.Channels {
				for y := range height {
					for x := range width {
						v, u := at(i, j, y, x)
						h.Set(c, v, u, own.At(c, y, x))
					}
				}
			}
		}
	}
	return conv(t, name+"fn.project_out", h)
}

func omniGate(t weights.Tensors, name string, x Image) Image {
	h := depthwise(t, name+"fn.dwconv", conv(t, name+"fn.project_in", layerNorm(t, name+"norm", x, 1e-6)))
	half := h.Channels / 2
	return conv(t, name+"fn.project_out", product(mapped(part(h, 0, half), gelu), part(h, half, half)))
}

// esa weights pixels by what a reduced image shows.
func esa(t weights.Tensors, name string, x Image) Image {
	reduced := conv(t, name+"conv1", x)
	whole := conv(t, name+"conv2", reduced) // its padding is not used
	small := made(whole.Channels, (x.Height-3)/2+1, (x.Width-3)/2+1, func(c, y, x int) float64 { return whole.At(c, 2*y+1, 2*x+1) })
	h := made(small.Channels, (small.Height-7)/3+1, (small.Width-7)/3+1, func(c, y, x int) float64 {
		best := math.Inf(-1)
		for i := range 49 {
			best = max(best, small.At(c, 3*y+i/7, 3*x+i%7))
		}
		return best
	})
	h = conv(t, name+"conv3", h)
	near := func(at, side, from int) (low, high int, share float64) {
		place := max(0, (float64(at)+0.5)*float64(from)/float64(side)-0.5)
		low = min(int(place), from-1)
		return low, min(low+1, from-1), place - float64(low)
	}
	h = made(h.Channels, x.Height, x.Width, func(c, y, u int) float64 {
		top, bottom, down := near(y, x.Height, h.Height)
		left, right, across := near(u, x.Width, h.Width)
		upper := h.At(c, top, left)*(1-across) + h.At(c, top, right)*across
		lower := h.At(c, bottom, left)*(1-across) + h.At(c, bottom, right)*across
		return upper*(1-down) + lower*down
	})
	return product(x, mapped(conv(t, name+"conv4", sum(1, h, conv(t, name+"conv_f", reduced))), sigmoid))
}

// OmniVariant selects a variant of OmniSR.
type OmniVariant struct {
	Features, Groups, Blocks, Scale, Window int // Window is 8 without Positions
	Positions, Bias                         bool
}

// RandomOmniSR returns OmniSR tensors.
func RandomOmniSR(seed uint64, v OmniVariant) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 8)), weights.Tensors{}}
	n := v.Features
	bare := func(name string, out, in, kernel int, gain float64) {
		m.convOf(name, out, in, kernel, gain)
		delete(m.tensors, name+".bias")
	}
	plain := m.convOf
	if !v.Bias {
		plain = bare
	}
	plain("input", n, 3, 3, 1)
	for i := range v.Groups {
		for k := range v.Blocks {
			name := fmt.Sprintf("residual_layer.%d.residual_layer.%d.layer.", i, k)
			m.convOf(name+"0.fn.0", n, n, 1, 1.5)
			m.convOf(name+"0.fn.2", n, 1, 3, 1.5)
			m.convOf(name+"0.fn.5", n, n, 1, 1.5)
			bareLinear := func(part string, out, in int) {
				m.fill(name+part, 1.5, out, in)
				delete(m.tensors, name+part+".bias")
			}
			bareLinear("0.fn.4.gate.1", n/4, n)
			bareLinear("0.fn.4.gate.3", n, n/4)
			for half := range 2 {
				part := func(at int) string { return fmt.Sprintf("%d.", 6*half+at) }
				for _, at := range []int{2, 4, 5, 6} {
					m.norm(name+part(at)+"norm", n)
				}
				bareLinear(part(2)+"fn.to_qkv", 3*n, n)
				bareLinear(part(2)+"fn.to_out.0", n, n)
				if v.Positions {
					m.normal(name+part(2)+"fn.rel_pos_bias.weight", 1, (2*v.Window-1)*(2*v.Window-1), 4)
				}
				bare(name+part(5)+"fn.qkv", 3*n, n, 1, 1.5)
				bare(name+part(5)+"fn.qkv_dwconv", 3*n, 1, 3, 1)
				bare(name+part(5)+"fn.project_out", n, n, 1, 1)
				m.normal(name+part(5)+"fn.temperature", 0.2, 4, 1, 1)
				m.raise(name+part(5)+"fn.temperature", 1)
				for _, at := range []int{4, 6} {
					bare(name+part(at)+"fn.project_in", 2*n, n, 1, 1.5)
					bare(name+part(at)+"fn.dwconv", 2*n, 1, 3, 1)
					bare(name+part(at)+"fn.project_out", n, n, 1, 1)
				}
			}
		}
		name := fmt.Sprintf("residual_layer.%d.", i)
		plain(fmt.Sprintf("%sresidual_layer.%d", name, v.Blocks), n, n, 1, 1)
		m.convOf(name+"esa.conv1", 16, n, 1, 1)
		m.convOf(name+"esa.conv_f", 16, 16, 1, 1)
		m.convOf(name+"esa.conv2", 16, 16, 3, 1)
		m.convOf(name+"esa.conv3", 16, 16, 3, 1)
		m.convOf(name+"esa.conv4", n, 16, 1, 1)
	}
	plain("output", n, n, 3, 1)
	plain("up.0", 3*v.Scale*v.Scale, n, 3, 0.05)
	if v.Bias {
		m.raise("up.0.bias", 0.5)
	}
	return m.tensors
}
