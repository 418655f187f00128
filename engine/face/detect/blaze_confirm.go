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
		for range 2 {
			s, err := d.see(ctx, v, c)
			if err != nil || s.score == 0 {
				return face.Face{}, err
			}
			looks = append(looks, s)
			mean.add(s, 0.25)
			mean.score += s.score / 4
			c = c.mirror()
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

// blazeCrop is a square cut out of a copy of the image.
type blazeCrop struct {
	imagedata.Raster
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
	return blazeCrop{align.Crop(from.Raster, to, side), from, to, false}
}

// mirror swaps left and right in c, whose samples it changes.
func (c blazeCrop) mirror() blazeCrop {
	for y := range c.Height {
		row := c.Pix[y*c.Width*c.Channels:][:c.Width*c.Channels]
		for i, j := 0, len(row)-c.Channels; i < j; i, j = i+c.Channels, j-c.Channels {
			for k := range c.Channels {
				row[i+k], row[j+k] = row[j+k], row[i+k]
			}
		}
	}
	c.mirrored = !c.mirrored
	return c
}

// see returns the best sighting near a crop's middle, in pixels of the image. Its score
// is 0 if there is none.
func (d *Blaze) see(ctx context.Context, v variant, c blazeCrop) (sighting, error) {
	found, err := d.look(ctx, v, func(out []float32) { toInput(out, c.Pix, c.Channels) })
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
