package main

import (
	"image"
	"image/color"
	"math"
)

// shape is a part of a drawing.
type shape struct {
	// distance returns that of a point from the edge in pixels, negative inside.
	distance func(x, y float64) float64
	fill     color.RGBA
	// outline is the width of a dark line at the edge; 0 draws none.
	outline float64
}

func circle(cx, cy, r float64) func(x, y float64) float64 {
	return ellipse(cx, cy, r, r)
}

func ellipse(cx, cy, rx, ry float64) func(x, y float64) float64 {
	return func(x, y float64) float64 { return (math.Hypot((x-cx)/rx, (y-cy)/ry) - 1) * min(rx, ry) }
}

// line is a stroke with round ends.
func line(ax, ay, bx, by, width float64) func(x, y float64) float64 {
	return func(x, y float64) float64 {
		dx, dy := bx-ax, by-ay
		along := min(1, max(0, ((x-ax)*dx+(y-ay)*dy)/(dx*dx+dy*dy)))
		return math.Hypot(x-ax-along*dx, y-ay-along*dy) - width/2
	}
}

// polygon is convex; its corners go around clockwise, as seen on the screen.
func polygon(corners ...[2]float64) func(x, y float64) float64 {
	return func(x, y float64) float64 {
		most := math.Inf(-1)
		for i, a := range corners {
			b := corners[(i+1)%len(corners)]
			dx, dy := b[0]-a[0], b[1]-a[1]
			most = max(most, ((x-a[0])*dy-(y-a[1])*dx)/math.Hypot(dx, dy))
		}
		return most
	}
}

// below is everything below a wave.
func below(level, height, length, phase float64) func(x, y float64) float64 {
	return func(x, y float64) float64 { return level + height*math.Sin((x+phase)/length) - y }
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

// paint draws shapes over each other, the last one on top, with smooth edges.
func paint(side int, shapes []shape) image.Image {
	const points = 8 // a row and column of each pixel
	drawn := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			var sum [3]int
			for i := range points * points {
				c := at(shapes, float64(x)+(float64(i%points)+.5)/points, float64(y)+(float64(i/points)+.5)/points)
				sum = [3]int{sum[0] + int(c.R), sum[1] + int(c.G), sum[2] + int(c.B)}
			}
			mean := func(s int) uint8 { return uint8((s + points*points/2) / (points * points)) }
			drawn.SetRGBA(x, y, color.RGBA{mean(sum[0]), mean(sum[1]), mean(sum[2]), 255})
		}
	}
	return drawn
}

func at(shapes []shape, x, y float64) color.RGBA {
	found := rgb(0xffffff)
	for _, s := range shapes {
		if d := s.distance(x, y); d < 0 {
			found = s.fill
			if d > -s.outline {
				found = rgb(0x2a1d1a)
			}
		}
	}
	return found
}

// cat is a drawing with outlines and flat areas, 64 pixels wide and high.
func cat() []shape {
	const ink, fur, stripe, pink, white = 0x2a1d1a, 0xf2a65a, 0xa85b2a, 0xf4a6a6, 0xffffff
	all := []shape{{below(-99, 0, 1, 0), rgb(0xcfe6f5), 0}, {circle(52, 10, 14), rgb(0xfde9b8), 0}}
	for _, side := range []float64{-1, 1} {
		x := func(away float64) float64 { return 32 + side*away }
		ear := [][2]float64{{x(21), 4}, {x(24), 34}, {x(4), 22}}
		inner := [][2]float64{{x(19), 10}, {x(20), 28}, {x(9), 22}}
		if side < 0 {
			ear[1], ear[2], inner[1], inner[2] = ear[2], ear[1], inner[2], inner[1]
		}
		all = append(all, shape{polygon(ear...), rgb(fur), 1.3}, shape{polygon(inner...), rgb(pink), .6})
	}
	all = append(all, shape{ellipse(32, 39, 26, 21), rgb(fur), 1.3})
	for _, away := range []float64{-6, 0, 6} {
		all = append(all, shape{line(32+away, 20.5, 32+away*.7, 26, 1.8), rgb(stripe), 0})
	}
	for _, side := range []float64{-1, 1} {
		x := func(away float64) float64 { return 32 + side*away }
		all = append(all, shape{circle(x(4.6), 49, 5.6), rgb(white), 0},
			shape{ellipse(x(11), 37, 6, 7), rgb(white), 1}, shape{ellipse(x(10.5), 37.5, 4, 5.4), rgb(0x4f9d69), .7},
			shape{ellipse(x(10.5), 37.5, 1.7, 4), rgb(ink), 0}, shape{circle(x(10.5)+1.6, 35, 1.2), rgb(white), 0})
		for _, up := range []float64{-3, 0, 3} {
			all = append(all, shape{line(x(13), 49+up/2, x(29), 47+up*1.6, .55), rgb(ink), 0})
		}
		all = append(all, shape{line(32, 48.5, x(3.6), 51.5, .8), rgb(ink), 0})
	}
	return append(all, shape{polygon([2]float64{28.5, 44}, [2]float64{35.5, 44}, [2]float64{32, 48.5}), rgb(0xe0787e), .8})
}

// house is a frame of an animated film: soft shades, thin lines.
func house() []shape {
	var all []shape
	for y := range 44 { // the sky
		shade := func(from, to int) uint32 { return uint32(from + (to-from)*y/44) }
		all = append(all, shape{below(float64(y), 0, 1, 0), rgb(shade(0x5b, 0xfb)<<16 | shade(0x8f, 0xd9)<<8 | shade(0xd6, 0xb4)), 0})
	}
	all = append(all, shape{circle(14, 15, 7), rgb(0xfff3c4), 0},
		shape{ellipse(44, 10, 10, 3.2), rgb(0xf3f6fb), 0}, shape{ellipse(50, 12, 9, 3), rgb(0xe2e9f4), 0},
		shape{below(38, 5, 11, 4), rgb(0x6f9a8d), 0}, shape{below(47, 3, 8, 20), rgb(0x5e9a52), .5}, shape{below(55, 2, 14, 0), rgb(0x86bd5a), .5})
	all = append(all, shape{line(11, 56, 11, 44, 2.6), rgb(0x6b4a32), .5},
		shape{circle(8, 40, 6), rgb(0x3f7d45), .5}, shape{circle(14, 38, 7), rgb(0x4c9150), .5}, shape{circle(11, 34, 5), rgb(0x62a95c), 0})
	box := func(x0, y0, x1, y1 float64) func(x, y float64) float64 {
		return polygon([2]float64{x0, y0}, [2]float64{x1, y0}, [2]float64{x1, y1}, [2]float64{x0, y1})
	}
	all = append(all, shape{box(33, 38, 55, 58), rgb(0xf4e3c8), .6}, shape{box(47, 38, 55, 58), rgb(0xd9c3a4), .6},
		shape{polygon([2]float64{44, 25}, [2]float64{59, 39}, [2]float64{29, 39}), rgb(0xc4523f), .7})
	for x := 33.0; x < 56; x += 3 {
		all = append(all, shape{line(x, 38.4, x+1.4, 36.4, .5), rgb(0x8e3527), 0})
	}
	return append(all, shape{box(36, 42, 42, 48), rgb(0x9fd3ea), .6}, shape{line(39, 42, 39, 48, .5), rgb(0x4b3a2f), 0},
		shape{line(36, 45, 42, 45, .5), rgb(0x4b3a2f), 0}, shape{box(48.5, 46, 53, 58), rgb(0x7a4a2b), .6}, shape{circle(49.8, 52, .7), rgb(0xf2d16b), 0})
}
