package artnex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/fetch"
)

const (
	// defaultScale is the vendor's; the bounds are ours, as it names none.
	defaultScale       = 2
	minScale, maxScale = 1, 8
	// bodyOverhead is room for the JSON around a picture, in bytes.
	bodyOverhead = 64 << 10
	// maxNameBytes bounds a picture's name, which is for display only, as most
	// file systems do.
	maxNameBytes = 255
)

// order is a request's body, checked as far as that goes without the picture.
type order struct {
	image string // a URL or a data URI, not judged yet
	scale float64
}

// readBody reads the body. One over the limit holds a picture over the limit;
// it is refused at once where the client declares its length.
func (a *API) readBody(c echo.Context) ([]byte, error) {
	r, limit := c.Request(), a.config.MaxBytes*4/3+bodyOverhead
	if r.ContentLength > limit {
		return nil, a.tooLarge(nil)
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, limit))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, a.tooLarge(err)
	case err != nil:
		return nil, wrong{codeInvalidRequest, "The request body is incomplete."}
	}
	return body, nil
}

func (a *API) tooLarge(cause error) error {
	limit := strconv.FormatInt(a.config.MaxBytes, 10) + " byte"
	if a.config.MaxBytes >= 1<<20 { // in MB of 2^20, to the hundredth
		limit = strconv.FormatFloat(float64(a.config.MaxBytes*100>>20)/100, 'f', -1, 64) + " MB"
	}
	return &fault.Error{Kind: fault.TooLarge, Message: "The image exceeds the " + limit + " size limit.", Err: cause}
}

// parse reads a body. Names are matched exactly and unknown ones ignored.
func parse(body []byte) (order, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil { // null is no object either
		return order{}, wrong{codeInvalidRequest, "The request body must be a JSON object."}
	}
	image, err := parseImage(fields["image"])
	if err != nil {
		return order{}, err
	}
	scale, ok := parseScale(fields["scale"])
	if !ok {
		return order{}, wrong{codeInvalidScale, "The scale must be a number from 1 to 8."}
	}
	return order{image: image, scale: scale}, nil
}

func absent(value json.RawMessage) bool { return len(value) == 0 || bytes.Equal(value, []byte("null")) }

func parseImage(value json.RawMessage) (string, error) {
	if absent(value) {
		return "", wrong{codeMissingImage, "The image field is required."}
	}
	var image string
	if err := json.Unmarshal(value, &image); err != nil {
		return "", notReference()
	}
	if image = strings.TrimSpace(image); image == "" {
		return "", wrong{codeMissingImage, "The image field is required."}
	}
	return image, nil
}

func notReference() error {
	return fault.New(fault.Invalid, "The image must be an HTTPS URL or a base64 data URI (data:image/jpeg;base64,...).")
}

// parseScale takes a number, or a text that holds one, as clients that build
// their JSON from form fields send.
func parseScale(value json.RawMessage) (float64, bool) {
	if absent(value) {
		return defaultScale, true
	}
	text := string(value)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(value, &text); err != nil {
			return 0, false
		}
	}
	text = strings.TrimSpace(text)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "xX") { // Go reads hexadecimal numbers, nobody means them
		return 0, false
	}
	return n, n >= minScale && n <= maxScale // neither holds for NaN
}

func hasScheme(image, scheme string) bool {
	return len(image) >= len(scheme) && strings.EqualFold(image[:len(scheme)], scheme)
}

// load gets the picture's bytes. Which URLs are acceptable is the fetcher's
// to say, as it depends on the operator.
func (a *API) load(ctx context.Context, image string) (data []byte, err error) {
	switch {
	case hasScheme(image, "data:"):
		data, err = fetch.ParseDataURI(image, a.config.MaxBytes)
	case hasScheme(image, "https://"), hasScheme(image, "http://"):
		data, err = a.fetcher.Fetch(ctx, image)
	default:
		return nil, notReference()
	}
	if fault.KindOf(err) == fault.TooLarge || int64(len(data)) > a.config.MaxBytes {
		return nil, a.tooLarge(err)
	}
	return data, err
}

// check judges a picture by its bytes alone and gives the format its result
// has: its own, but PNG for transparent ones.
func (a *API) check(data []byte) (imagedata.Format, error) {
	info, err := a.services.Validator.Probe(data)
	if err != nil {
		return "", unusable(err)
	}
	pixels, side := int64(info.Width)*int64(info.Height), max(info.Width, info.Height)
	if a.config.MaxPixels > 0 && pixels > a.config.MaxPixels || a.config.MaxSide > 0 && side > a.config.MaxSide {
		return "", unusable(fault.New(fault.TooLarge, "%dx%d", info.Width, info.Height))
	}
	switch format := imagedata.Format(info.Format); format {
	case imagedata.JPEG, imagedata.PNG, imagedata.WebP:
		if info.Alpha {
			return imagedata.PNG, nil
		}
		return format, nil
	}
	return "", unusable(fault.New(fault.Unsupported, "%s", info.Format))
}

// nameOf is the last part of a URL's path, for display; "" for data URIs.
func nameOf(image string) string {
	if hasScheme(image, "data:") {
		return ""
	}
	u, err := url.Parse(image)
	if err != nil {
		return ""
	}
	name := path.Base(u.Path)
	if name == "." || name == "/" {
		return ""
	}
	return strings.ToValidUTF8(name[:min(len(name), maxNameBytes)], "")
}
