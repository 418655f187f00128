package artnex

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

const (
	// defaultScale is the vendor's; it documents no bounds.
	defaultScale       = 2
	minScale, maxScale = 1, 8
	// bodyOverhead is room for the JSON around an image, in bytes.
	bodyOverhead = 64 << 10
)

// request is a parsed body; its image has not been loaded.
type request struct {
	image string // a URL or a data URI
	scale float64
}

// readRequest reads the body. A body over the limit holds an image over the
// limit.
func (a *API) readRequest(c echo.Context) (request, error) {
	body, err := dialect.ReadJSON(c, a.config.MaxBytes*4/3+bodyOverhead)
	switch {
	case dialect.IsBodyTooLarge(err):
		return request{}, a.tooLarge(err)
	case err != nil:
		return request{}, invalid{codeInvalidRequest, fault.Sentence(err)}
	}
	return parse(body)
}

func (a *API) tooLarge(cause error) error {
	limit := strconv.FormatInt(a.config.MaxBytes, 10) + " byte"
	if a.config.MaxBytes >= 1<<20 {
		limit = dialect.Megabytes(a.config.MaxBytes) + " MB"
	}
	return &fault.Error{Kind: fault.TooLarge, Message: "The image exceeds the " + limit + " size limit.", Err: cause}
}

// parse parses a body. It matches names exactly and ignores unknown ones.
func parse(body []byte) (request, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil { // null is no object either
		return request{}, invalid{codeInvalidRequest, "The request body must be a JSON object."}
	}
	image, err := parseImage(fields["image"])
	if err != nil {
		return request{}, err
	}
	scale, ok := parseScale(fields["scale"])
	if !ok {
		return request{}, invalid{codeInvalidScale, "The scale must be a number from 1 to 8."}
	}
	return request{image: image, scale: scale}, nil
}

func parseImage(value json.RawMessage) (string, error) {
	missing := invalid{codeMissingImage, "The image field is required."}
	if dialect.Absent(value) {
		return "", missing
	}
	var image string
	if err := json.Unmarshal(value, &image); err != nil {
		return "", notReference()
	}
	if image = strings.TrimSpace(image); image == "" {
		return "", missing
	}
	return image, nil
}

func notReference() error {
	return fault.New(fault.Invalid, "The image must be an HTTPS URL or a base64 data URI (data:image/jpeg;base64,...).")
}

// parseScale accepts a number, or a string that holds one, as sent by clients
// that build their JSON from form fields.
func parseScale(value json.RawMessage) (float64, bool) {
	if dialect.Absent(value) {
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
	if err != nil || strings.ContainsAny(text, "xX") { // ParseFloat accepts hexadecimal
		return 0, false
	}
	return n, n >= minScale && n <= maxScale // false for NaN
}

// load returns the image's bytes. The fetcher decides which URLs are
// acceptable, as that depends on the operator.
func (a *API) load(ctx context.Context, image string) ([]byte, error) {
	if !dialect.IsReference(image) {
		return nil, notReference()
	}
	data, err := dialect.Load(ctx, a.fetcher, image, a.config.MaxBytes)
	if fault.KindOf(err) == fault.TooLarge {
		return nil, a.tooLarge(err)
	}
	return data, err
}

// check validates an image by its bytes alone and returns the format of its
// result: its own, but PNG for transparent ones.
func (a *API) check(ctx context.Context, data []byte) (job.InputInfo, imagedata.Format, error) {
	info, err := a.services.Inspect(ctx, data, a.config.Config)
	if err != nil {
		return info, "", unusable(err)
	}
	switch format := imagedata.Format(info.Format); format {
	case imagedata.JPEG, imagedata.PNG, imagedata.WebP:
		if info.Alpha {
			return info, imagedata.PNG, nil
		}
		return info, format, nil
	}
	return info, "", unusable(fault.New(fault.Unsupported, "%s", info.Format))
}
