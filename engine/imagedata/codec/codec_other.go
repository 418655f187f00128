//go:build !linux

package codec

import (
	"errors"
	"io"

	"upscaled/engine/imagedata"
)

// run refuses: children are bounded by what only Linux has.
func run(f imagedata.Format, _ request, _ [5][]byte, _ func(name string, size int64, r io.Reader) error) error {
	return missing(f, errors.New("not on Linux"))
}
