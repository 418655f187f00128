package dialect

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"upscaled/models/fault"
	"upscaled/server/fetch"
	"upscaled/server/job"
)

// InputTooLarge is the cause within the fault.TooLarge of an input image that
// exceeds an API's own limits.
type InputTooLarge struct {
	// Size and Limit are in pixels: of the longer side if Side is set, else of
	// the whole image.
	Size, Limit int64
	Side        bool
}

func (e *InputTooLarge) Error() string { return "the image has too many pixels" }

// Inspect decodes an input image to validate it, and enforces the API's own
// limits on pixels. If only the latter are exceeded, the error wraps an
// *InputTooLarge and the info is filled.
func (s Services) Inspect(ctx context.Context, data []byte, limits Config) (job.InputInfo, error) {
	info, err := s.Validator.Validate(ctx, data)
	if err != nil {
		return job.InputInfo{}, err
	}
	pixels, side := int64(info.Width)*int64(info.Height), int64(max(info.Width, info.Height))
	switch most := int64(limits.MaxSide); {
	case most > 0 && side > most:
		return info, fault.Wrap(fault.TooLarge, &InputTooLarge{side, most, true},
			"The image has %dx%d pixels; a side may have at most %d.", info.Width, info.Height, most)
	case limits.MaxPixels > 0 && pixels > limits.MaxPixels:
		return info, fault.Wrap(fault.TooLarge, &InputTooLarge{Size: pixels, Limit: limits.MaxPixels},
			"The image has %d pixels; at most %d are accepted.", pixels, limits.MaxPixels)
	}
	return info, nil
}

// Sniff returns the content type of a file by its first bytes, for messages
// about unsupported types. known is the format that the validator found, or "".
func Sniff(data []byte, known string) string {
	if known != "" {
		return "image/" + known
	}
	kind, _, _ := strings.Cut(http.DetectContentType(data), ";")
	return kind
}

// Fetcher downloads an input image from a URL that a client names. Clients read
// the messages of its errors: fault.Invalid for an unacceptable URL,
// fault.TooLarge and fault.FetchFailed.
type Fetcher interface {
	Fetch(ctx context.Context, url string) ([]byte, error)
}

// Load returns the image behind a data URI or a URL, of at most maxBytes.
func Load(ctx context.Context, fetcher Fetcher, reference string, maxBytes int64) (data []byte, err error) {
	if HasScheme(reference, "data:") {
		data, err = fetch.ParseDataURI(reference, maxBytes)
	} else {
		data, err = fetcher.Fetch(ctx, reference)
	}
	if err == nil && int64(len(data)) > maxBytes {
		return nil, fault.New(fault.TooLarge, "The image is larger than %d bytes.", maxBytes)
	}
	return data, err
}

// IsReference reports whether a text looks like a URL or a data URI.
func IsReference(text string) bool {
	return HasScheme(text, "data:") || HasScheme(text, "https://") || HasScheme(text, "http://")
}

// HasScheme reports whether a URL has a scheme such as "data:", in any case.
func HasScheme(text, scheme string) bool {
	return len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme)
}

// NameOf returns the last part of a URL's path for display; "" for data URIs.
func NameOf(reference string) string {
	u, err := url.Parse(reference)
	if err != nil || HasScheme(reference, "data:") {
		return ""
	}
	name := path.Base(u.Path)
	if name == "." || name == "/" {
		return ""
	}
	return DisplayName(name)
}

// ResultTooLarge is the cause within a fault.TooLarge of Queue.Submit: the
// input is acceptable, but its result would be too large. Clients of every API
// may read the fault's message.
type ResultTooLarge struct {
	// Size and Limit are in pixels: of the result's longer side if Format, whose
	// files cannot hold more, is set, else of the whole result.
	Size, Limit int64
	Format      string
}

func (r *ResultTooLarge) Error() string { return "the result would be too large" }

// Megabytes formats a number of bytes in MB of 2^20, to the hundredth.
func Megabytes(bytes int64) string {
	return strconv.FormatFloat(float64(bytes*100>>20)/100, 'f', -1, 64)
}

// Scaled returns the nearest length to a scaled one, in pixels.
func Scaled(side int, scale float64) int { return max(1, int(math.Round(float64(side)*scale))) }

// Cover returns the smallest size of an image's aspect ratio that covers a target:
// one side is the target's, the other is at least the target's, to the nearest
// pixel.
func Cover(width, height, targetWidth, targetHeight int) (int, int) {
	w, h, tw, th := int64(width), int64(height), int64(targetWidth), int64(targetHeight)
	if tw*h >= th*w {
		return targetWidth, max(targetHeight, int((2*h*tw+w)/(2*w)))
	}
	return max(targetWidth, int((2*w*th+h)/(2*h))), targetHeight
}
