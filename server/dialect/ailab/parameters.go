package ailab

import (
	"strconv"
	"strings"

	"upscaled/engine/imagedata"
	"upscaled/server/job"
)

// parameters are the text fields of a request.
type parameters struct {
	factor      int // 2, 3 or 4
	enhancement bool
	format      imagedata.Format // as asked for, see output
	quality     int              // 30 to 100
}

// parseParameters reads the text fields in the order of the vendor's page and
// names the first that is wrong. Empty fields count as left out: HTML forms
// send those. Letter case does not matter.
func parseParameters(fields map[string]string) (parameters, error) {
	p := parameters{factor: 2, format: imagedata.PNG, quality: 95}
	var ok bool
	if p.factor, ok = parseInteger(fields["upscale_factor"], p.factor, 2, 4); !ok {
		return parameters{}, refuse(InvalidParameter, "upscale_factor must be 2, 3 or 4.")
	}
	switch strings.ToLower(fields["mode"]) {
	case "", "base":
	case "enhancement":
		p.enhancement = true
	default:
		return parameters{}, refuse(InvalidParameter, "mode must be base or enhancement.")
	}
	switch strings.ToLower(fields["output_format"]) {
	case "", "png":
	case "jpg", "jpeg":
		p.format = imagedata.JPEG
	case "bmp":
		p.format = imagedata.BMP
	default:
		return parameters{}, refuse(InvalidOutputFormat, "output_format must be png, jpg or bmp.")
	}
	if p.quality, ok = parseInteger(fields["output_quality"], p.quality, 30, 100); !ok {
		return parameters{}, refuse(InvalidParameter, "output_quality must be a whole number from 30 to 100.")
	}
	return p, nil
}

// parseInteger reads a whole number from least to most; "" is preset.
func parseInteger(text string, preset, least, most int) (value int, ok bool) {
	if text == "" {
		return preset, true
	}
	value, err := strconv.Atoi(text)
	return value, err == nil && value >= least && value <= most
}

// Beyond these sides, in either orientation, the vendor answers JPEG whatever
// was asked for. In pixels of the output.
const (
	jpegAboveLonger  = 3840
	jpegAboveShorter = 2160
)

// output is the format of the result. Transparency comes before size, since
// JPEG would lose it.
func (p parameters) output(input job.InputInfo) imagedata.Format {
	longer, shorter := max(input.Width, input.Height), min(input.Width, input.Height)
	switch {
	case input.Alpha:
		return imagedata.PNG
	case p.factor*longer > jpegAboveLonger, p.factor*shorter > jpegAboveShorter:
		return imagedata.JPEG
	}
	return p.format
}
