package weights

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"unsafe"
)

// element is the stored type of a tensor's values.
type element int

const (
	// skipped elements (integers, booleans) are not weights, for example
	// num_batches_tracked; their tensors are left out.
	skipped element = iota
	float32Element
	float16Element
	bfloat16Element
	float64Element
)

// size returns the stored bytes of one value; it is undefined for skipped.
func (e element) size() int64 {
	switch e {
	case float16Element, bfloat16Element:
		return 2
	case float64Element:
		return 8
	}
	return 4
}

// decode converts src, which holds len(dst) values, to float32. Doubles are
// rounded to nearest; those out of range become infinite and fail checkFinite.
func (e element) decode(dst []float32, src []byte, order binary.ByteOrder) {
	switch e {
	case float16Element:
		for i := range dst {
			dst[i] = halfToFloat(order.Uint16(src[2*i:]))
		}
	case bfloat16Element:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(order.Uint16(src[2*i:])) << 16)
		}
	case float64Element:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(order.Uint64(src[8*i:])))
		}
	default:
		for i := range dst {
			dst[i] = math.Float32frombits(order.Uint32(src[4*i:]))
		}
	}
}

// halfToFloat widens an IEEE 754 binary16. Shifting exponent and mantissa into
// place leaves the exponent 112 too small; the product corrects that and maps
// subnormal halves to normal float32 values exactly.
func halfToFloat(h uint16) float32 {
	const rebias = 0x1p112
	sign := uint32(h&0x8000) << 16
	magnitude := uint32(h&0x7fff) << 13
	if h&0x7c00 == 0x7c00 { // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | magnitude)
	}
	value := math.Float32frombits(magnitude) * rebias
	return math.Float32frombits(sign | math.Float32bits(value))
}

// nativeOrder reports whether values stored in order can be copied unchanged.
func nativeOrder(order binary.ByteOrder) bool {
	probe := []byte{1, 2}
	return order.Uint16(probe) == binary.NativeEndian.Uint16(probe)
}

// floatBytes returns the memory of values as bytes in native order. It saves a
// pass over tens of megabytes, which would cost more than reading them.
func floatBytes(values []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
}

// readFloats fills dst from a stream: directly if the stored form is the native
// one, otherwise through a small buffer.
func readFloats(r io.Reader, dst []float32, kind element, order binary.ByteOrder) error {
	if kind == float32Element && nativeOrder(order) {
		_, err := io.ReadFull(r, floatBytes(dst))
		return readError(err)
	}
	const values = 8192 // at most 64 KiB, which stay in the cache
	size := int(kind.size())
	buffer := make([]byte, min(values, len(dst))*size)
	for len(dst) > 0 {
		n := min(values, len(dst))
		if _, err := io.ReadFull(r, buffer[:n*size]); err != nil {
			return readError(err)
		}
		kind.decode(dst[:n], buffer, order)
		dst = dst[n:]
	}
	return nil
}

// readError turns an end of file inside a tensor into an unexpected one.
func readError(err error) error {
	if err == nil {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read values: %w", err)
}
