package encode

import (
	"math"

	"upscaled/engine/imagedata/jpeg"
)

// baseQuantizers are tables K.1 and K.2 of T.81.
var baseQuantizers = [2][64]int{
	{
		16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
		14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
		18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
		49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
	},
	{
		17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
		24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
	},
}

type huffmanCode struct {
	bits   uint16
	length uint8
}

// jpegTables are the tables of one image. Index 0 is luma, 1 chroma; codes are in
// the order of jpeg.Standard.
type jpegTables struct {
	quantizer [2][64]int
	// reciprocal is in coded order and includes the transform's scale.
	reciprocal [2][64]float32
	codes      [4][256]huffmanCode
}

// newJPEGTables scales the base tables like libjpeg for a quality of 1 to 100.
func newJPEGTables(quality int) jpegTables {
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	var t jpegTables
	for k := range baseQuantizers {
		for i, base := range baseQuantizers[k] {
			t.quantizer[k][i] = min(255, max(1, (base*scale+50)/100))
		}
		for i, at := range jpeg.Zigzag {
			scale := 8 * aanScale(int(at)/8) * aanScale(int(at)%8)
			t.reciprocal[k][i] = float32(1 / (float64(t.quantizer[k][at]) * scale))
		}
	}
	for i, spec := range jpeg.Standard() {
		t.codes[i] = codesOf(spec)
	}
	return t
}

// aanScale is the scale that the transform leaves to the quantizer.
func aanScale(k int) float64 {
	if k == 0 {
		return 1
	}
	return math.Cos(float64(k)*math.Pi/16) * math.Sqrt2
}

// codesOf assigns the canonical codes (T.81, annex C).
func codesOf(s jpeg.Table) (codes [256]huffmanCode) {
	next, at := uint16(0), 0
	for length, count := range s.Counts {
		for range count {
			codes[s.Values[at]] = huffmanCode{next, uint8(length + 1)}
			next++
			at++
		}
		next <<= 1
	}
	return codes
}
