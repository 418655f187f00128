package detect

import (
	"context"
	"math"

	"upscaled/engine/face"
	"upscaled/engine/face/align"
	"upscaled/engine/imagedata"
)

const (
	// confirmPart is the face's width relative to a confirming input.
	confirmPart = 0.4
	// fineEnough is the resolution of the copy that a crop is taken from, relative to
	// the crop's. A smoother crop, of smoothEnough, is the second try: it has less noise.
	fineEnough, smoothEnough = 0.7, 0.25
	// coarse is the scale of a crop below which its copy is filtered first.
	coarse = 0.6
	// clearScore ends the trial of other turns; candidates that reach it are worth the
	// second try.
	clearScore = 0.8
	// steepest is the roll that the points may still have in a crop turned by them.
	steepest = 80 * math.Pi / 180
)

// variant is one of the two networks and the side of its input, in pixels.
type variant struct {
	network TensorNetwork
	side    int
}

// confirm looks at a candidate in crops turned upright: by the roll of its own points,
// then, as points of turned faces mislead, by quarters of a turn from there. The
// result is the mean of what both variants see in the crop that is aligned to the best
// of these, and in its mirror image: each errs to one side. Its score is theirs less the
// scatter of their points. A candidate without a face has the score 0.
//
// In the trial set, points are off by 5.7 % of the eyes' distance in the mean, rolls by
// 1.6 degrees; by 8.3 % and 2.7 degrees without these looks. Looking once more, in a crop
// like a restorer's, changes both by less than 0.1, so that is not done.
func (d *Blaze) confirm(ctx context.Context, copies []reduced, candidate sighting) (f face.Face, err error) {
	for _, fine := range []float64{fineEnough, smoothEnough} {
		if f, err = d.confirmAt(ctx, copies, candidate, fine); err != nil || f.Score > 0 || candidate.score < clearScore {
			break
		}
	}
	return f, err
}

// confirmAt is confirm in crops of one resolution.
func (d *Blaze) confirmAt(ctx context.Context, copies []reduced, candidate sighting, fine float64) (face.Face, error) {
	var best sighting
	for turn := range 4 {
		s, err := d.see(ctx, d.front, closeUp(copies, candidate, candidate.roll()+float64(turn)*math.Pi/2, d.front.side, fine))
		if err != nil {
			return face.Face{}, err
		}
		if s.score > best.score {
			best = s
		}
		if best.score > clearScore {
			break
		}
	}
	if best.score == 0 {
		return face.Face{}, nil
	}
	var looks []sighting
	var mean sighting
	for _, v := range []variant{d.front, d.back} {
		c := closeUp(copies, best, best.roll(), v.side, fine)
		for _, c := range []blazeCrop{c, c.mirror()} {
			s, err := d.see(ctx, v, c)
			if err != nil || s.score == 0 {
				return face.Face{}, err
			}
			looks = append(looks, s)
			mean.add(s, 0.25)
			mean.score += s.score / 4
		}
	}
	mean.score = max(0, mean.score-mean.scatter(looks))
	return mean.face(), nil
}

// scatter returns the root mean square distance of the points of looks from those of s,
// by the face's width: 0.02 to 0.05 on faces, above 0.1 on chance patterns.
func (s sighting) scatter(looks []sighting) float64 {
	var sum float64
	for _, look := range looks {
		for i, p := range look.points {
			x, y := p.X-s.points[i].X, p.Y-s.points[i].Y
			sum += x*x + y*y
		}
	}
	return math.Sqrt(sum/float64(len(looks)*len(s.points))) / s.width
}

// blazeCrop is a variant's input, cut out of a copy of the image.
type blazeCrop struct {
	input    []float32
	from     reduced
	to       align.Transform // from the copy
	mirrored bool
}

// closeUp cuts out the face of s, turned by roll.
func closeUp(copies []reduced, s sighting, roll float64, side int, fine float64) blazeCrop {
	middle, wanted := float64(side)/2, confirmPart*float64(side)
	from := copies[0]
	for _, c := range copies[1:] {
		if s.width/c.toX > fine*wanted {
			from = c
		}
	}
	s = s.mapped(1/from.toX, func(p face.Point) face.Point { return face.Point{X: p.X / from.toX, Y: p.Y / from.toY} })
	sin, cos := math.Sincos(-roll)
	scale := wanted / s.width
	to := align.Transform{A: scale * cos, B: scale * sin}
	center := to.Apply(s.center)
	to.X, to.Y = middle-center.X, middle-center.Y
	if scale < coarse {
		// The first copy may be much smaller than the image.
		return blazeCrop{between(align.Crop(from.Raster, to, side), align.Transform{A: 1}, side), from, to, false}
	}
	return blazeCrop{between(from.Raster, to.Inverse(), side), from, to, false}
}

// between returns the samples of an input, which back maps to p, by bilinear
// interpolation, the way MediaPipe does. The edge is repeated outside.
func between(p imagedata.Raster, back align.Transform, side int) []float32 {
	out := make([]float32, 3*side*side)
	n := p.Channels
	for i := range side * side {
		at := back.Apply(face.Point{X: float64(i%side) + 0.5, Y: float64(i/side) + 0.5})
		x, y := min(max(at.X-0.5, 0), float64(p.Width-1)), min(max(at.Y-0.5, 0), float64(p.Height-1))
		left, top := int(x), int(y)
		right, down := min(1, p.Width-1-left)*n, min(1, p.Height-1-top)*p.Width*n
		across, along := float32(x-float64(left)), float32(y-float64(top))
		pix := p.Pix[(top*p.Width+left)*n:]
		for c := range 3 {
			k := min(c, n-1)
			a, b := float32(pix[k]), float32(pix[k+down])
			a += (float32(pix[k+right]) - a) * across
			b += (float32(pix[k+down+right]) - b) * across
			out[3*i+c] = toInput(a + (b-a)*along)
		}
	}
	return out
}

// mirror returns c with left and right swapped.
func (c blazeCrop) mirror() blazeCrop {
	side := int(math.Sqrt(float64(len(c.input) / 3)))
	out := make([]float32, len(c.input))
	for i := range side * side {
		copy(out[3*i:3*i+3], c.input[3*(i-2*(i%side)+side-1):])
	}
	c.input, c.mirrored = out, !c.mirrored
	return c
}

// see returns the best sighting near a crop's middle, in pixels of the image. Its score
// is 0 if there is none.
func (d *Blaze) see(ctx context.Context, v variant, c blazeCrop) (sighting, error) {
	found, err := d.look(ctx, v, c.input, candidateScore)
	middle := float64(v.side) / 2
	var best sighting
	for _, f := range found {
		if c.mirrored {
			f = f.mirrored(float64(v.side))
		}
		far := math.Hypot(f.center.X-middle, f.center.Y-middle)
		if far < confirmPart*middle && math.Abs(f.roll()) < steepest && f.score > best.score {
			best = f
		}
	}
	back := c.to.Inverse()
	return best.mapped(c.from.toX*math.Hypot(back.A, back.B), func(p face.Point) face.Point { return c.from.toImage(back.Apply(p)) }), err
}

// mirrored returns a sighting in the mirror image of an input.
func (s sighting) mirrored(side float64) sighting {
	s = s.mapped(1, func(p face.Point) face.Point { return face.Point{X: side - p.X, Y: p.Y} })
	p := &s.points
	p[blazeLeftEye], p[blazeRightEye] = p[blazeRightEye], p[blazeLeftEye]
	p[blazeLeftEar], p[blazeRightEar] = p[blazeRightEar], p[blazeLeftEar]
	return s
}

// face returns a sighting as detectors do.
func (s sighting) face() face.Face {
	mouth := s.points[blazeMouth]
	return face.Face{
		Left: s.center.X - s.width/2, Top: s.center.Y - s.width/2, Width: s.width, Height: s.width, Score: s.score,
		Landmarks: face.Landmarks{s.points[blazeLeftEye], s.points[blazeRightEye], s.points[blazeNose], mouth, mouth},
		Ears:      [2]face.Point{s.points[blazeLeftEar], s.points[blazeRightEar]},
	}
}
