package automatic1111

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// input is a picture's bytes and what its header tells.
type input struct {
	data []byte
	name string
	info job.InputInfo
}

// load gets a picture and looks at it.
func (a *API) load(ctx context.Context, e encoded) (input, error) {
	in, invalid := input{name: e.name}, errEncoded
	var err error
	if t := text(e.raw); hasScheme(t, "http://") || hasScheme(t, "https://") {
		invalid = errURL
		in.data, err = a.fetch(ctx, string(t))
	} else {
		in.data, err = decodeBase64(t, a.config.MaxBytes)
	}
	if err != nil {
		return input{}, err
	}
	if int64(len(in.data)) > a.config.MaxBytes {
		return input{}, tooLarge(a.config.MaxBytes)
	}
	in.info, err = a.services.Validator.Probe(in.data)
	switch fault.KindOf(err) {
	case "":
	case fault.Invalid, fault.Unsupported:
		return input{}, invalid
	case fault.TooLarge:
		return input{}, errPixels // the prober's sentence names flags of the server
	default:
		return input{}, err
	}
	pixels, side := int64(in.info.Width)*int64(in.info.Height), max(in.info.Width, in.info.Height)
	if a.config.MaxPixels > 0 && pixels > a.config.MaxPixels || a.config.MaxSide > 0 && side > a.config.MaxSide {
		return input{}, errPixels
	}
	return in, nil
}

// fetch downloads a picture. Like the vendor it tells no more than that this
// did not work.
func (a *API) fetch(ctx context.Context, url string) ([]byte, error) {
	if a.stores.Fetcher == nil {
		return nil, errNoRequests
	}
	data, err := a.stores.Fetcher.Fetch(ctx, url)
	switch fault.KindOf(err) {
	case fault.TooLarge:
		return nil, tooLarge(a.config.MaxBytes)
	case fault.Invalid, fault.FetchFailed:
		return nil, errURL
	}
	return data, err
}

func tooLarge(maxBytes int64) error {
	return refused(http.StatusRequestEntityTooLarge, fmt.Sprintf("The image is larger than %d bytes.", maxBytes))
}

func hasScheme(t []byte, scheme string) bool {
	return len(t) >= len(scheme) && strings.EqualFold(string(t[:len(scheme)]), scheme)
}

// decodeBase64 reads base64, with or without the head of a data URI. White
// space is skipped, and the URL-safe alphabet and missing padding are taken.
// The text is changed. What exceeds the limit is refused before it is decoded.
func decodeBase64(t []byte, maxBytes int64) ([]byte, error) {
	if hasScheme(t, "data:") {
		_, body, found := bytes.Cut(t, []byte(","))
		if !found {
			return nil, errEncoded
		}
		t = body
	}
	kept := t[:0]
	for _, b := range t {
		switch b {
		case ' ', '\t', '\r', '\n':
			continue
		case '-':
			b = '+'
		case '_':
			b = '/'
		}
		kept = append(kept, b)
	}
	kept = bytes.TrimRight(kept, "=")
	size := base64.RawStdEncoding.DecodedLen(len(kept))
	if int64(size) > maxBytes {
		return nil, tooLarge(maxBytes)
	}
	data := make([]byte, size)
	n, err := base64.RawStdEncoding.Decode(data, kept)
	if err != nil {
		return nil, errEncoded
	}
	return data[:n], nil
}
