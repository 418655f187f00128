package automatic1111

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
)

const (
	// maxScale and maxSide are the engine's limits.
	maxScale = 16
	maxSide  = 1 << 20
	// bodyOverhead is room for the JSON around an image, in bytes.
	bodyOverhead = 64 << 10
)

// request is a parsed body; its images have not been loaded. show_extras_results
// concerns only the vendor's folders and page; upscale_first has no effect in its
// current versions either.
type request struct {
	// toSize selects width and height instead of scale.
	toSize        bool
	scale         float64
	width, height int
	crop          bool
	// gfpgan and codeformer are 0..1.
	gfpgan, codeformer, weight float64
	first, second              string
	// secondVisibility is the visibility of the second, 0..1.
	secondVisibility float64
	images           []encoded
}

// encoded is an image in the body: a JSON string of base64 or a URL.
type encoded struct {
	raw  json.RawMessage
	name string
}

// body reads a body. One over the limit holds images over the limit.
func (a *API) body(c echo.Context, limit int64) ([]byte, error) {
	body, err := dialect.ReadJSON(c, limit)
	switch {
	case dialect.IsBodyTooLarge(err):
		return nil, httpError(http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is larger than %d bytes.", limit))
	case err != nil:
		return nil, httpError(http.StatusBadRequest, "There was an error parsing the body")
	}
	return body, nil
}

// parse parses a body of one image, or of a batch of at most maxImages.
func parse(body []byte, batch bool, maxImages int) (request, error) {
	f, err := object(body)
	if err != nil {
		return request{}, err
	}
	var r request
	r.toSize = f.resizeMode()
	f.boolean("show_extras_results", true)
	r.gfpgan = f.number("gfpgan_visibility", 0, share())
	r.codeformer = f.number("codeformer_visibility", 0, share())
	r.weight = f.number("codeformer_weight", 0, share())
	r.scale = f.number("upscaling_resize", 2, interval{most: maxScale, open: true})
	r.width = f.whole("upscaling_resize_w", 512, interval{least: 1, most: maxSide})
	r.height = f.whole("upscaling_resize_h", 512, interval{least: 1, most: maxSide})
	r.crop = f.boolean("upscaling_crop", true)
	r.first, r.second = f.text("upscaler_1", none), f.text("upscaler_2", none)
	r.secondVisibility = f.number("extras_upscaler_2_visibility", 0, share())
	f.boolean("upscale_first", false)
	if batch {
		if r.images = f.list(); len(r.images) > maxImages {
			return request{}, httpError(http.StatusRequestEntityTooLarge, fmt.Sprintf("A request can hold at most %d images.", maxImages))
		}
	} else {
		r.images = []encoded{f.single()}
	}
	return r, f.invalid.OrNil()
}

// resizeMode reports whether a size is requested.
func (f *fields) resizeMode() bool {
	raw, given := f.get("resize_mode")
	if !given {
		return false
	}
	switch string(raw) {
	case "0", "0.0", "false":
		return false
	case "1", "1.0", "true":
		return true
	}
	f.reject("resize_mode", "value_error.const", "unexpected value; permitted: 0, 1")
	return false
}

// single returns the one image; an absent one is an empty string.
func (f *fields) single() encoded {
	raw, given := f.get("image")
	switch {
	case !given:
		return encoded{raw: json.RawMessage(`""`)}
	case raw[0] != '"':
		f.reject("image", "type_error.str", "str type expected")
	}
	return encoded{raw: raw}
}

// list returns a batch's images.
func (f *fields) list() []encoded {
	const name = "imageList"
	raw, given := f.values[name]
	if !given {
		f.reject(name, "value_error.missing", "field required")
		return nil
	}
	delete(f.values, name) // the images are copied below
	var items []struct {
		Data json.RawMessage `json:"data"`
		Name json.RawMessage `json:"name"`
	}
	if raw[0] != '[' || json.Unmarshal(raw, &items) != nil {
		f.reject(name, "type_error.list", "value is not a valid list")
		return nil
	}
	images := make([]encoded, len(items))
	for i, item := range items {
		f.item(i, "data", item.Data)
		f.item(i, "name", item.Name)
		images[i].raw = item.Data
		if len(item.Name) > 0 && item.Name[0] == '"' {
			images[i].name = dialect.DisplayName(string(text(item.Name)))
		}
	}
	return images
}

// item checks that a field of a batch's image is a string.
func (f *fields) item(i int, name string, raw json.RawMessage) {
	switch {
	case len(raw) == 0:
		f.invalid.Add("field required", "value_error.missing", "body", "imageList", i, name)
	case raw[0] != '"':
		f.invalid.Add("str type expected", "type_error.str", "body", "imageList", i, name)
	}
}
