package maskr

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func TestParameters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query  string
		fields map[string]string
		want   job.Options
	}{
		{"", nil, job.Options{Scale: 4, Format: "jpeg", Quality: 85}},
		{"scale_factor=2&output_format=webp&quality=1", nil, job.Options{Scale: 2, Format: "webp", Quality: 1}},
		{"output_format=png&quality=100", nil, job.Options{Scale: 4, Format: "png"}},
		{"output_format=JPG&quality=100", nil, job.Options{Scale: 4, Format: "jpeg", Quality: 100}},
		{"scale_factor=%2B4&quality=+7+", nil, job.Options{Scale: 4, Format: "jpeg", Quality: 7}},
		{"", map[string]string{"scale_factor": "2", "output_format": "png"}, job.Options{Scale: 2, Format: "png"}},
		{"", map[string]string{"scale_factor": "", "output_format": "", "quality": ""}, job.Options{Scale: 4, Format: "jpeg", Quality: 85}},
		{"scale_factor=2&quality=9", map[string]string{"scale_factor": "9", "quality": "x"}, job.Options{Scale: 2, Format: "jpeg", Quality: 9}},
	} {
		query, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if got, wrong := parseOptions(query, c.fields); got != c.want || len(wrong.Detail) > 0 {
			t.Errorf("%q %v: %+v, %v", c.query, c.fields, got, wrong)
		}
	}
}

func TestParametersReachTheJob(t *testing.T) {
	t.Parallel()
	for target, field := range map[string]string{"/v1/services/image-upscaling": "file", "/v1/services/image-upscaling/batch": "files"} {
		queue := &jobtest.Queue{Work: dialecttest.Succeed}
		e := echo.New()
		New(dialecttest.Services(queue, dialecttest.Auth{}), Defaults()).Routes(e)
		dialecttest.Do(e, dialecttest.Form(t, target+"?scale_factor=2", dialecttest.Field("output_format", "webp"),
			dialecttest.Field("quality", "90"), dialecttest.File(field, "a.png", dialecttest.PNG(t, 4, 4, true))))
		want := job.Options{Scale: 2, Format: "webp", Quality: 90}
		if jobs := queue.Jobs(); len(jobs) != 1 || jobs[0].Options != want {
			t.Errorf("%s: %+v", target, jobs)
		}
	}
}

func TestWrongParameters(t *testing.T) {
	t.Parallel()
	picture := dialecttest.PNG(t, 4, 4, false)
	for _, c := range []struct {
		golden, query string
		parts         []dialecttest.Part
	}{
		{"scale_const.json", "scale_factor=3", nil},
		{"scale_const.json", "scale_factor=99999999999999999999", nil},
		{"scale_integer.json", "scale_factor=4.0", nil},
		{"scale_integer.json", "scale_factor=", nil},
		{"scale_form.json", "", []dialecttest.Part{dialecttest.Field("scale_factor", "8")}},
		{"format.json", "output_format=gif", nil},
		{"format.json", "output_format=", nil},
		{"quality_high.json", "quality=101", nil},
		{"quality_high.json", "quality=101&output_format=png", nil},
		{"quality_low.json", "quality=0", nil},
		{"quality_low.json", "quality=-99999999999999999999", nil},
	} {
		e := echo.New()
		New(dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{}), Defaults()).Routes(e)
		for target, field := range map[string]string{"/v1/services/image-upscaling?": "file", "/v1/services/image-upscaling/batch?": "files"} {
			parts := append(slices.Clone(c.parts), dialecttest.File(field, "a.png", picture))
			got := dialecttest.Do(e, dialecttest.Form(t, target+c.query, parts...))
			if got.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s: status %d", c.query, got.Code)
			}
			dialecttest.Golden(t, c.golden, got.Body.Bytes())
		}
	}
	e := echo.New()
	New(dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{}), Defaults()).Routes(e)
	r := httptest.NewRequest(http.MethodPost, "/v1/services/image-upscaling?scale_factor=x&output_format=x&quality=x", nil)
	dialecttest.Golden(t, "all_wrong.json", dialecttest.Do(e, r).Body.Bytes())
}

// Whatever comes in: either violations that name a known parameter, or options
// that the vendor's documentation allows.
func FuzzParameters(f *testing.F) {
	f.Add("scale_factor=2&output_format=png&quality=3", "", "", "")
	f.Add("", "4", "WEBP", "100")
	f.Add("quality=1e2&scale_factor=0x2", "+2", "jpg", " 7 ")
	f.Fuzz(func(t *testing.T, query, scale, format, quality string) {
		values, _ := url.ParseQuery(query)
		fields := map[string]string{"scale_factor": scale, "output_format": format, "quality": quality}
		got, wrong := parseOptions(values, fields)
		for _, v := range wrong.Detail {
			if len(v.Location) != 2 || v.Message == "" || v.Kind == "" {
				t.Fatalf("%+v", v)
			}
			if _, known := fields[fmt.Sprint(v.Location[1])]; !known {
				t.Errorf("%+v names no parameter", v)
			}
			if fromQuery := v.Location[0] == "query"; fromQuery != values.Has(fmt.Sprint(v.Location[1])) {
				t.Errorf("%+v blames the wrong place", v)
			}
		}
		if len(wrong.Detail) > 0 {
			return
		}
		if got.Scale != 2 && got.Scale != 4 {
			t.Errorf("scale %g", got.Scale)
		}
		if !slices.Contains([]string{"jpeg", "png", "webp"}, got.Format) {
			t.Errorf("format %q", got.Format)
		}
		if lossless := got.Format == "png"; lossless != (got.Quality == 0) || got.Quality < 0 || got.Quality > 100 {
			t.Errorf("quality %d of a %s", got.Quality, got.Format)
		}
	})
}
