package ailab

import (
	"strconv"
	"strings"

	"upscaled/engine/imagedata"
	"upscaled/server/job"
)

// parameters holds the text fields of a request.
type parameters struct {
	scale       int // 2, 3 or 4
	enhancement bool
	format      imagedata.Format // as requested, see output
	quality     int              // 30 to 100
}

// parseParameters parses the text fields in the order of the vendor's page; its
// error names the first invalid one. Empty fields, which HTML forms send, count
// as absent. Letter case does not matter.
func parseParameters(fields map[string]string) (parameters, error) {
	p := parameters{scale: 2, format: imagedata.PNG, quality: 95}
	var ok bool
	if p.scale, ok = parseInteger(fields["upscale_factor"], p.scale, 2, 4); !ok {
		return parameters{}, newError(InvalidParameter, "upscale_factor must be 2, 3 or 4.")
	}
	switch strings.ToLower(fields["mode"]) {
	case "", "base":
	case "enhancement":
		p.enhancement = true
	default:
		return parameters{}, newError(InvalidParameter, "mode must be base or enhancement.")
	}
	switch strings.ToLower(fields["output_format"]) {
	case "", "png":
	case "jpg", "jpeg":
		p.format = imagedata.JPEG
	case "bmp":
		p.format = imagedata.BMP
	default:
		return parameters{}, newError(InvalidOutputFormat, "output_format must be png, jpg or bmp.")
	}
	if p.quality, ok = parseInteger(fields["output_quality"], p.quality, 30, 100); !ok {
		return parameters{}, newError(InvalidParameter, "output_quality must be a whole number from 30 to 100.")
	}
	return p, nil
}

// parseInteger parses an integer from least to most; "" is preset.
func parseInteger(text string, preset, least, most int) (value int, ok bool) {
	if text == "" {
		return preset, true
	}
	value, err := strconv.Atoi(text)
	return value, err == nil && value >= least && value <= most
}

// Beyond these sides of the output in pixels, in either orientation, the vendor
// returns JPEG whatever format was requested.
const (
	jpegAboveLonger  = 3840
	jpegAboveShorter = 2160
)

// output returns the format of the result. Transparency takes precedence over
// size, since JPEG would lose it.
func (p parameters) output(input job.InputInfo) imagedata.Format {
	longer, shorter := max(input.Width, input.Height), min(input.Width, input.Height)
	switch {
	case input.Alpha:
		return imagedata.PNG
	case p.scale*longer > jpegAboveLonger, p.scale*shorter > jpegAboveShorter:
		return imagedata.JPEG
	}
	return p.format
}
