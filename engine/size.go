package engine

import (
	"math"

	"upscaled/models/fault"
)

// maxSide is the longest side that is made, in pixels.
const maxSide = 1 << 20

// SideTooLong is the cause within a fault.TooLarge: a result's longer side would
// have so many pixels, and can have so many.
type SideTooLong struct{ Side, Limit int64 }

func (e *SideTooLong) Error() string { return "a side of the result would be too long" }

// target is the exact output size for an input size: rounded to the nearest
// pixel, at least 1.
func (s Size) target(width, height, native int) (int, int, error) {
	w, h := float64(width), float64(height)
	factorX, factorY := float64(native), float64(native)
	set := 0
	if s.Scale != 0 {
		set++
		factorX, factorY = s.Scale, s.Scale
		if !(s.Scale >= 0.1 && s.Scale <= 16) {
			return 0, 0, fault.New(fault.Invalid, "The scale must be between 0.1 and 16, not %g.", s.Scale)
		}
	}
	if s.Longest != 0 {
		set++
		factorX = float64(s.Longest) / max(w, h)
		factorY = factorX
	}
	if s.FitWidth != 0 || s.FitHeight != 0 {
		set++
		if s.FitWidth < 1 || s.FitHeight < 1 {
			return 0, 0, fault.New(fault.Invalid, "The box to fit into needs a width and a height of at least 1.")
		}
		factorX = min(float64(s.FitWidth)/w, float64(s.FitHeight)/h)
		factorY = factorX
	}
	if s.Width != 0 || s.Height != 0 {
		set++
		switch {
		case s.Height == 0:
			factorX = float64(s.Width) / w
			factorY = factorX
		case s.Width == 0:
			factorY = float64(s.Height) / h
			factorX = factorY
		default:
			factorX, factorY = float64(s.Width)/w, float64(s.Height)/h
		}
	}
	if set > 1 {
		return 0, 0, fault.New(fault.Invalid, "Give the output size in one way only: scale, width and height, longest side, or a box to fit into.")
	}
	if factorX <= 0 || factorY <= 0 {
		return 0, 0, fault.New(fault.Invalid, "The output size must be at least 1 pixel.")
	}
	outW, outH := math.Round(w*factorX), math.Round(h*factorY)
	if outW > maxSide || outH > maxSide {
		return 0, 0, fault.Wrap(fault.TooLarge, &SideTooLong{int64(min(max(outW, outH), 1<<62)), maxSide}, "The output would be %.0fx%.0f pixels; a side can have at most %d.", outW, outH, maxSide)
	}
	return max(1, int(outW)), max(1, int(outH)), nil
}

// reduced is the size of an input after MaxInputWidth, aspect ratio kept.
func (q Request) reduced(width, height int) (int, int) {
	if q.MaxInputWidth <= 0 || width <= q.MaxInputWidth {
		return width, height
	}
	factor := float64(q.MaxInputWidth) / float64(width)
	return q.MaxInputWidth, max(1, int(math.Round(float64(height)*factor)))
}

// step is one pass of the network, from an input size to scale times it.
type step struct{ width, height int }

// passes chains network passes from a size to at least a target. When one
// pass is not enough, the picture is brought to target/scale between the
// passes: the last pass then lands on the target, and no pass computes more
// pixels than it must.
func passes(width, height, targetWidth, targetHeight, scale int) []step {
	steps := []step{{width, height}}
	for scale > 1 {
		last := steps[len(steps)-1]
		if last.width*scale >= targetWidth && last.height*scale >= targetHeight {
			return steps
		}
		steps = append(steps, step{
			width:  between(last.width, targetWidth, scale),
			height: between(last.height, targetHeight, scale),
		})
	}
	return steps
}

// between is the input side of the next pass: as small as reaches the target,
// and no larger than what the pass before made.
func between(side, target, scale int) int {
	return max(1, min(side*scale, max((target+scale-1)/scale, side)))
}
