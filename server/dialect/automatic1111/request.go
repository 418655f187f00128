package automatic1111

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	// mostScale and mostSide are the engine's limits.
	mostScale = 16
	mostSide  = 1 << 20
	// bodyOverhead is room for the JSON around a picture, in bytes.
	bodyOverhead = 64 << 10
	// maxNameBytes bounds a picture's name, which is for display only, as most
	// file systems do.
	maxNameBytes = 255
)

// order is what a body asks for, checked as far as that goes without the
// pictures. show_extras_results is for the vendor's folders and page only;
// upscale_first has no meaning in its current versions either.
type order struct {
	// toSize asks for width and height, else scale counts.
	toSize        bool
	scale         float64
	width, height int
	crop          bool
	// gfpgan and codeformer are 0..1.
	gfpgan, codeformer, weight float64
	first, second              string
	// secondShare is how much of the second covers the first, 0..1.
	secondShare float64
	images      []encoded
}

// encoded is a picture as the body has it: the JSON string of base64 or a URL.
type encoded struct {
	raw  json.RawMessage
	name string
}

// readBody reads the body. One over the limit holds pictures over the limit.
func readBody(c echo.Context, limit int64) ([]byte, error) {
	r := c.Request()
	tooLarge := refused(http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is larger than %d bytes.", limit))
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, limit))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, tooLarge
	case err != nil:
		return nil, refused(http.StatusBadRequest, "There was an error parsing the body")
	}
	return body, nil
}

// parse reads a body of one picture, or of a batch.
func parse(body []byte, batch bool) (order, error) {
	f, err := object(body)
	if err != nil {
		return order{}, err
	}
	var o order
	o.toSize = f.resizeMode()
	f.yes("show_extras_results", true)
	o.gfpgan = f.number("gfpgan_visibility", 0, share())
	o.codeformer = f.number("codeformer_visibility", 0, share())
	o.weight = f.number("codeformer_weight", 0, share())
	o.scale = f.number("upscaling_resize", 2, interval{most: mostScale, open: true})
	o.width = f.whole("upscaling_resize_w", 512, interval{least: 1, most: mostSide})
	o.height = f.whole("upscaling_resize_h", 512, interval{least: 1, most: mostSide})
	o.crop = f.yes("upscaling_crop", true)
	o.first, o.second = f.text("upscaler_1", none), f.text("upscaler_2", none)
	o.secondShare = f.number("extras_upscaler_2_visibility", 0, share())
	f.yes("upscale_first", false)
	if batch {
		o.images = f.list()
	} else {
		o.images = []encoded{f.single()}
	}
	return o, unprocessable(f.wrong)
}

// resizeMode says whether a size is asked for.
func (f *fields) resizeMode() bool {
	raw, there := f.get("resize_mode")
	if !there {
		return false
	}
	switch string(raw) {
	case "0", "0.0", "false":
		return false
	case "1", "1.0", "true":
		return true
	}
	f.refuse("resize_mode", "value_error.const", "unexpected value; permitted: 0, 1")
	return false
}

// single is the one picture; one that is left out is an empty text.
func (f *fields) single() encoded {
	raw, there := f.get("image")
	switch {
	case !there:
		return encoded{raw: json.RawMessage(`""`)}
	case raw[0] != '"':
		f.refuse("image", "type_error.str", "str type expected")
	}
	return encoded{raw: raw}
}

// list is a batch's pictures.
func (f *fields) list() []encoded {
	const name = "imageList"
	raw, there := f.values[name]
	if !there {
		f.refuse(name, "value_error.missing", "field required")
		return nil
	}
	delete(f.values, name) // what is read on below is a copy
	var items []struct {
		Data json.RawMessage `json:"data"`
		Name json.RawMessage `json:"name"`
	}
	if raw[0] != '[' || json.Unmarshal(raw, &items) != nil {
		f.refuse(name, "type_error.list", "value is not a valid list")
		return nil
	}
	images := make([]encoded, len(items))
	for i, item := range items {
		f.item(i, "data", item.Data)
		f.item(i, "name", item.Name)
		images[i].raw = item.Data
		if len(item.Name) > 0 && item.Name[0] == '"' {
			label := string(text(item.Name))
			images[i].name = strings.ToValidUTF8(label[:min(len(label), maxNameBytes)], "")
		}
	}
	return images
}

// item checks that a field of a batch's picture is a text.
func (f *fields) item(i int, name string, raw json.RawMessage) {
	switch {
	case len(raw) == 0:
		f.wrong = append(f.wrong, violation("value_error.missing", "field required", "imageList", i, name))
	case raw[0] != '"':
		f.wrong = append(f.wrong, violation("type_error.str", "str type expected", "imageList", i, name))
	}
}
