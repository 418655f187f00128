//go:build e2e

package film_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
)

// shown is a decoded animation: when each frame begins, when the last one ends, and their
// samples.
type shown struct {
	times  []time.Duration
	frames [][]byte
}

func animation(t *testing.T, path string) (imagedata.Info, shown) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	images, err := decode.Open(data, imagedata.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	s, at := shown{}, time.Duration(0)
	for {
		frame, err := images.Next()
		if err == io.EOF {
			s.times = append(s.times, at)
			return images.Info(), s
		}
		if err != nil {
			t.Fatal(err)
		}
		s.times, s.frames, at = append(s.times, at), append(s.frames, frame.Color.Pix), at+frame.Delay
	}
}

// A film becomes an animated image with the same frames at the same times, as far as its
// format states them.
func TestFilmsBecomeAnimations(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	ffmpeg(t, root, "-f", "lavfi", "-i", "mandelbrot=s=30x20:r=30", "-f", "lavfi", "-i", "sine", "-vf", `select=not(mod(n\,2))+not(mod(n\,5))`, "-fps_mode", "vfr",
		"-t", "1", "-c:v", "ffv1", "-pix_fmt", "bgr0", "a.mkv")
	want := probe(t, filepath.Join(root, "a.mkv")).times()
	raw := run(t, root, "ffmpeg", "-v", "error", "-i", "a.mkv", "-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
	for name, precise := range map[string]time.Duration{"a.png": time.Microsecond, "b.apng": time.Microsecond, "a.webp": time.Millisecond / 2, "a.gif": 5 * time.Millisecond} {
		o := options(t, filepath.Join(root, "a.mkv"), filepath.Join(root, name))
		o.Chunk, o.Request.Lossless = 7, strings.HasSuffix(name, "webp")
		result := upscale(t, o)
		info, got := animation(t, o.Output)
		if notes := strings.Join(result.Notes, " "); !strings.Contains(notes, "Sound and other streams were left out") || result.Output.Format != info.Format {
			t.Errorf("%s: %s, %q", name, result.Output.Format, notes)
		}
		if len(got.frames) != len(want) || info.Loop != 0 || result.Output.Frames != len(want) {
			t.Fatalf("%s has %d frames of %d, and is shown %d times", name, len(got.frames), len(want), info.Loop)
		}
		for i, text := range want {
			at, err := time.ParseDuration(text + "s")
			start, _ := time.ParseDuration(want[0] + "s") // of the film; an animation begins at 0
			if at -= start; err != nil {
				t.Fatal(err)
			}
			if off := (got.times[i] - at).Abs(); off > precise+time.Millisecond { // Matroska has milliseconds
				t.Errorf("%s: frame %d is shown at %v in place of %v", name, i, got.times[i], at)
			}
			if one := raw[i*30*20*3:][:30*20*3]; info.Format != imagedata.GIF && !bytes.Equal(got.frames[i], one) {
				t.Errorf("%s: frame %d has other pixels", name, i)
			}
		}
	}
}

// Frames that browsers would show for longer are left out, so that the film keeps its
// pace, and frames that do not change are one.
func TestPaceOfAnimations(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	ffmpeg(t, root, "-f", "lavfi", "-i", "testsrc2=s=32x32:r=60,noise=alls=20:allf=t", "-t", "2", "-c:v", "ffv1", "fast.mkv")
	ffmpeg(t, root, "-f", "lavfi", "-i", "color=red:s=16x16:r=10", "-t", "3", "-c:v", "ffv1", "still.mkv")
	for _, c := range []struct {
		name, note  string
		least, most int
		length      time.Duration
	}{{"fast.mkv", "GIF files hold at most 50 in a second", 70, 100, 2 * time.Second}, {"still.mkv", "computed once", 2, 2, 3 * time.Second}} {
		o := options(t, filepath.Join(root, c.name), filepath.Join(root, c.name+".gif"))
		result := upscale(t, o)
		_, got := animation(t, o.Output)
		if n := len(got.frames); n < c.least || n > c.most || !strings.Contains(strings.Join(result.Notes, " "), c.note) {
			t.Errorf("%s has %d frames, %q", c.name, n, result.Notes)
		}
		if end := got.times[len(got.times)-1]; (end - c.length).Abs() > 20*time.Millisecond {
			t.Errorf("%s lasts %v", c.name, end)
		}
		for i := range got.frames {
			if step := got.times[i+1] - got.times[i]; step < 20*time.Millisecond {
				t.Errorf("%s: frame %d is shown for %v", c.name, i, step)
			}
		}
	}
}

// animate writes an animated image of some frames, with alpha.
func animate(t *testing.T, path string, format imagedata.Format, delays ...time.Duration) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const side = 16
	whole, err := encode.New(file, encode.Header{Width: side, Height: side, Channels: 3, Depth: 8, Alpha: true, Frames: len(delays)}, encode.Options{Format: format, Lossless: format == imagedata.WebP})
	for i, delay := range delays {
		color, alpha := imagedata.NewRaster(side, side, 3, 8), imagedata.NewRaster(side, side, 1, 8)
		for at := range color.Pix {
			color.Pix[at] = uint8(at*7 + i*40)
		}
		for at := range alpha.Pix {
			alpha.Pix[at] = 255 * uint8((at+i)%2)
		}
		err = errors.Join(err, whole.BeginFrame(delay), whole.WriteBand(color, &alpha))
	}
	if err := errors.Join(err, whole.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// Animated images become films with their exact times, and with alpha where the film has
// one. ffmpeg reads no animated WebP.
func TestAnimationsBecomeFilms(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	delays := []time.Duration{40 * time.Millisecond, 120 * time.Millisecond, 60 * time.Millisecond, 200 * time.Millisecond}
	want := []string{"0.000000", "0.040000", "0.160000", "0.220000"}
	for _, format := range []imagedata.Format{imagedata.WebP, imagedata.PNG, imagedata.GIF} {
		input := filepath.Join(root, "a."+string(format))
		animate(t, input, format, delays...)
		for _, name := range []string{"a.webm", "a.mp4", "a.mkv"} {
			o := options(t, input, filepath.Join(root, string(format)+name))
			if o.Chunk = 3; name == "a.mkv" {
				o.Codec = film.FFV1
			}
			result := upscale(t, o)
			found := probe(t, o.Output)
			if got := found.times(); !slices.Equal(got, want) {
				t.Errorf("%s as %s has frames at %q", format, name, got)
			}
			if white := strings.Contains(strings.Join(result.Notes, " "), "laid on white"); white != (name == "a.mp4") {
				t.Errorf("%s as %s: %q", format, name, result.Notes)
			}
			if name != "a.mkv" || format == imagedata.GIF {
				continue
			}
			_, before := animation(t, input)
			raw := run(t, root, "ffmpeg", "-v", "error", "-i", o.Output, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-")
			for i, frame := range before.frames {
				for at, v := range frame { // colors of transparent pixels do not matter
					if pixel := raw[i*1024+at/3*4:]; pixel[3] != 255*uint8((at/3+i)%2) || pixel[3] > 0 && pixel[at%3] != v {
						t.Fatalf("%s: pixel %d of frame %d became %v", format, at/3, i, pixel[:4])
					}
				}
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "upscaled-*.png")); len(left) > 0 {
		t.Errorf("%q were left", left)
	}
}

// An image that does not move is no film, an animation has no video codec, and encoders
// have limits.
func TestImpossibleOutputs(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	animate(t, filepath.Join(root, "still.webp"), imagedata.WebP, 0)
	animate(t, filepath.Join(root, "a.webp"), imagedata.WebP, time.Second, time.Second)
	large := filepath.Join(root, "large.webp")
	if err := errors.Join(os.WriteFile(large, []byte("RIFF....WEBP"), 0o600), os.Truncate(large, 1<<30)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		input, output, want string
		coding              film.Coding
		size                engine.Size
	}{
		{"still.webp", "a.mp4", "is not animated", film.Coding{Quality: -1}, engine.Size{}},
		{"large.webp", "a.mp4", "at most 256 MiB", film.Coding{Quality: -1}, engine.Size{}},
		{"a.webp", "a.gif", "GIF has no video codec", film.Coding{Quality: 20}, engine.Size{}},
		{"a.webp", "a.png", "PNG has no video codec", film.Coding{Quality: -1, Codec: film.H264}, engine.Size{}},
		{"a.webp", "b.webp", "limited to 16383", film.Coding{Quality: -1}, engine.Size{Width: 17000, Height: 16}},
		{"a.webp", "a.mkv", "a side of av1 has at least 64", film.Coding{Quality: -1, Codec: film.AV1}, engine.Size{}},
		{"a.webp", "a.mp4", "has at most 16384", film.Coding{Quality: -1}, engine.Size{Width: 20000, Height: 16}},
		{"a.webp", "a.jpg", "cannot be written as .jpg", film.Coding{Quality: -1}, engine.Size{}},
	} {
		o := options(t, filepath.Join(root, c.input), filepath.Join(root, c.output))
		o.Coding, o.Request.Size, o.Engine = c.coding, c.size, pretended(t, &enginetest.Runtime{Streams: true}, 1)
		if _, err := film.Upscale(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: %v", c.input, c.output, err)
		}
	}
}
