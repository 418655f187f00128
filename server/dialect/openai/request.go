package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/upload"
)

const (
	imageField = "image"
	// bodyOverhead is room for the JSON around an image, in bytes.
	bodyOverhead = 64 << 10
	// maxFiles is the image and stray files, which are ignored.
	maxFiles           = 4
	minScale, maxScale = 1, 16
)

// Values of response_format; "image" is ours.
const (
	answerBase64 = "b64_json"
	answerURL    = "url"
	answerRaw    = "image"
)

// request is a parsed request.
type request struct {
	data []byte
	// reference is a URL or base64, if data is missing.
	reference, name string
	model           string
	scale           float64 // 0 is the model's own
	format, answer  string
}

// read reads a form or a JSON body. Unless the client chooses, forms are answered
// with the image's bytes and JSON with base64.
func (a *API) read(c echo.Context) (r request, err error) {
	var fields map[string]string
	form := upload.IsMultipart(c.Request())
	if form {
		r.data, r.name, fields, err = a.readForm(c)
	} else {
		fields, err = a.readJSON(c)
		r.reference = fields[imageField]
		r.name = dialect.NameOf(r.reference)
	}
	if err != nil {
		return request{}, err
	}
	r.answer = answerBase64
	if dialect.PrefersImage(c.Request(), form) {
		r.answer = answerRaw
	}
	return r, r.parse(fields)
}

func (a *API) readForm(c echo.Context) (data []byte, name string, fields map[string]string, err error) {
	limit := a.config.MaxBytes + dialect.FormSlack
	form, err := dialect.ReadForm(c, limit, upload.Limits{FileBytes: a.config.MaxBytes, Files: maxFiles}, imageField, "file")
	if dialect.IsBodyTooLarge(err) {
		return nil, "", nil, a.tooManyBytes()
	} else if err != nil {
		return nil, "", nil, invalid("", fault.Sentence(err))
	}
	file, given := form.File(imageField)
	if !given {
		file, _ = form.File("file") // as some servers name it
	}
	switch {
	case file.Size == 0:
		return nil, "", nil, errNoImage
	case file.Size > a.config.MaxBytes:
		return nil, "", nil, a.tooManyBytes()
	}
	return file.Data, dialect.DisplayName(file.Name), form.Fields, nil
}

// readJSON returns the strings and numbers of a JSON object as texts.
func (a *API) readJSON(c echo.Context) (map[string]string, error) {
	object, err := dialect.ReadObject(c, a.config.MaxBytes*4/3+bodyOverhead)
	if dialect.IsBodyTooLarge(err) {
		return nil, a.tooManyBytes()
	} else if err != nil {
		return nil, invalid("", fault.Sentence(err))
	}
	fields := map[string]string{}
	for name, raw := range object {
		text := string(raw)
		if !dialect.Absent(raw) && (raw[0] != '"' || json.Unmarshal(raw, &text) == nil) {
			fields[name] = text
		}
	}
	if fields[imageField] == "" || object[imageField][0] != '"' {
		return nil, errNoImage
	}
	return fields, nil
}

// parse parses all fields except the image. It ignores unknown ones, such as the
// prompt that some clients send.
func (r *request) parse(fields map[string]string) error {
	r.model, r.format = cmp.Or(fields["model"], fields["upscale_model"]), string(imagedata.PNG)
	if text := strings.TrimSuffix(fields["scale"], "x"); text != "" {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= minScale && n <= maxScale) || strings.ContainsAny(text, "xX") { // ParseFloat accepts hexadecimal
			return invalid("scale", "scale must be a number from 1 to 16.")
		}
		r.scale = n
	}
	switch format := fields["output_format"]; format {
	case "":
	case "png", "jpeg", "webp":
		r.format = format
	default:
		return invalid("output_format", "output_format must be png, jpeg or webp.")
	}
	switch answer := fields["response_format"]; answer {
	case "":
	case answerBase64, answerURL, answerRaw:
		r.answer = answer
	default:
		return invalid("response_format", "response_format must be b64_json, url or image.")
	}
	return nil
}

// load loads an image of a JSON body.
func (a *API) load(ctx context.Context, r *request) (err error) {
	if r.data != nil {
		return nil
	}
	reference := strings.TrimSpace(r.reference)
	if !dialect.IsReference(reference) {
		reference = "data:;base64," + reference
	}
	r.data, err = dialect.Load(ctx, a.fetcher, reference, a.config.MaxBytes)
	switch fault.KindOf(err) {
	case fault.TooLarge:
		return a.tooManyBytes()
	case fault.Invalid, fault.FetchFailed:
		return invalid(imageField, fault.Sentence(err))
	}
	return err
}
