package resize

import (
	"math"
	"runtime"
	"sync"

	"upscaled/engine/picture"
)

// taps are the input samples of one output sample.
type taps struct {
	first   int
	weights []float32
}

// lanczos16 resizes 16-bit samples, which imaging cannot hold, with imaging's
// kernel and edge rule: weights beyond the border are left out and the rest
// normalised. Exactly one of the sides changes.
func lanczos16(r picture.Raster, width, height int) picture.Raster {
	out := picture.NewRaster(width, height, r.Channels, 16)
	if width != r.Width {
		filters := kernel(r.Width, width)
		eachRow(height, func(y int) {
			rowAcross(out.Pix16[y*width*r.Channels:][:width*r.Channels],
				r.Pix16[y*r.Width*r.Channels:][:r.Width*r.Channels], filters, r.Channels)
		})
		return out
	}
	filters, stride := kernel(r.Height, height), width*r.Channels
	eachRow(height, func(y int) {
		rowDown(out.Pix16[y*stride:][:stride], r.Pix16, filters[y], stride)
	})
	return out
}

func rowAcross(out, in []uint16, filters []taps, channels int) {
	for x, t := range filters {
		for c := range channels {
			var sum float32
			for i, w := range t.weights {
				sum += w * float32(in[(t.first+i)*channels+c])
			}
			out[x*channels+c] = rounded(sum)
		}
	}
}

func rowDown(out, in []uint16, t taps, stride int) {
	sums := make([]float32, stride)
	for i, w := range t.weights {
		for x, v := range in[(t.first+i)*stride:][:stride] {
			sums[x] += w * float32(v)
		}
	}
	for x, sum := range sums {
		out[x] = rounded(sum)
	}
}

func rounded(v float32) uint16 {
	return uint16(max(0, min(65535, v+0.5)))
}

// kernel makes the taps of every output sample.
func kernel(in, out int) []taps {
	ratio := float64(in) / float64(out)
	scale := max(ratio, 1)
	reach := math.Ceil(scale * lobes)
	filters := make([]taps, out)
	for i := range filters {
		center := (float64(i)+0.5)*ratio - 0.5
		first := max(0, int(math.Ceil(center-reach)))
		last := min(in-1, int(math.Floor(center+reach)))
		t, sum := taps{first: first}, 0.0
		weights := make([]float64, 0, last-first+1)
		for k := first; k <= last; k++ {
			w := lanczosAt((float64(k) - center) / scale)
			weights = append(weights, w)
			sum += w
		}
		for _, w := range weights {
			t.weights = append(t.weights, float32(w/sum))
		}
		filters[i] = t
	}
	return filters
}

func lanczosAt(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x == 0:
		return 1
	case x >= lobes:
		return 0
	}
	px := math.Pi * x
	return math.Sin(px) / px * math.Sin(px/lobes) / (px / lobes)
}

// eachRow runs work for rows on all cores.
func eachRow(rows int, work func(y int)) {
	workers := min(runtime.GOMAXPROCS(0), max(rows, 1))
	var group sync.WaitGroup
	for n := range workers {
		group.Go(func() {
			for y := n * rows / workers; y < (n+1)*rows/workers; y++ {
				work(y)
			}
		})
	}
	group.Wait()
}
