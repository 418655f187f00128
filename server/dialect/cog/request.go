package cog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

const (
	// bodyOverhead is room for the JSON around an image, in bytes.
	bodyOverhead = 64 << 10
	// longestID bounds the length of a client's ID, in bytes.
	longestID = 255
)

// request is a parsed request; its image has not been loaded.
type request struct {
	dialect.ModelInput
	memo
	// named requests have an ID of the client; others get one. async ones respond
	// before the prediction has ended.
	named, async bool
	webhook      *job.Webhook
}

// memo is the part of the request that a job's record keeps. Sum is a digest of the input,
// Base the URL by which the client reached the server.
type memo struct {
	ID   string `json:"id"`
	Sum  string `json:"sum"`
	Base string `json:"base"`
}

// jobID returns the ID of the job of a client's ID.
func jobID(caller job.Caller, id string) string { return dialect.OwnID(Name+"_", caller, id) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// read reads and parses a request. Unknown inputs are ignored, as Cog does.
func (a *API) read(c echo.Context) (request, error) {
	body, err := dialect.ReadObject(c, a.config.MaxBytes*4/3+bodyOverhead)
	if dialect.IsBodyTooLarge(err) {
		return request{}, fault.Wrap(fault.TooLarge, err, "The request is too large.")
	} else if err != nil {
		return request{}, err
	}
	r := request{async: strings.Contains(c.Request().Header.Get("Prefer"), "respond-async")}
	r.memo = memo{ID: c.Param("id"), Sum: digest(string(body["input"])), Base: a.services.BaseURL(c.Request())}
	var wrong dialect.FieldErrors
	if r.ModelInput, wrong = (dialect.ModelInputs{Image: "image", Scale: "scale", Preset: 4}).Parse(body["input"]); len(wrong) > 0 {
		return request{}, wrong
	}
	if err := r.parseID(body["id"]); err != nil {
		return request{}, err
	}
	r.webhook, err = dialect.ParseWebhook(body, true, a.stores.CheckWebhook)
	return r, err
}

// parseID takes the ID of the path or of the body.
func (r *request) parseID(value json.RawMessage) error {
	var id string
	given := !dialect.Absent(value)
	switch {
	case given && json.Unmarshal(value, &id) != nil:
		return dialect.WrongType("id", "string", value)
	case given && r.ID != "" && r.ID != id:
		return dialect.NewViolation("prediction ID must match the ID supplied in the URL", "value_error", "body", "id")
	case given:
		r.ID = id
	}
	if len(r.ID) > longestID {
		return dialect.NewViolation("the ID is longer than 255 bytes", "value_error", "body", "id")
	}
	if r.named = r.ID != ""; !r.named {
		const length = 26 // as Cog recommends
		r.ID = dialect.Random(length)
	}
	return nil
}

// load loads and validates the image.
func (a *API) load(ctx context.Context, r request) ([]byte, job.InputInfo, error) {
	data, err := dialect.Load(ctx, a.stores.Fetcher, r.Image, a.config.MaxBytes)
	if err == nil && r.Options.FaceEnhance {
		err = a.services.CheckFaces(ctx)
	}
	if err != nil {
		return nil, job.InputInfo{}, err
	}
	info, err := a.services.Inspect(ctx, data, a.config.Config)
	return data, info, err
}
