package replicate_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/replicate"
	"upscaled/server/job"
)

func TestInvalidRequests(t *testing.T) {
	t.Parallel()
	image := `"image":"` + dataURI(photo(t)) + `"`
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"not_json.json":          {400, `{`},
		"not_object.json":        {400, `null`},
		"no_version.json":        {422, `{"input":{` + image + `}}`},
		"version_type.json":      {422, `{"version":4,"input":{` + image + `}}`},
		"version_unknown.json":   {422, `{"version":"stability-ai/sdxl:1","input":{` + image + `}}`},
		"version_form.json":      {422, `{"version":"a b","input":{` + image + `}}`},
		"version_empty.json":     {422, `{"version":"","input":{` + image + `}}`},
		"no_input.json":          {422, `{"version":"a"}`},
		"input_type.json":        {422, `{"version":"a","input":[]}`},
		"no_image.json":          {422, `{"version":"a","input":{"image":null}}`},
		"image_type.json":        {422, `{"version":"a","input":{"image":{}}}`},
		"image_format.json":      {422, `{"version":"a","input":{"image":"cat.jpg"}}`},
		"image_empty.json":       {422, `{"version":"a","input":{"image":" "}}`},
		"scale_type.json":        {422, `{"version":"a","input":{` + image + `,"scale":"4"}}`},
		"scale_low.json":         {422, `{"version":"a","input":{` + image + `,"scale":0}}`},
		"scale_high.json":        {422, `{"version":"a","input":{` + image + `,"scale":10.5}}`},
		"scale_huge.json":        {422, `{"version":"a","input":{` + image + `,"scale":1e999}}`},
		"face_enhance_type.json": {422, `{"version":"a","input":{` + image + `,"face_enhance":"yes"}}`},
		"all_wrong.json":         {422, `{"version":"a","input":{"scale":-1,"face_enhance":1}}`},
		"webhook_type.json":      {422, `{"version":"a","webhook":true,"input":{` + image + `}}`},
		"events_type.json":       {422, `{"version":"a","webhook":"https://a.example","webhook_events_filter":"start","input":{` + image + `}}`},
		"events_unknown.json":    {422, `{"version":"a","webhook":"https://a.example","webhook_events_filter":["begin"],"input":{` + image + `}}`},
		"data_uri_form.json":     {422, `{"version":"a","input":{"image":"data:image/png,abc"}}`},
		"data_uri_damaged.json":  {422, `{"version":"a","input":{"image":"data:image/png;base64,!!!"}}`},
		"not_a_picture.json":     {422, `{"version":"a","input":{"image":"data:image/png;base64,dGV4dA=="}}`},
		"corrupt.json":           {422, `{"version":"a","input":{"image":"` + dataURI([]byte("\x89PNG\r\n\x1a\n"+strings.Repeat("\x00", 50))) + `"}}`},
		"fetch_failed.json":      {422, `{"version":"a","input":{"image":"https://elsewhere.example/a.png"}}`},
	} {
		s := newServer()
		golden(t, name, c.status, s.post(predictions, c.body))
		if len(s.queue.Jobs()) > 0 || s.logged != nil {
			t.Errorf("%s: %d jobs, logged %v", name, len(s.queue.Jobs()), s.logged)
		}
	}
}

func TestInputs(t *testing.T) {
	t.Parallel()
	for more, want := range map[string]job.Options{
		``:                                   {Scale: 4},
		`"scale":null,"face_enhance":null`:   {Scale: 4},
		`"scale":0.1`:                        {Scale: 0.1},
		`"scale":10,"face_enhance":false`:    {Scale: 10},
		`"scale":2e0,"face_enhance":true`:    {Scale: 2, FaceEnhance: true},
		`"Scale":3,"tile":0,"version":"1.4"`: {Scale: 4}, // names of other models, or of nothing
	} {
		s := newServer()
		parts := []string{}
		if more != "" {
			parts = append(parts, more)
		}
		s.predict(t, order(" "+dataURI(dialecttest.PNG(t, 8, 8, true))+" ", parts...))
		want.Format = "png"
		if got := s.queue.Jobs()[0].Options; got != want {
			t.Errorf("%s: %+v", more, got)
		}
	}
}

// The schema says exactly which scales are accepted.
func TestSchemaTellsTheScales(t *testing.T) {
	t.Parallel()
	s := newServer()
	version := decode[replicate.Version](t, s.get(model+"/versions/a"))
	var schema struct {
		Components struct {
			Schemas struct {
				Input struct {
					Required   []string
					Properties map[string]struct {
						Minimum, Maximum float64
						Default          any
					}
				}
			}
		}
	}
	if err := json.Unmarshal(version.OpenAPISchema, &schema); err != nil {
		t.Fatal(err)
	}
	input := schema.Components.Schemas.Input
	scales := input.Properties["scale"]
	if len(input.Required) != 1 || input.Required[0] != "image" || len(input.Properties) != 3 || scales.Default != 4.0 {
		t.Fatalf("%+v", input)
	}
	picture := dataURI(photo(t))
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.OneOf(
			rapid.Float64(), rapid.Float64Range(0, 12), rapid.SampledFrom([]float64{scales.Minimum, scales.Maximum}),
		).Draw(t, "scale")
		text, _ := json.Marshal(scale)
		accepted := s.post(predictions, order(picture, `"scale":`+string(text))).Code == http.StatusCreated
		if accepted != (scale >= scales.Minimum && scale <= scales.Maximum) {
			t.Errorf("%s accepted: %v", text, accepted)
		}
	})
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	for more, want := range map[string]job.Webhook{
		`"webhook":"https://a.example/x"`:                                                     {URL: "https://a.example/x"},
		`"webhook_completed":"https://a.example/y"`:                                           {URL: "https://a.example/y"},
		`"webhook":"https://a.example/x","webhook_completed":"https://a.example/y"`:           {URL: "https://a.example/x"},
		`"webhook":"https://a.example/x","webhook_events_filter":["completed"]`:               {URL: "https://a.example/x"},
		`"webhook":"https://a.example/x","webhook_events_filter":["output","logs"]`:           {URL: "https://a.example/x"},
		`"webhook":"https://a.example/x","webhook_events_filter":["start","completed"]`:       {URL: "https://a.example/x", Started: true},
		`"webhook":"https://a.example/x","webhook_events_filter":null,"stream":true,"x":null`: {URL: "https://a.example/x"},
	} {
		s := newServer()
		s.predict(t, strings.Replace(order(dataURI(photo(t))), "{", "{"+more+",", 1))
		if got := s.queue.Jobs()[0].Webhook; got == nil || *got != want {
			t.Errorf("%s: %+v", more, got)
		}
	}
	hooked := strings.Replace(order(dataURI(photo(t))), "{", `{"webhook":"http://10.0.0.1",`, 1)
	s := newServer()
	s.stores.CheckWebhook = nil
	golden(t, "webhook_unavailable.json", 422, s.post(predictions, hooked))
	s.stores.CheckWebhook = func(string) error { return fault.New(fault.Invalid, "The webhook's URL must start with https://.") }
	golden(t, "webhook_refused.json", 422, s.post(predictions, hooked))
	s.stores.CheckWebhook = func(string) error { return errDisk }
	golden(t, "internal.json", 500, s.post(predictions, hooked))
}

// A webhook receives what a client that polls does.
func TestWebhookBody(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = dialecttest.Succeed
	id := s.predict(t, order(dataURI(photo(t))))
	j, err := s.queue.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	asked := s.get(predictions + "/" + id).Body.String()
	kind, body, err := s.api.Body(j)
	if err != nil || kind != "application/json" || string(body) != asked {
		t.Errorf("%s %v\n got %s\nwant %s", kind, err, body, asked)
	}
	j.Memo = "not ours"
	if _, body, err := s.api.Body(j); err != nil || !json.Valid(body) {
		t.Errorf("%s, %v", body, err)
	}
}

// Predictions repeat their input, but no whole images.
func TestRepeatedInput(t *testing.T) {
	t.Parallel()
	short := dataURI(dialecttest.PNG(t, 8, 8, false))
	long := dataURI(photo(t))
	address := pictureURL + "&" + strings.Repeat("ä", 5000)
	for image, want := range map[string]string{
		short: short, long: "data:image/png;base64,...", address: address[:4092] + "...",
	} {
		s := newServer()
		s.stores.Fetcher = everywhere{photo(t)}
		id := s.predict(t, order(image))
		if got := decode[replicate.Prediction](t, s.get(predictions+"/"+id)).Input.Image; got != want {
			t.Errorf("%.100s is repeated as %d bytes: %.100s", image, len(got), got)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	small := func(c *replicate.Config) { c.MaxBytes = 100 }
	for name, c := range map[string]struct {
		status int
		image  string
		change func(*server)
	}{
		"too_large_fetched.json": {422, pictureURL, func(s *server) { small(&s.config) }},
		"too_large_limit.json": {422, pictureURL, func(s *server) {
			s.stores.Fetcher = fetcher{err: fault.New(fault.TooLarge, "The image at the URL is larger than 5 bytes.")}
		}},
		"too_large_inline.json": {422, dataURI(photo(t)), func(s *server) { small(&s.config) }},
		"too_large_body.json":   {413, "data:" + strings.Repeat("x", 1<<17), func(s *server) { small(&s.config) }},
		"too_wide.json":         {422, pictureURL, func(s *server) { s.config.MaxSide = 79 }},
		"too_many_pixels.json":  {422, pictureURL, func(s *server) { s.config.MaxPixels = 4799 }},
		"engine_limit.json": {422, pictureURL, func(s *server) {
			s.lend = func(h *dialect.Services) {
				h.Validator = dialecttest.Validator{Limits: imagedata.Limits{Pixels: 100, Side: 60_000}}
			}
		}},
		"internal.json":   {500, pictureURL, func(s *server) { s.stores.Fetcher = fetcher{err: errDisk} }},
		"just_right.json": {201, pictureURL, func(s *server) { s.config.MaxSide, s.config.MaxPixels = 80, 4800 }},
	} {
		s := newServer()
		s.stores.Fetcher = fetcher{picture: photo(t)}
		c.change(s)
		golden(t, name, c.status, s.post(predictions, order(c.image)))
	}
	// One without a declared length is cut off.
	s := newServer()
	small(&s.config)
	r := httptest.NewRequest(http.MethodPost, predictions, io.MultiReader(strings.NewReader(strings.Repeat(" ", 1<<17))))
	r.ContentLength = -1
	golden(t, "too_large_body.json", 413, s.do(r))
}

// everywhere returns an image for every URL.
type everywhere struct{ picture []byte }

func (e everywhere) Fetch(ctx context.Context, url string) ([]byte, error) { return e.picture, nil }

func TestFacesThatCannotBeEnhanced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		err    error
	}{
		"no_faces.json": {422, fault.New(fault.ModelMissing, "Install one.")}, "internal.json": {500, errDisk},
		"faces.json": {201, nil},
	} {
		s := newServer()
		s.lend = func(h *dialect.Services) { h.Faces = func(context.Context) error { return c.err } }
		golden(t, name, c.status, s.post(predictions, order(dataURI(photo(t)), `"face_enhance":true`)))
		s.predict(t, order(dataURI(photo(t)))) // without faces all is well
	}
}

// FuzzRequest feeds bodies of strangers: they become a job that fits the
// model's limits, or a refusal, never a defect.
func FuzzRequest(f *testing.F) {
	image := dataURI(photo(f))
	for _, body := range []string{
		order(image), order(image, `"scale":2`, `"face_enhance":true`), `{"input":{"image":{}}}`, `[]`, `{"version":"a/b:c"}`,
		`{"version":"a","webhook":"https://a","webhook_events_filter":["start"],"input":{"image":"https://upscaled.example/v1/files/a"}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := newServer()
		got := s.post(predictions, body)
		jobs := s.queue.Jobs()
		if (got.Code == http.StatusCreated) != (len(jobs) == 1) || got.Code >= 500 || !json.Valid(got.Body.Bytes()) {
			t.Fatalf("%d %s, %d jobs", got.Code, got.Body, len(jobs))
		}
		for _, j := range jobs {
			if !replicate.IsID(j.ID) || j.Options.Scale < 0.1 || j.Options.Scale > 10 || len(j.Memo) > 64<<10 {
				t.Fatalf("%+v", j)
			}
		}
	})
}
