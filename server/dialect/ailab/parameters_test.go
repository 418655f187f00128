package ailab

import (
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

func TestParseParameters(t *testing.T) {
	t.Parallel()
	preset := parameters{scale: 2, format: imagedata.PNG, quality: 95}
	with := func(change func(*parameters)) parameters { p := preset; change(&p); return p }
	for _, c := range []struct {
		name, value string
		want        parameters
		code        Code
	}{
		{"", "", preset, ""},
		{"unknown", "x", preset, ""},
		{"upscale_factor", "", preset, ""},
		{"upscale_factor", "2", preset, ""},
		{"upscale_factor", "3", with(func(p *parameters) { p.scale = 3 }), ""},
		{"upscale_factor", "4", with(func(p *parameters) { p.scale = 4 }), ""},
		{"upscale_factor", "1", preset, InvalidParameter},
		{"upscale_factor", "5", preset, InvalidParameter},
		{"upscale_factor", "2.5", preset, InvalidParameter},
		{"upscale_factor", "99999999999999999999", preset, InvalidParameter},
		{"mode", "", preset, ""},
		{"mode", "base", preset, ""},
		{"mode", "Enhancement", with(func(p *parameters) { p.enhancement = true }), ""},
		{"mode", "strong", preset, InvalidParameter},
		{"output_format", "", preset, ""},
		{"output_format", "png", preset, ""},
		{"output_format", "jpg", with(func(p *parameters) { p.format = imagedata.JPEG }), ""},
		{"output_format", "JPEG", with(func(p *parameters) { p.format = imagedata.JPEG }), ""},
		{"output_format", "bmp", with(func(p *parameters) { p.format = imagedata.BMP }), ""},
		{"output_format", "webp", preset, InvalidOutputFormat},
		{"output_quality", "", preset, ""},
		{"output_quality", "30", with(func(p *parameters) { p.quality = 30 }), ""},
		{"output_quality", "100", with(func(p *parameters) { p.quality = 100 }), ""},
		{"output_quality", "29", preset, InvalidParameter},
		{"output_quality", "101", preset, InvalidParameter},
		{"output_quality", "-95", preset, InvalidParameter},
		{"output_quality", "high", preset, InvalidParameter},
	} {
		got, err := parseParameters(map[string]string{c.name: c.value})
		if c.code != "" {
			if err == nil || apiErrorOf(err).code != c.code {
				t.Errorf("%s=%s: %v, want %s", c.name, c.value, err, c.code)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s=%s: %+v, %v", c.name, c.value, got, err)
		}
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		width, height, factor int
		alpha                 bool
		asked, want           imagedata.Format
	}{
		{100, 50, 2, false, imagedata.PNG, imagedata.PNG},
		{100, 50, 2, false, imagedata.JPEG, imagedata.JPEG},
		{100, 50, 2, false, imagedata.BMP, imagedata.BMP},
		{100, 50, 2, true, imagedata.JPEG, imagedata.PNG},
		{100, 50, 2, true, imagedata.BMP, imagedata.PNG},
		{1920, 1080, 2, false, imagedata.PNG, imagedata.PNG}, // 3840x2160 is not beyond
		{1080, 1920, 2, false, imagedata.BMP, imagedata.BMP},
		{961, 540, 4, false, imagedata.PNG, imagedata.JPEG},
		{960, 541, 4, false, imagedata.BMP, imagedata.JPEG},
		{541, 960, 4, false, imagedata.PNG, imagedata.JPEG},
		{540, 961, 4, false, imagedata.PNG, imagedata.JPEG},
		{540, 960, 4, false, imagedata.PNG, imagedata.PNG},
		{721, 721, 3, false, imagedata.PNG, imagedata.JPEG},
		{720, 720, 3, false, imagedata.PNG, imagedata.PNG},
		{1920, 1080, 4, true, imagedata.JPEG, imagedata.PNG}, // alpha comes before size
	} {
		p := parameters{scale: c.factor, format: c.asked}
		if got := p.output(job.InputInfo{Width: c.width, Height: c.height, Alpha: c.alpha}); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	a := New(dialect.Services{}, Defaults())
	small, large := job.InputInfo{Width: 40, Height: 40}, job.InputInfo{Width: 1900, Height: 1000}
	for _, c := range []struct {
		fields map[string]string
		input  job.InputInfo
		want   job.Options
	}{
		{nil, small, job.Options{Model: "realesr-general-x4v3", Scale: 2, Format: "png"}},
		{map[string]string{"mode": "enhancement", "upscale_factor": "3"}, small, job.Options{Model: "realesrgan-x4plus", Scale: 3, Format: "png"}},
		// Quality is JPEG's alone, and a forced JPEG's too.
		{map[string]string{"output_quality": "40"}, small, job.Options{Model: "realesr-general-x4v3", Scale: 2, Format: "png"}},
		{map[string]string{"output_quality": "40", "output_format": "bmp"}, small, job.Options{Model: "realesr-general-x4v3", Scale: 2, Format: "bmp"}},
		{map[string]string{"output_format": "jpg"}, small, job.Options{Model: "realesr-general-x4v3", Scale: 2, Format: "jpeg", Quality: 95}},
		{map[string]string{"upscale_factor": "4", "output_quality": "40"}, large, job.Options{Model: "realesr-general-x4v3", Scale: 4, Format: "jpeg", Quality: 40}},
	} {
		p, err := parseParameters(c.fields)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.options(p, c.input); err != nil || got != c.want {
			t.Errorf("%v: %+v, %v", c.fields, got, err)
		}
	}
}

// Whatever is sent, parameters are within their documented ranges or rejected
// with one of two codes.
func FuzzParseParameters(f *testing.F) {
	f.Add("2", "base", "png", "95")
	f.Add("", "ENHANCEMENT", "jpeg", "030")
	f.Add("+4", "\x00", "bmp ", "1e2")
	f.Fuzz(func(t *testing.T, factor, mode, format, quality string) {
		p, err := parseParameters(map[string]string{
			"upscale_factor": factor, "mode": mode, "output_format": format, "output_quality": quality,
		})
		if err != nil {
			if code := apiErrorOf(err).code; code != InvalidParameter && code != InvalidOutputFormat {
				t.Fatalf("code %s", code)
			}
			return
		}
		known := p.format == imagedata.PNG || p.format == imagedata.JPEG || p.format == imagedata.BMP
		if p.scale < 2 || p.scale > 4 || p.quality < 30 || p.quality > 100 || !known {
			t.Fatalf("%+v", p)
		}
	})
}
