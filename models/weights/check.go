package weights

import (
	"math"
	"math/bits"

	"upscaled/models/fault"
)

// Limits on the contents of a file. They are far above any supported model (the
// largest official file has 16.7 million values) and bound the memory that a
// hostile file can demand.
const (
	maxTensors   = 100_000
	maxDimension = 1 << 31
	maxRank      = 8
	maxName      = 1024
	// maxDecoded bounds the float32 bytes made from one file.
	maxDecoded = 4 << 30
)

// decodedLimit returns the number of float32 bytes that a file may expand to.
// Half precision doubles, as does the copy of a view; compressed or shared storages
// multiply. The
// constant lets small files of zeros pass.
func decodedLimit(size int64) int64 {
	return min(maxDecoded, 64<<20+5*min(size, maxDecoded))
}

// elements returns the product of a shape. It reports false for negative or
// enormous sides, too many of them, or a product that overflows.
func elements(shape []int64) (int64, bool) {
	if len(shape) > maxRank {
		return 0, false
	}
	product := uint64(1)
	for _, side := range shape {
		if side < 0 || side > maxDimension {
			return 0, false
		}
		high, low := bits.Mul64(product, uint64(side))
		if high != 0 || low > math.MaxInt64/8 {
			return 0, false
		}
		product = low
	}
	return int64(product), true
}

func intShape(shape []int64) []int {
	out := make([]int, len(shape))
	for i, side := range shape {
		out[i] = int(side)
	}
	return out
}

// checkFinite rejects NaN and infinities: a single one blackens every image, and
// it always comes from a damaged or diverged file.
func checkFinite(t Tensors) error {
	const exponent = 0x7f800000
	for name, tensor := range t {
		for _, value := range tensor.Data {
			if math.Float32bits(value)&exponent == exponent {
				return fault.New(fault.Invalid, "The weights are damaged: %.100q holds a value that is not a finite number.", name)
			}
		}
	}
	return nil
}

func damaged(err error, what string) error {
	return fault.Wrap(fault.Invalid, err, "The weights file is damaged or incomplete (%s); download it again.", what)
}
