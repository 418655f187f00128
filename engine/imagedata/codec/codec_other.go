//go:build !linux

package codec

import (
	"io"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// run refuses: only Linux can bound children.
func run(f imagedata.Format, _ request, _ [5][]byte, _ func(name string, size int64, r io.Reader) error) error {
	return fault.New(fault.Unsupported, "%s can be read and written on Linux only; use PNG or JPEG.", f.Name())
}
