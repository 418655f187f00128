package align_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/face"
	"upscaled/engine/face/align"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
)

// inMask says by the package's documented ellipse whether a pixel of the
// enlarged image belongs to the mask of a square.
func inMask(x, y int, t align.Transform, size int, scaleX, scaleY float64) bool {
	p := t.Apply(face.Point{X: (float64(x) + 0.5) / scaleX, Y: (float64(y) + 0.5) / scaleY})
	side := float64(size)
	return math.Hypot((p.X-0.5*side)/(0.42*side), (p.Y-0.555*side)/(0.44*side)) < 1
}

// checkIdentity runs the whole path with a restorer that restores nothing and
// wants 45 dB inside the mask and the same bytes outside.
func checkIdentity(t *testing.T, name string, p imagedata.Raster, into align.Transform, size, width, height int) {
	t.Helper()
	crop := align.Crop(p, into, size)
	plain := resize.Whole(p, width, height)
	scaleX, scaleY := float64(width)/float64(p.Width), float64(height)/float64(p.Height)
	patch := align.NewPatch(crop, crop, into, scaleX, scaleY, 1)
	got := clone(plain)
	patch.Blend(got, 0)
	left, top, right, bottom := patch.Bounds()
	var squares, count float64
	for i := range samples(got) {
		x, y := i/got.Channels%width, i/got.Channels/width
		d := sample(got, i) - sample(plain, i)
		inside := inMask(x, y, into, size, scaleX, scaleY)
		if inside {
			squares, count = squares+d*d, count+1
		}
		if d != 0 && (!inside || x < left || x >= right || y < top || y >= bottom) {
			t.Fatalf("%s: (%d, %d) outside the mask changed by %g", name, x, y, d)
		}
	}
	if count < 100 {
		t.Fatalf("%s: the mask has %.0f samples in the picture", name, count)
	}
	decibels := 10 * math.Log10(255*255*count/squares)
	t.Logf("%s: %.1f dB inside the mask", name, decibels)
	if !(decibels >= 45) {
		t.Errorf("%s: %.1f dB inside the mask, want 45", name, decibels)
	}
}

func TestIdentityChangesNothing(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(width, height, channels, depth int) imagedata.Raster{"smooth": smooth, "photo-like": photoLike}
	for kind, make := range kinds {
		for i, test := range []struct {
			name                             string
			channels, depth                  int
			eyes, angle, x, y                float64
			width, height, size, wide, large int
		}{
			{"4x", 3, 8, 25, 0.1, 70, 80, 140, 160, 512, 560, 640},
			{"2x", 3, 8, 30, -0.3, 70, 80, 140, 160, 512, 280, 320},
			{"tiny face", 3, 8, 8, 0.2, 70, 80, 140, 160, 512, 280, 320},
			{"as large as the square", 3, 8, 31, 0, 70, 80, 140, 160, 504, 560, 640},
			{"quarter turn", 3, 8, 25, math.Pi / 2, 70, 80, 140, 160, 512, 560, 640},
			{"upside down", 3, 8, 25, math.Pi, 70, 80, 140, 160, 512, 560, 640},
			{"over the left edge", 3, 8, 25, 0.1, 10, 80, 140, 160, 512, 420, 480},
			{"over the corner", 3, 8, 25, 0.1, 135, 150, 140, 160, 512, 420, 480},
			{"uneven scale", 3, 8, 25, 0.5, 70, 80, 140, 160, 512, 425, 475},
			{"16 bits", 3, 16, 25, 0.1, 70, 80, 140, 160, 512, 420, 480},
			{"gray", 1, 8, 25, 0.1, 70, 80, 140, 160, 512, 420, 480},
			{"gray, 16 bits", 1, 16, 25, 0.1, 70, 80, 140, 160, 512, 420, 480},
		} {
			if kind == "smooth" && i > 2 {
				break // easier than the other kind in every way
			}
			p := make(test.width, test.height, test.channels, test.depth)
			into := posed(test.eyes, test.angle, test.x, test.y).ScaleBy(float64(test.size) / 512)
			checkIdentity(t, kind+", "+test.name, p, into, test.size, test.wide, test.large)
		}
	}
}

func TestIdentityOnPhotographs(t *testing.T) {
	t.Parallel()
	for name, p := range shared(t, "0014.jpg", "ADE_val_00000114.jpg", "OST_009.png", "wolf_gray.jpg") {
		// The largest face whose enlarged square is not over 512.
		into := posed(60, 0.25, float64(p.Width)/2, float64(p.Height)/2)
		checkIdentity(t, name, p, into, 512, p.Width*2, p.Height*2)
	}
}

// scene is an image, enlarged, and a face in it that a restorer changed.
func scene(channels, depth int, angle float64) (plain, restored, crop imagedata.Raster, into align.Transform) {
	p := photoLike(90, 100, channels, depth)
	into = posed(24, angle, 40, 45).ScaleBy(128.0 / 512)
	crop = align.Crop(p, into, 128)
	return resize.Whole(p, 180, 200), photoLike(128, 128, channels, depth), crop, into
}

func TestBandsAreTheWhole(t *testing.T) {
	t.Parallel()
	var plains, crops, faces []imagedata.Raster
	for _, channels := range []int{1, 3} {
		for _, depth := range []int{8, 16} {
			p := photoLike(60, 70, channels, depth)
			plains = append(plains, resize.Whole(p, 120, 140))
			crops = append(crops, align.Crop(p, posed(16, 0, 30, 35).ScaleBy(0.125), 64))
			faces = append(faces, photoLike(64, 64, channels, depth))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.IntRange(0, 3).Draw(t, "kind")
		angle := rapid.Float64Range(-math.Pi, math.Pi).Draw(t, "angle")
		into := posed(16, angle, 30, 35).ScaleBy(0.125)
		strength := rapid.Float64Range(0.01, 1).Draw(t, "strength")
		patch := align.NewPatch(faces[kind], crops[kind], into, 2, 2, strength)
		plain := plains[kind]
		whole, parts := clone(plain), clone(plain)
		patch.Blend(whole, 0)
		for y := 0; y < parts.Height; {
			next := min(parts.Height, y+rapid.IntRange(1, 70).Draw(t, "rows"))
			patch.Blend(parts.Rows(y, next), y)
			y = next
		}
		if !equal(whole, parts) {
			t.Fatal("bands give other samples than the whole")
		}
		if equal(whole, plain) {
			t.Fatal("the face was not pasted")
		}
	})
}

func TestStrength(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{8, 16} {
		plain, restored, crop, into := scene(3, depth, 0.2)
		blended := func(strength float64) imagedata.Raster {
			out := clone(plain)
			align.NewPatch(restored, crop, into, 2, 2, strength).Blend(out, 0)
			return out
		}
		for _, none := range []float64{0, -1, math.NaN()} {
			if !equal(blended(none), plain) {
				t.Errorf("strength %g changes the picture", none)
			}
		}
		half, full := blended(0.5), blended(1)
		for i := range samples(plain) {
			if d := sample(half, i) - (sample(plain, i)+sample(full, i))/2; math.Abs(d) > 1 {
				t.Fatalf("half the strength is %g off the middle", d)
			}
		}
	}
}

// A restorer that returns a tinted, darker and unevenly lit face must not
// change the colors: what remains of its tint is under 2 levels of 60.
func TestTintIsRemoved(t *testing.T) {
	t.Parallel()
	p := smooth(120, 120, 3, 8)
	for i := range p.Pix {
		// Leaves room for the tint.
		p.Pix[i] = 80 + p.Pix[i]/3
	}
	into := posed(30, 0.1, 60, 60).ScaleBy(0.5)
	crop := align.Crop(p, into, 256)
	tinted := clone(crop)
	for i, v := range crop.Pix {
		shift := []int{-60, -30, 20}[i%3] + 15*(i/3/256)/256
		tinted.Pix[i] = uint8(min(max(int(v)+shift, 0), 255))
	}
	plain := resize.Whole(p, 360, 360)
	got := clone(plain)
	align.NewPatch(tinted, crop, into, 3, 3, 1).Blend(got, 0)
	for i := range got.Pix {
		if d := math.Abs(sample(got, i) - sample(plain, i)); d > 2 {
			t.Fatalf("(%d, %d) is %g levels off", i/3%360, i/3/360, d)
		}
	}
}

// Even where the restored face is altogether different, the change sets in
// gently: nowhere in the image by more than 5 levels from pixel to pixel in
// a square of 500 pixels. Without a feather the border would be as high as the
// change, over 40 levels.
func TestNoVisibleEdge(t *testing.T) {
	t.Parallel()
	for _, angle := range []float64{0, 0.7} {
		p := paint(100, 100, 1, 8, func(_, _ float64, _ int) float64 { return 0.25 })
		into := posed(30, angle, 50, 50)
		crop := align.Crop(p, into, 512)
		// Mottled, because one that is bright all over would be matched.
		restored := paint(512, 512, 1, 8, func(x, y float64, _ int) float64 {
			return 0.5 + 0.5*math.Sin(x/40)*math.Sin(y/40)
		})
		plain := resize.Whole(p, 400, 400)
		got := clone(plain)
		align.NewPatch(restored, crop, into, 4, 4, 1).Blend(got, 0)
		var most, change float64
		for y := 1; y < 400; y++ {
			for x := 1; x < 400; x++ {
				i := y*400 + x
				d := sample(got, i) - sample(plain, i)
				change = max(change, math.Abs(d))
				most = max(most, math.Abs(d-sample(got, i-1)+sample(plain, i-1)), math.Abs(d-sample(got, i-400)+sample(plain, i-400)))
			}
		}
		t.Logf("changed by up to %g levels, by up to %g from pixel to pixel", change, most)
		if change < 40 {
			t.Errorf("the face changed by only %g levels", change)
		}
		if most > 5 {
			t.Errorf("an edge of %g levels", most)
		}
	}
}

// A colored restored face on a gray image becomes luma; a gray patch on a
// colored image is the same in all channels. Depths may differ.
func TestMixedChannelsAndDepths(t *testing.T) {
	t.Parallel()
	gray, _, crop, into := scene(1, 8, 0)
	coloured := photoLike(128, 128, 3, 8)
	luma := paint(128, 128, 1, 16, func(x, y float64, _ int) float64 {
		i := (int(y)*128 + int(x)) * 3
		return (0.299*sample(coloured, i) + 0.587*sample(coloured, i+1) + 0.114*sample(coloured, i+2)) / 255
	})
	a, b := clone(gray), clone(gray)
	align.NewPatch(coloured, crop, into, 2, 2, 1).Blend(a, 0)
	align.NewPatch(luma, crop, into, 2, 2, 1).Blend(b, 0)
	for i := range a.Pix {
		if d := sample(a, i) - sample(b, i); math.Abs(d) > 1 {
			t.Fatalf("coloured pasted on gray is %g off its luma", d)
		}
	}
	// The same patch, of one channel, on a colored image and on its red.
	colour, red := clone(coloured), imagedata.NewRaster(128, 128, 1, 8)
	for i := range red.Pix {
		red.Pix[i] = colour.Pix[3*i]
	}
	patch := align.NewPatch(luma, crop, into, 1.4, 1.4, 1)
	patch.Blend(colour, 0)
	patch.Blend(red, 0)
	for i := range red.Pix {
		if colour.Pix[3*i] != red.Pix[i] {
			t.Fatalf("gray pasted on colour gives %d, on gray %d", colour.Pix[3*i], red.Pix[i])
		}
	}
}

// The crop may have been made in another size than the restored square.
func TestCropOfAnotherSize(t *testing.T) {
	t.Parallel()
	plain, _, crop, into := scene(3, 8, 0.1)
	small := align.Crop(photoLike(90, 100, 3, 8), into.ScaleBy(0.5), 64)
	a, b := clone(plain), clone(plain)
	align.NewPatch(crop, crop, into, 2, 2, 1).Blend(a, 0)
	align.NewPatch(crop, small, into, 2, 2, 1).Blend(b, 0)
	for i := range a.Pix {
		if d := sample(a, i) - sample(b, i); math.Abs(d) > 2 {
			t.Fatalf("the colours are %g off", d)
		}
	}
}

func TestPatchOutsideAndEmpty(t *testing.T) {
	t.Parallel()
	plain, restored, crop, into := scene(3, 8, 0)
	for name, patch := range map[string]*align.Patch{
		"outside":       align.NewPatch(restored, crop, align.Transform{A: 1, X: 5000, Y: 1e9}, 2, 2, 1),
		"no inverse":    align.NewPatch(restored, crop, align.Transform{}, 2, 2, 1),
		"no scale":      align.NewPatch(restored, crop, into, 0, 2, 1),
		"bad scale":     align.NewPatch(restored, crop, into, 2, math.NaN(), 1),
		"nothing in it": align.NewPatch(imagedata.NewRaster(0, 0, 3, 8), imagedata.NewRaster(0, 0, 3, 8), into, 2, 2, 1),
	} {
		got := clone(plain)
		patch.Blend(got, 0)
		patch.Blend(got.Rows(0, 0), 7)
		if !equal(got, plain) {
			t.Errorf("%s: the picture changed", name)
		}
	}
}

// Inside its mask a patch leaves no pixel out: a face of black and white
// pixels changes every one of a gray image.
func TestTheWholeMaskIsPasted(t *testing.T) {
	t.Parallel()
	const size = 128
	flat := paint(size, size, 1, 16, func(_, _ float64, _ int) float64 { return 0.5 })
	checks := paint(size, size, 1, 16, func(x, y float64, _ int) float64 { return float64((int(x) + int(y)) % 2) })
	into := align.Transform{A: 1}
	got := clone(flat)
	align.NewPatch(checks, flat, into, 1, 1, 1).Blend(got, 0)
	for i, v := range got.Pix16 {
		// A mask that is a little smaller, because its edge is all but 0.
		x, y := (float64(i%size)+0.5)/size, (float64(i/size)+0.5)/size
		inside := math.Hypot((x-0.5)/0.42, (y-0.555)/0.44) < 0.98
		if inside && v == flat.Pix16[i] {
			t.Fatalf("(%d, %d) did not change", i%size, i/size)
		}
	}
}
