package automatic1111

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upscaled/server/dialect"
)

func TestCover(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 60_000)
		w, h, tw, th := side.Draw(t, "w"), side.Draw(t, "h"), side.Draw(t, "tw"), side.Draw(t, "th")
		cw, ch := dialect.Cover(w, h, tw, th)
		if cw < tw || ch < th || cw != tw && ch != th {
			t.Fatalf("%dx%d does not just cover %dx%d", cw, ch, tw, th)
		}
		// The shape is kept to half a pixel, or one side is a single pixel more
		// than its shape would have because it must cover.
		factor := max(float64(tw)/float64(w), float64(th)/float64(h))
		if dx, dy := float64(cw)-factor*float64(w), float64(ch)-factor*float64(h); dx < -0.5001 || dx > 0.5001 || dy < -0.5001 || dy > 0.5001 {
			t.Fatalf("%dx%d has not the shape of %dx%d", cw, ch, w, h)
		}
	})
}

func TestNumbersOfInfo(t *testing.T) {
	t.Parallel()
	for n, want := range map[float64]string{2: "2.0", 2.5: "2.5", 0.1: "0.1", 16: "16.0"} {
		if got := decimal(n); got != want {
			t.Errorf("%g: %s", n, got)
		}
	}
	if got := htmlInfo([]pair{{"a", "b: c, d"}}); got != `<p>a: &quot;b: c, d&quot;</p>` {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"image":"data:image\/png;base64,AAAA","upscaling_resize":"2","resize_mode":1}`, `{"imageList":[{"data":"AA==","name":"\ud800"}]}`,
		`{"imageList":[null,5,{}],"image":5}`, `{"upscaling_resize_w":1e300,"upscaling_resize":"0x1p-2"}`, `null`, ``, `{"image":null}`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, batch bool) {
		o, err := parse(body, batch, 50)
		if err != nil {
			if r := apiErrorOf(err); r.status != 422 {
				t.Fatalf("%d: %v", r.status, err)
			}
			return
		}
		if !(o.scale > 0 && o.scale <= maxScale) || o.width < 1 || o.height < 1 || o.width > maxSide || o.height > maxSide ||
			!(o.gfpgan >= 0 && o.gfpgan <= 1) || !(o.codeformer >= 0 && o.codeformer <= 1) || !(o.secondVisibility >= 0 && o.secondVisibility <= 1) {
			t.Fatalf("%+v", o)
		}
		for _, e := range o.images {
			const limit = 1000
			data, err := decodeBase64(text(e.raw), limit)
			if len(data) > limit || err != nil && data != nil {
				t.Fatalf("%d bytes, %v", len(data), err)
			}
		}
	})
}

func TestBase64OfEveryLength(t *testing.T) {
	t.Parallel()
	for n := range 20 {
		want := strings.Repeat("\xfb", n)
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if got, err := decodeBase64([]byte(e.EncodeToString([]byte(want))), int64(n)); err != nil || string(got) != want {
				t.Errorf("%d bytes: %q, %v", n, got, err)
			}
		}
		if _, err := decodeBase64([]byte(base64.StdEncoding.EncodeToString([]byte(want+"x"))), int64(n)); err == nil {
			t.Errorf("%d bytes passed a limit of %d", n+1, n)
		}
	}
}
