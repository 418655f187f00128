package automatic1111

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
)

func TestCover(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 60_000)
		w, h, tw, th := side.Draw(t, "w"), side.Draw(t, "h"), side.Draw(t, "tw"), side.Draw(t, "th")
		cw, ch := cover(w, h, tw, th)
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

// Resizing to the nearest pixel by whole factors repeats pixels, and cropping
// gives the inner part of any raster.
func TestNearestAndCrop(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, h, n := rapid.IntRange(1, 9).Draw(t, "w"), rapid.IntRange(1, 9).Draw(t, "h"), rapid.IntRange(1, 4).Draw(t, "n")
		r := imagedata.NewRaster(w, h, rapid.SampledFrom([]int{1, 3}).Draw(t, "channels"), rapid.SampledFrom([]int{8, 16}).Draw(t, "depth"))
		for i := range w * h * r.Channels {
			if r.Pix16 != nil {
				r.Pix16[i] = uint16(i * 257)
			} else {
				r.Pix[i] = uint8(i)
			}
		}
		big := nearestOf(r, w*n, h*n)
		for y := range h * n {
			for x := range w * n * r.Channels {
				c := x % r.Channels
				if at(big, x, y) != at(r, (x/r.Channels/n)*r.Channels+c, y/n) {
					t.Fatalf("sample %d,%d", x, y)
				}
			}
		}
		cw, ch := rapid.IntRange(1, w).Draw(t, "cw"), rapid.IntRange(1, h).Draw(t, "ch")
		frame, _ := cropped(form{r}, cw, ch).Next()
		for y := range ch {
			for x := range cw * r.Channels {
				if at(frame.Color, x, y) != at(r, x+(w/2-cw/2)*r.Channels, y+h/2-ch/2) {
					t.Fatalf("cropped sample %d,%d", x, y)
				}
			}
		}
	})
}

func at(r imagedata.Raster, x, y int) uint16 {
	i := y*r.Width*r.Channels + x
	if r.Pix16 != nil {
		return r.Pix16[i]
	}
	return uint16(r.Pix[i])
}

func TestMix(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint16().Draw(t, "a"), rapid.Uint16().Draw(t, "b")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		under, over := []uint16{a, a, 65535}, []uint16{b, a, 65535}
		mix(under, over, share)
		exact := float64(a)*(1-share) + float64(b)*share
		if under[1] != a || under[2] != 65535 || float64(under[0]) < exact-1.1 || float64(under[0]) > exact+1.1 {
			t.Fatalf("%d and %d by %g: %d", a, b, share, under[0])
		}
	})
	under := []uint8{0, 10, 255}
	mix(under, []uint8{255, 20, 0}, 1)
	if string(under) != "\xff\x14\x00" {
		t.Errorf("%v", under)
	}
}

// Pictures of one gray level, whatever their form, blend to the level between.
func TestBlendedForms(t *testing.T) {
	t.Parallel()
	level := func(channels, depth int, v uint8) form {
		r := imagedata.NewRaster(2, 3, channels, depth)
		for i := range 6 * channels {
			if depth == 16 {
				r.Pix16[i] = uint16(v) * 257
			} else {
				r.Pix[i] = v
			}
		}
		return form{r}
	}
	for _, c := range [][4]int{{1, 8, 1, 8}, {1, 8, 3, 16}, {3, 16, 1, 8}, {1, 16, 3, 16}, {3, 16, 3, 8}, {3, 8, 1, 16}} {
		b := blended{level(c[0], c[1], 100), level(c[2], c[3], 200), 0.5}
		frame, err := b.Next()
		info := b.Info()
		if err != nil || frame.Color.Channels != max(c[0], c[2]) || frame.Color.Depth() != min(c[1], c[3]) ||
			info.Channels != frame.Color.Channels || info.Depth != frame.Color.Depth() {
			t.Fatalf("%v: %d channels of %d bits, %v", c, frame.Color.Channels, frame.Color.Depth(), err)
		}
		for i := range 6 * info.Channels {
			v := frame.Color
			if info.Depth == 8 && v.Pix[i] != 150 || info.Depth == 16 && v.Pix16[i] != 150*257 {
				t.Fatalf("%v: sample %d is wrong", c, i)
			}
		}
	}
	if _, err := (blended{level(1, 8, 1), form{imagedata.NewRaster(3, 2, 1, 8)}, 0.5}).Next(); err == nil {
		t.Error("pictures of different sizes were blended")
	}
}

// form is one frame that tells its form.
type form struct{ imagedata.Raster }

func (f form) Info() imagedata.Info {
	return imagedata.Info{Frames: 1, Channels: f.Channels, Depth: f.Depth()}
}
func (f form) Next() (imagedata.Frame, error) { return imagedata.Frame{Color: f.Raster}, nil }

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
		o, err := parse(body, batch)
		if err != nil {
			if r := apiErrorOf(err); r.status != 422 {
				t.Fatalf("%d: %v", r.status, err)
			}
			return
		}
		if !(o.scale > 0 && o.scale <= maxScale) || o.width < 1 || o.height < 1 || o.width > maxSide || o.height > maxSide ||
			!(o.gfpgan >= 0 && o.gfpgan <= 1) || !(o.codeformer >= 0 && o.codeformer <= 1) || !(o.secondShare >= 0 && o.secondShare <= 1) {
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
