package automatic1111

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/fetch"
	"upscaled/server/job"
)

// input is an image file and its properties.
type input struct {
	data []byte
	name string
	info job.InputInfo
}

// load loads and validates an image.
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
	in.info, err = a.services.Inspect(ctx, in.data, a.config.Config)
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Unsupported:
		return input{}, invalid
	case fault.TooLarge:
		return input{}, errPixels // the server's own message names its settings
	}
	return in, err
}

// fetch downloads an image. Like the vendor it does not report the cause of a
// failure.
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
	return httpError(http.StatusRequestEntityTooLarge, fmt.Sprintf("The image is larger than %d bytes.", maxBytes))
}

// decodeBase64 decodes base64 text, with or without the head of a data URI. It
// modifies the text.
func decodeBase64(t []byte, maxBytes int64) ([]byte, error) {
	if hasScheme(t, "data:") {
		_, body, found := bytes.Cut(t, []byte(","))
		if !found {
			return nil, errEncoded
		}
		t = body
	}
	data, err := fetch.DecodeBase64(t, maxBytes)
	switch fault.KindOf(err) {
	case "":
		return data, nil
	case fault.TooLarge:
		return nil, tooLarge(maxBytes)
	}
	return nil, errEncoded
}

func hasScheme(t []byte, scheme string) bool {
	return dialect.HasScheme(string(t[:min(len(t), len(scheme))]), scheme)
}
