package engine

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// orientation is one of eight ways to lay an image on its side or its back, as
// bits that may be combined: mirrored left to right, mirrored top to bottom, and
// then with rows as columns.
type orientation int

const (
	mirrorX orientation = 1 << iota
	mirrorY
	transpose
	orientations
)

// orientationsOf returns how many orientations a model takes: a fixed shape that is
// no square cannot be transposed.
func orientationsOf(info network.Info) orientation {
	if info.FixedWidth != info.FixedHeight {
		return transpose
	}
	return orientations
}

// size returns the turned size of a width and height.
func (o orientation) size(width, height int) (int, int) {
	if o&transpose != 0 {
		return height, width
	}
	return width, height
}

// steps returns the position in an image of the turned image's first pixel, and
// the offsets there of that pixel's right and lower neighbors.
func (o orientation) steps(width, height int) (origin, right, down int) {
	right, down = 1, width
	if o&mirrorX != 0 {
		origin, right = width-1, -1
	}
	if o&mirrorY != 0 {
		origin, down = origin+(height-1)*width, -width
	}
	if o&transpose != 0 {
		right, down = down, right
	}
	return origin, right, down
}

// options returns the options of a graph that runs the turned tile.
func (o orientation) options(of network.Options) network.Options {
	b := of.Borders
	if o&mirrorX != 0 {
		b.Left, b.Right = b.Right, b.Left
	}
	if o&mirrorY != 0 {
		b.Top, b.Bottom = b.Bottom, b.Top
	}
	if o&transpose != 0 {
		b.Left, b.Top, b.Right, b.Bottom = b.Top, b.Left, b.Bottom, b.Right
	}
	of.Borders = b
	of.Width, of.Height = o.size(of.Width, of.Height)
	return of
}

// turn fills a raster with another one, turned.
func (o orientation) turn(to, from imagedata.Raster) {
	if from.Pix16 != nil {
		visit(o, from.Width, from.Height, from.Channels, func(turned, at int) { to.Pix16[turned] = from.Pix16[at] })
	} else {
		visit(o, from.Width, from.Height, from.Channels, func(turned, at int) { to.Pix[turned] = from.Pix[at] })
	}
}

// add adds a turned raster to the sums of an upright one of a size.
func (o orientation) add(sums []uint32, width, height int, turned imagedata.Raster) {
	if turned.Pix16 != nil {
		visit(o, width, height, turned.Channels, func(from, at int) { sums[at] += uint32(turned.Pix16[from]) })
	} else {
		visit(o, width, height, turned.Channels, func(from, at int) { sums[at] += uint32(turned.Pix[from]) })
	}
}

// visit calls a function with the positions of every sample in the turned and in
// the upright image, which has the width and height.
func visit(o orientation, width, height, channels int, each func(turned, upright int)) {
	origin, right, down := o.steps(width, height)
	across, rows := o.size(width, height)
	i := 0
	for y := range rows {
		for x := range across {
			at := (origin + y*down + x*right) * channels
			for c := range channels {
				each(i, at+c)
				i++
			}
		}
	}
}

// mean sets a raster to sums of n samples each, divided by n and rounded.
func mean(out imagedata.Raster, sums []uint32, n uint32) {
	for i, sum := range sums {
		if out.Pix16 != nil {
			out.Pix16[i] = uint16((sum + n/2) / n)
		} else {
			out.Pix[i] = uint8((sum + n/2) / n)
		}
	}
}

// ensemble runs a tile in every orientation and takes the mean of the results,
// turned back. A model's artifacts depend on the orientation and average out.
func (t *tiler) ensemble(ctx context.Context, each *tile) error {
	sums := make([]uint32, each.out.Width*each.out.Height*each.out.Channels)
	count := orientationsOf(t.info)
	for o := range count {
		if err := t.oriented(ctx, each, o, sums); err != nil {
			return err
		}
	}
	mean(each.out, sums, uint32(count))
	return nil
}

// oriented runs a tile in one orientation and adds the result to sums.
func (t *tiler) oriented(ctx context.Context, each *tile, o orientation, sums []uint32) error {
	buffers, pool := t.engine.tiles, &t.run.pool
	get := func(like imagedata.Raster) imagedata.Raster {
		width, height := o.size(like.Width, like.Height)
		return buffers.get(pool, width, height, like.Channels, like.Depth())
	}
	turned := &tile{options: o.options(each.options), in: get(each.in), out: get(each.out)}
	defer buffers.put(pool, turned.in, turned.out)
	o.turn(turned.in, each.in)
	if err := t.compute(ctx, turned); err != nil {
		return err
	}
	o.add(sums, each.out.Width, each.out.Height, turned.out)
	return nil
}
