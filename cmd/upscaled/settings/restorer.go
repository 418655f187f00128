package settings

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"upscaled/models/network"
)

// Restorer holds the flags that describe an ONNX file that restores faces.
type Restorer struct {
	is    bool
	extra []string
	network.RestorerDescriptor
}

// AddFlags declares the flags.
func (r *Restorer) AddFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&r.is, "restorer", false, "the ONNX file restores aligned faces")
	flags.StringVar(&r.Input, "restorer-input", "", "name of the face's input (default: the only one)")
	flags.StringVar(&r.Output, "restorer-output", "", "name of the face's output (default: the first one)")
	flags.IntVar(&r.Size, "restorer-size", 0, "side of the square face in pixels (default 0: read from the file)")
	flags.StringVar(&r.Range, "restorer-range", "", "the model's values for black and white: -1..1 or 0..1 (default: found by running the file)")
	flags.StringSliceVar(&r.extra, "restorer-extra", nil, "values of further inputs, such as weight=0.7 (default: 0.5 for one named weight)")
}

// Descriptor returns the description, or nil without --restorer. flags are those of
// AddFlags.
func (r *Restorer) Descriptor(flags *pflag.FlagSet) (*network.RestorerDescriptor, error) {
	if !r.is {
		for _, name := range []string{"restorer-input", "restorer-output", "restorer-size", "restorer-range", "restorer-extra"} {
			if flags.Changed(name) {
				return nil, fmt.Errorf("--%s is for face restorers; add --restorer", name)
			}
		}
		return nil, nil
	}
	d := r.RestorerDescriptor
	for _, text := range r.extra {
		name, number, found := strings.Cut(text, "=")
		value, err := strconv.ParseFloat(number, 64)
		if !found || name == "" || err != nil {
			return nil, fmt.Errorf("--restorer-extra is %q; it is a name and a number such as weight=0.7", text)
		}
		if d.Extra == nil {
			d.Extra = map[string]float64{}
		}
		d.Extra[name] = value
	}
	return &d, nil
}
