package engine_test

import (
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// flipped mirrors a raster left to right, transposed swaps its rows and columns.
func flipped(in imagedata.Raster) imagedata.Raster {
	return mapped(in, in.Width, in.Height, func(x, y int) (int, int) { return in.Width - 1 - x, y })
}

func transposed(in imagedata.Raster) imagedata.Raster {
	return mapped(in, in.Height, in.Width, func(x, y int) (int, int) { return y, x })
}

func mapped(in imagedata.Raster, width, height int, from func(x, y int) (int, int)) imagedata.Raster {
	out := imagedata.NewRaster(width, height, in.Channels, in.Depth())
	for y := range height {
		for x := range width {
			fromX, fromY := from(x, y)
			a, b := (y*width+x)*in.Channels, (fromY*in.Width+fromX)*in.Channels
			for c := range in.Channels {
				if in.Pix16 != nil {
					out.Pix16[a+c] = in.Pix16[b+c]
				} else {
					out.Pix[a+c] = in.Pix[b+c]
				}
			}
		}
	}
	return out
}

// meanOfOrientations enlarges an image in eight orientations, or four if rows cannot
// be columns: all are steps of mirroring and transposing in turn.
func meanOfOrientations(info network.Info, in imagedata.Raster, square bool) imagedata.Raster {
	mirrored := func(r imagedata.Raster) imagedata.Raster { return transposed(flipped(transposed(r))) }
	type way struct {
		there, back func(imagedata.Raster) imagedata.Raster
	}
	same := func(r imagedata.Raster) imagedata.Raster { return r }
	both := func(r imagedata.Raster) imagedata.Raster { return flipped(mirrored(r)) }
	ways := []way{{same, same}, {flipped, flipped}, {mirrored, mirrored}, {both, both}}
	if square {
		for _, w := range ways[:4] {
			ways = append(ways, way{
				func(r imagedata.Raster) imagedata.Raster { return transposed(w.there(r)) },
				func(r imagedata.Raster) imagedata.Raster { return w.back(transposed(r)) },
			})
		}
	}
	out := enlarged(info, in)
	sums := make([]int, max(len(out.Pix), len(out.Pix16)))
	for _, w := range ways {
		one := w.back(enlarged(info, w.there(in)))
		for i := range sums {
			if one.Pix16 != nil {
				sums[i] += int(one.Pix16[i])
			} else {
				sums[i] += int(one.Pix[i])
			}
		}
	}
	for i, sum := range sums {
		if out.Pix16 != nil {
			out.Pix16[i] = uint16((sum + len(ways)/2) / len(ways))
		} else {
			out.Pix[i] = uint8((sum + len(ways)/2) / len(ways))
		}
	}
	return out
}

// The result of an image in all orientations is the mean of those of the whole image,
// whatever its tiles, whether the device streams or not.
func TestOrientations(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		width, height := rapid.IntRange(1, 60).Draw(r, "width"), rapid.IntRange(1, 60).Draw(r, "height")
		radius, square := rapid.IntRange(0, 5).Draw(r, "radius"), true
		net := enginetest.Net(rapid.IntRange(1, 3).Draw(r, "scale"), radius, func(i *network.Info) {
			i.Trims = rapid.Bool().Draw(r, "trims")
			if radius == 0 && rapid.Bool().Draw(r, "fixed") {
				i.FixedWidth, i.FixedHeight = rapid.IntRange(60, 70).Draw(r, "fixed width"), rapid.IntRange(60, 70).Draw(r, "fixed height")
				square = i.FixedWidth == i.FixedHeight
			}
		})
		runtime := &enginetest.Runtime{Streams: rapid.Bool().Draw(r, "streams")}
		in := noise(int64(width*height), width, height, rapid.SampledFrom([]int{1, 3}).Draw(r, "channels"), rapid.SampledFrom([]int{8, 16}).Draw(r, "depth"))
		q := engine.Request{Input: file(t, in), Format: imagedata.PNG, TTA: true, Tile: rapid.SampledFrom([]int{0, 24}).Draw(r, "tile")}
		if net.Info().FixedWidth > 0 {
			// A shape of its own reflects the image, which is turned with it.
			in = reflectedTo(in, net.Info().FixedWidth, net.Info().FixedHeight)
			q.Input = file(t, in)
		}
		out, _, err := upscale(t, runtime, net, q)
		if err != nil {
			r.Fatal(err)
		}
		if want := meanOfOrientations(net.Info(), in, square); !equal(first(t, out).Color, want) {
			r.Fatal("not the mean of the orientations")
		}
	})
}

// reflectedTo extends an image to a size as models of a fixed shape see it.
func reflectedTo(in imagedata.Raster, width, height int) imagedata.Raster {
	return mapped(in, width, height, func(x, y int) (int, int) { return mirror(x, in.Width), mirror(y, in.Height) })
}
