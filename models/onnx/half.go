package onnx

import "math"

// MaxHalf is the largest finite IEEE 754 half-precision number.
const MaxHalf = 65504

// halfBits rounds to IEEE 754 binary16, to nearest and ties to even; larger
// magnitudes become an infinity.
func halfBits(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits>>16) & 0x8000
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude > 0x7f800000: // NaN
		return sign | 0x7e00
	case magnitude >= 0x47800000: // 2^16 and above, infinity
		return sign | 0x7c00
	case magnitude < 0x38800000: // below 2^-14: subnormal, steps of 2^-24
		steps := math.RoundToEven(math.Abs(float64(f)) * (1 << 24))
		return sign | uint16(steps)
	}
	// Rebias the exponent (127 to 15) and drop 13 bits of the fraction; a carry
	// out of the fraction correctly increments the exponent.
	rounded := magnitude - (127-15)<<23 + 0xfff + magnitude>>13&1
	return sign | uint16(rounded>>13)
}
