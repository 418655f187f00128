package probe

import (
	"cmp"
	"math"
	"slices"
	"time"

	"upscaled/models/network"
)

// smooth is an image whose details survive upscaling, in 0..1; its channels differ.
func smooth(c, y, x int) float64 {
	a, b := float64(x), float64(y)
	return 0.5 + 0.25*math.Sin(a/7+float64(c)) + 0.15*math.Cos(b/5-2*float64(c)) - 0.05*float64(c)
}

// goodEnough is a PSNR, in dB, of a result that is the image upscaled. A model of
// 0..255 that is given 0..1 sees a black image, and its error is too large.
const goodEnough = 20

// trial is a convention's result.
type trial struct {
	c network.Convention
	// psnr compares the reduced result with the input, in dB; fault says why the
	// result is no image, "" if it may be one.
	psnr  float64
	fault string
}

// findRange finds the range of samples and the order of the result's channels.
func (p *prober) findRange() error {
	if p.stated.White > p.stated.Black {
		best, err := p.tryRange(p.stated.Black, p.stated.White)
		return cmp.Or(err, p.accept(best))
	}
	best, err := p.tryRange(0, 1)
	if err != nil {
		return err
	}
	if best.fault == "" && best.psnr > goodEnough {
		// A model of -1..1 does well in 0..1, too.
		if bounded, err := p.bounded(); err != nil || !bounded {
			return cmp.Or(err, p.accept(best))
		}
		best.psnr = 0
	}
	for _, r := range [][2]float64{{0, 255}, {-1, 1}} {
		t, err := p.tryRange(r[0], r[1])
		if err != nil {
			return err
		}
		if t.fault == "" && (best.fault != "" || t.psnr > max(goodEnough, best.psnr+6)) {
			best = t
		}
	}
	return p.accept(best)
}

// bounded reports whether all results are in -1..1, whatever the input, and some
// are far below 0.
func (p *prober) bounded() (bool, error) {
	height, width := p.small()
	out, err := p.run(p.found, newImage(p.found.In, height, width, func(c, y, x int) float64 {
		return 32 * (smooth(c, y, x) - 0.5)
	}))
	if err != nil {
		return false, err
	}
	low, high := slices.Min(out.pix), slices.Max(out.pix)
	return low >= -1.001 && low < -0.5 && high <= 1.001, nil
}

func (p *prober) accept(t trial) error {
	if t.fault != "" {
		return unusable(nil, "%s", t.fault)
	}
	p.found = t.c
	return nil
}

func (p *prober) tryRange(black, white float64) (trial, error) {
	c := p.found
	c.Black, c.White = black, white
	out, err := p.run(c, newImage(c.In, p.height, p.width, func(channel, y, x int) float64 {
		if channel == 3 {
			return white // opaque
		}
		return black + (white-black)*smooth(channel, y, x)
	}))
	if err != nil {
		return trial{}, err
	}
	t := trial{c: c, psnr: p.likeness(out, c)}
	if c.Swapped = c.In >= 3; c.Swapped {
		if psnr := p.likeness(out, c); psnr > max(goodEnough, t.psnr+6) {
			t.c, t.psnr = c, psnr
		}
	}
	switch {
	case !out.finite():
		t.fault = "it returns values that are not numbers"
	case float64(slices.Max(out.pix)-slices.Min(out.pix)) < 1e-6*(white-black):
		t.fault = "it returns the same value for every pixel"
	}
	return t, nil
}

// likeness returns the PSNR in dB of a result, reduced to the input's size, to the
// input.
func (p *prober) likeness(out image, c network.Convention) float64 {
	sum, channels := 0.0, min(3, out.channels)
	for channel := range channels {
		from := channel
		if c.Swapped {
			from = 2 - channel
		}
		for y := range p.height {
			for x := range p.width {
				mean := 0.0
				for i := range c.Scale * c.Scale {
					mean += float64(out.at(from, y*c.Scale+i/c.Scale, x*c.Scale+i%c.Scale))
				}
				mean /= float64(c.Scale * c.Scale)
				d := (mean-c.Black)/(c.White-c.Black) - smooth(channel, y, x)
				sum += d * d
			}
		}
	}
	return -10 * math.Log10(sum/float64(channels*p.height*p.width))
}

// farInside is so far from the border of a tile, in pixels, that its result may count;
// tintedTiles is a mean difference there, of 0..1, that makes tiles visible.
const farInside, tintedTiles = 48, 8. / 255

// findTiles changes one pixel and finds how far the result changes. A radius counts
// only if a crop of the image then has the same result inside; a crop that has another
// one everywhere shows that the model needs whole images. Slow models are skipped: their
// radius is larger.
func (p *prober) findTiles() error {
	c := p.found
	if c.FixedHeight > 0 || c.FixedWidth > 0 {
		return nil
	}
	side := (160 + c.Multiple - 1) / c.Multiple * c.Multiple
	if p.cost*time.Duration(side*side) > p.patience {
		return nil
	}
	crop := cropOf(c.Multiple)
	noise := newImage(c.In, side, side, func(channel, y, x int) float64 {
		h := uint32(channel*7919+y*104729+x*1299709) * 2654435761
		v := float64(h>>8) / (1 << 24)
		if y < crop.height || x < crop.width {
			v /= 8 // the crop has other statistics
		}
		return c.Black + (c.White-c.Black)*v
	})
	whole, err := p.run(c, noise)
	if err != nil {
		return err
	}
	at := side / 2
	changed := image{noise.channels, side, side, slices.Clone(noise.pix)}
	for channel := range min(3, c.In) {
		v := &changed.pix[(channel*side+at)*side+at]
		*v = float32(c.Black+c.White) - *v + float32(c.White-c.Black)/2
	}
	other, err := p.run(c, changed)
	if err != nil {
		return err
	}
	radius := 0
	each(whole, func(channel, y, x int) {
		if whole.at(channel, y, x) != other.at(channel, y, x) {
			radius = max(radius, abs(y/c.Scale-at), abs(x/c.Scale-at))
		}
	})
	return p.compareCrop(noise, whole, crop, radius)
}

// cropOf returns where a crop begins, at multiples that tiles may have: of n in y and of
// 2n in x. Windows or strides of a model that accepts all multiples of n lie elsewhere
// in the crop, which shows that its tiles are not exact.
func cropOf(n int) (from size) {
	const most = 48
	last := func(n int) int {
		p := max(1, most/n)
		for !isPrime(p) {
			p--
		}
		return p * n
	}
	if from = (size{height: last(n), width: last(2 * n)}); from.width > most {
		from.width = from.height
	}
	return from
}

// compareCrop keeps a radius if no pixel that far inside the crop from a position on
// differs from the whole image.
func (p *prober) compareCrop(in, whole image, from size, radius int) error {
	c := p.found
	crop := newImage(in.channels, in.height-from.height, in.width-from.width, func(channel, y, x int) float64 {
		return float64(in.at(channel, y+from.height, x+from.width))
	})
	out, err := p.run(c, crop)
	if err != nil {
		return err
	}
	worst, sum, count := 0.0, 0.0, 0.0
	each(out, func(channel, y, x int) {
		d := math.Abs(float64(out.at(channel, y, x)-whole.at(channel, y+from.height*c.Scale, x+from.width*c.Scale))) / (c.White - c.Black)
		if min(y, x) >= radius*c.Scale {
			worst = max(worst, d)
		}
		if min(y, x) >= farInside*c.Scale {
			sum, count = sum+d, count+1
		}
	})
	switch {
	case radius > 0 && radius <= network.MaxExactRadius && worst < 1./1024:
		p.found.Radius = radius
	case sum > tintedTiles*count:
		p.found.Whole = true
	}
	return nil
}

func each(m image, visit func(channel, y, x int)) {
	for i := range m.pix {
		visit(i/(m.width*m.height), i/m.width%m.height, i%m.width)
	}
}

func abs(n int) int { return max(n, -n) }
