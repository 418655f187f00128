package detect

import (
	"math"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
)

// The crop in which points are located: upright, with a face's window of
// cropWindow samples in the middle. The window for nose and mouth is three eye
// distances (about 1.1 windows) wide and reaches below the middle.
const (
	cropWindow = 192
	cropSide   = 320
)

// crop is a face turned upright and brought to a fixed size.
type crop struct {
	plane
	// Of a sample (row, column) of the crop the place in the picture is
	// centre + step * turn(column - middle, row - middle), in pixels.
	centre         face.Point
	step, sin, cos float64
}

// cropMiddle is the index of the crop's centre.
const cropMiddle = (cropSide - 1) / 2.0

// cut makes the crop of a face of the given window and roll. It samples the
// reduced copy where that is fine enough and the picture itself elsewhere.
func cut(p imagedata.Raster, reduced plane, factor int, centre face.Point, size, roll float64) crop {
	c := crop{plane: plane{width: cropSide, height: cropSide, pix: make([]uint8, cropSide*cropSide)},
		centre: centre, step: size / cropWindow}
	c.sin, c.cos = math.Sincos(roll)
	source, unit := reduced, float64(factor)
	if factor > 1 && c.step < unit {
		reach := cropSide/2*c.step*math.Sqrt2 + 2
		source, unit = region(p, int(centre.X-reach), int(centre.Y-reach), int(centre.X+reach)+1, int(centre.Y+reach)+1), 1
	}
	if source.width == 0 {
		return c
	}
	// Each sample is the mean of fine x fine, so that shrinking does not alias.
	fine := max(1, int(math.Ceil(c.step/unit)))
	for row := range cropSide {
		for column := range cropSide {
			sum := 0.0
			for i := range fine * fine {
				y := float64(row) + (float64(i/fine)+0.5)/float64(fine) - 0.5
				x := float64(column) + (float64(i%fine)+0.5)/float64(fine) - 0.5
				at := c.toPicture(spot{y, x})
				sum += source.between(at.Y/unit-0.5, at.X/unit-0.5)
			}
			c.pix[row*cropSide+column] = uint8(sum/float64(fine*fine) + 0.5)
		}
	}
	return c
}

func (c crop) toPicture(s spot) face.Point {
	x, y := (s.column-cropMiddle)*c.step, (s.row-cropMiddle)*c.step
	return face.Point{X: c.centre.X + x*c.cos - y*c.sin, Y: c.centre.Y + x*c.sin + y*c.cos}
}

func (c crop) fromPicture(p face.Point) spot {
	x, y := p.X-c.centre.X, p.Y-c.centre.Y
	return spot{
		row:    cropMiddle + (y*c.cos-x*c.sin)/c.step,
		column: cropMiddle + (x*c.cos+y*c.sin)/c.step,
	}
}

// between interpolates bilinearly at indices of the grid that the plane was
// cut from; outside its edge repeats.
func (p plane) between(row, column float64) float64 {
	row = min(max(row-float64(p.top), 0), float64(p.height-1))
	column = min(max(column-float64(p.left), 0), float64(p.width-1))
	y, x := int(row), int(column)
	below, right := p.width, 1
	if y == p.height-1 {
		below = 0
	}
	if x == p.width-1 {
		right = 0
	}
	fy, fx := row-float64(y), column-float64(x)
	i := y*p.width + x
	upper := float64(p.pix[i])*(1-fx) + float64(p.pix[i+right])*fx
	lower := float64(p.pix[i+below])*(1-fx) + float64(p.pix[i+below+right])*fx
	return upper*(1-fy) + lower*fy
}
