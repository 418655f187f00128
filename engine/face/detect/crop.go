package detect

import (
	"math"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
)

// Points are located in an upright crop with the face's window of cropWindow
// samples in the middle. The window for nose and mouth is three eye distances
// (about 1.1 windows) wide and reaches below the middle.
const (
	cropWindow = 192
	cropSide   = 320
)

// crop is a face rotated upright and scaled to a fixed size.
type crop struct {
	plane
	// Sample (row, column) of the crop is at center + step * rotate(column -
	// middle, row - middle) in the image, in pixels.
	center         face.Point
	step, sin, cos float64
}

// cropMiddle is the index of the crop's center.
const cropMiddle = (cropSide - 1) / 2.0

// cut returns the crop of a face with the given window and roll. It samples the
// reduced copy if that is fine enough, otherwise the image itself.
func cut(p imagedata.Raster, reduced plane, factor int, center face.Point, size, roll float64) crop {
	c := crop{plane: plane{width: cropSide, height: cropSide, pix: make([]uint8, cropSide*cropSide)},
		center: center, step: size / cropWindow}
	c.sin, c.cos = math.Sincos(roll)
	source, unit := reduced, float64(factor)
	if factor > 1 && c.step < unit {
		reach := cropSide/2*c.step*math.Sqrt2 + 2
		source, unit = region(p, int(center.X-reach), int(center.Y-reach), int(center.X+reach)+1, int(center.Y+reach)+1), 1
	}
	if source.width == 0 {
		return c
	}
	// Each sample is the mean of fine x fine, so that reducing does not alias.
	fine := max(1, int(math.Ceil(c.step/unit)))
	for row := range cropSide {
		for column := range cropSide {
			sum := 0.0
			for i := range fine * fine {
				y := float64(row) + (float64(i/fine)+0.5)/float64(fine) - 0.5
				x := float64(column) + (float64(i%fine)+0.5)/float64(fine) - 0.5
				at := c.toImage(spot{y, x})
				sum += source.between(at.Y/unit-0.5, at.X/unit-0.5)
			}
			c.pix[row*cropSide+column] = uint8(sum/float64(fine*fine) + 0.5)
		}
	}
	return c
}

func (c crop) toImage(s spot) face.Point {
	x, y := (s.column-cropMiddle)*c.step, (s.row-cropMiddle)*c.step
	return face.Point{X: c.center.X + x*c.cos - y*c.sin, Y: c.center.Y + x*c.sin + y*c.cos}
}

func (c crop) fromImage(p face.Point) spot {
	x, y := p.X-c.center.X, p.Y-c.center.Y
	return spot{
		row:    cropMiddle + (y*c.cos-x*c.sin)/c.step,
		column: cropMiddle + (x*c.cos+y*c.sin)/c.step,
	}
}

// between interpolates bilinearly at indices of the plane's grid, repeating the
// edge outside.
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
