package bench

import (
	"bytes"
	"errors"
	"math/rand"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
)

// Photo makes a JPEG that costs about what a photograph costs to decode,
// upscale and encode: noise in octaves, soft over hard. It is the same every time.
func Photo(width, height int) ([]byte, error) {
	r := imagedata.NewRaster(width, height, 3, 8)
	random := rand.New(rand.NewSource(7))
	sums := make([]float64, len(r.Pix))
	for cell, weight := 64, 60.0; cell >= 2; cell, weight = cell/2, weight*0.55 {
		addOctave(sums, width, height, cell, weight, random)
	}
	for i, v := range sums {
		r.Pix[i] = uint8(min(max(128+v, 0), 255))
	}
	var out bytes.Buffer
	encoder, err := encode.New(&out, encode.Header{Width: width, Height: height, Channels: 3, Depth: 8, Frames: 1},
		encode.Options{Format: imagedata.JPEG, Quality: 90})
	if err != nil {
		return nil, err
	}
	err = errors.Join(encoder.BeginFrame(0), encoder.WriteBand(r, nil), encoder.Close())
	return out.Bytes(), err
}

// addOctave adds bilinear noise whose grid is cell pixels wide.
func addOctave(sums []float64, width, height, cell int, weight float64, random *rand.Rand) {
	columns := width/cell + 2
	grid := make([]float64, columns*(height/cell+2)*3)
	for i := range grid {
		grid[i] = (random.Float64()*2 - 1) * weight
	}
	for y := range height {
		fy := float64(y%cell) / float64(cell)
		for x := range width {
			fx := float64(x%cell) / float64(cell)
			at := (y/cell*columns + x/cell) * 3
			for c := range 3 {
				top := grid[at+c]*(1-fx) + grid[at+3+c]*fx
				bottom := grid[at+columns*3+c]*(1-fx) + grid[at+columns*3+3+c]*fx
				sums[(y*width+x)*3+c] += top*(1-fy) + bottom*fy
			}
		}
	}
}
