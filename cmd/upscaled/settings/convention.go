package settings

import (
	"fmt"

	"github.com/spf13/pflag"

	"upscaled/models/network"
)

// Convention holds the flags that describe the images of an ONNX file.
type Convention struct {
	values     string
	tile       int
	convention network.Convention
}

// AddFlags declares the flags.
func (c *Convention) AddFlags(flags *pflag.FlagSet) {
	flags.IntVar(&c.convention.Scale, "scale", 0, "output side divided by input side of an ONNX file, 1 to 16 (default 0: measured)")
	flags.IntVar(&c.convention.Multiple, "multiple", 0, "number that must divide both sides of its input (default 0: measured)")
	flags.IntVar(&c.tile, "tile", 0, "side of the only square input that it accepts, in pixels (default 0: measured)")
	flags.StringVar(&c.values, "range", "", "its values for black and white: 0..1, 0..255 or -1..1 (default: measured)")
}

// Convention returns the convention that the flags state.
func (c *Convention) Convention() (network.Convention, error) {
	stated := c.convention
	if stated.Multiple < 0 || stated.Multiple > 1024 {
		return stated, fmt.Errorf("--multiple is %d; it is a number of pixels from 1 to 1024", stated.Multiple)
	}
	if c.tile < 0 || c.tile > 4096 {
		return stated, fmt.Errorf("--tile is %d; it is a number of pixels from 1 to 4096", c.tile)
	}
	stated.FixedWidth, stated.FixedHeight = c.tile, c.tile
	switch c.values {
	case "":
	case "0..1":
		stated.White = 1
	case "0..255":
		stated.White = 255
	case "-1..1":
		stated.Black, stated.White = -1, 1
	default:
		return stated, fmt.Errorf("--range is %q; use 0..1, 0..255 or -1..1", c.values)
	}
	return stated, nil
}
