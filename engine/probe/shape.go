package probe

import (
	"cmp"
	"strings"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// findShape finds the order of axes, the channels, the scale and the sizes that the
// model accepts.
func (p *prober) findShape() error {
	var failed error
	for _, c := range p.layouts() {
		for _, s := range p.sizes(c) {
			found, err := p.try(c, s)
			if err == nil {
				p.found, p.height, p.width = found, s.height, s.width
				return p.checkScale()
			}
			if fault.KindOf(err) == fault.Canceled {
				return err
			}
			if failed == nil || fault.KindOf(failed) != fault.Unsupported && fault.KindOf(err) == fault.Unsupported {
				failed = err // a result that does not fit says more than a run that failed
			}
		}
	}
	if fault.KindOf(failed) == fault.Unsupported {
		return unusable(failed, "%s", strings.TrimSuffix(fault.Sentence(failed), "."))
	}
	return unusable(failed, "it does not run on an image of any size from %d to %d pixels", 40, 512)
}

func (p *prober) checkScale() error {
	if p.stated.Scale != 0 && p.stated.Scale != p.found.Scale {
		return fault.New(fault.Invalid, "The model upscales images %d times, not %d times; leave out --scale.", p.found.Scale, p.stated.Scale)
	}
	return nil
}

// layouts returns the orders of axes and channels to try, the likeliest first. Those
// that the file's shapes exclude fail without being computed.
func (p *prober) layouts() []network.Convention {
	all := []network.Convention{p.found}
	for _, channels := range []int{3, 1, 4} {
		for _, last := range []bool{false, true} {
			c := p.found
			c.In, c.Out, c.ChannelsLast = channels, 0, last
			if c.In != all[0].In || c.ChannelsLast != all[0].ChannelsLast {
				all = append(all, c)
			}
		}
	}
	return all
}

// size is an input to try. If the file accepts it, all sizes are multiples of multiple;
// 0 if it is then the only size.
type size struct{ height, width, multiple int }

// sizes returns inputs of 40 pixels and more. The multiples of n among them divide by
// no larger number in the list, so that the first one that runs shows the multiple.
func (p *prober) sizes(c network.Convention) []size {
	if c.FixedHeight > 0 && c.FixedWidth > 0 {
		return []size{{c.FixedHeight, c.FixedWidth, 0}}
	}
	multiples := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 30, 32, 36, 40, 48, 56, 64, 96, 128}
	if p.stated.Multiple > 0 {
		multiples = []int{p.stated.Multiple}
	}
	var all []size
	for _, n := range multiples {
		first, second := primesFrom(max(2, (39+n)/n))
		s := size{cmp.Or(c.FixedHeight, n*first), cmp.Or(c.FixedWidth, n*second), n}
		all = append(all, s)
	}
	for _, side := range []int{64, 128, 256, 48, 96, 192, 224, 512} {
		all = append(all, size{side, side, 0})
	}
	return all
}

// primesFrom returns the first prime of at least n and the prime after it.
func primesFrom(n int) (first, second int) {
	for first = n; !isPrime(first); first++ {
	}
	for second = first + 1; !isPrime(second); second++ {
	}
	return first, second
}

// isPrime reports whether n has no divisors besides 1 and itself.
func isPrime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}

// try runs the model once and returns the convention that the result shows.
func (p *prober) try(c network.Convention, s size) (network.Convention, error) {
	out, err := p.run(c, newImage(c.In, s.height, s.width, func(int, int, int) float64 { return 0.5 }))
	if err != nil {
		return c, err
	}
	if out.height < s.height || out.width < s.width {
		return c, fault.New(fault.Unsupported, "it returns %dx%d pixels for %dx%d, and must not shrink an image", out.width, out.height, s.width, s.height)
	}
	scale := out.height / s.height
	if out.height != scale*s.height || out.width != scale*s.width {
		return c, fault.New(fault.Unsupported, "it returns %dx%d pixels for %dx%d, which is no whole scale", out.width, out.height, s.width, s.height)
	}
	c.Out, c.Scale, c.Multiple = out.channels, scale, max(1, s.multiple)
	if s.multiple == 0 {
		c.FixedHeight, c.FixedWidth = s.height, s.width
	}
	return c, nil
}

// findLeast finds the shortest side that the model accepts.
func (p *prober) findLeast() error {
	if p.found.FixedHeight > 0 || p.found.FixedWidth > 0 {
		return nil
	}
	for side := p.found.Multiple; side < min(p.height, p.width); side *= 2 {
		if _, err := p.try(p.found, size{side, side, p.found.Multiple}); fault.KindOf(err) == fault.Canceled {
			return err
		} else if err == nil {
			if side > p.found.Multiple {
				p.found.Least = side
			}
			return nil
		}
	}
	p.found.Least = min(p.height, p.width)
	return nil
}
