package film_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"upscaled/engine/film"
)

// A film that is upscaled in parts, in any order, has the bytes of one that is upscaled
// in one go, also if times are missing, odd or found by decoding from the beginning only.
func TestOddFilmsInParts(t *testing.T) {
	t.Parallel()
	tools(t)
	if testing.Short() {
		t.Skip("it makes many films")
	}
	for _, c := range []struct{ name, arguments string }{
		{"a.mp4", "-f lavfi -i mandelbrot=s=32x32:r=6 -f lavfi -i sine=r=8000 -t 20 -c:v libx264 -g 20 -bf 3 -c:a aac"},
		{"open.mkv", "-f lavfi -i mandelbrot=s=32x32:r=6 -t 20 -c:v libx264 -x264-params open-gop=1:keyint=15"},
		{"variable.webm", "-f lavfi -i testsrc2=s=32x32:r=8 -t 20 -vf select='not(mod(n\\,7))+not(mod(n\\,5))' -fps_mode vfr -c:v libvpx-vp9 -deadline realtime"},
		{"interlaced.mkv", "-f lavfi -i testsrc2=s=32x32:r=10 -t 20 -vf interlace,setfield=tff -c:v mpeg2video -flags +ilme+ildct"},
		{"late.ts", "-f lavfi -i testsrc2=s=32x32:r=6 -t 20 -c:v libx264 -bf 3"},
		{"old.avi", "-f lavfi -i testsrc2=s=32x32:r=6 -t 20 -c:v mpeg4 -bf 2"},
		{"raw.y4m", "-f lavfi -i testsrc2=s=32x32:r=6 -t 12"},
		{"moving.gif", "-f lavfi -i testsrc2=s=32x32:r=6 -t 16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			ffmpeg(t, root, append(strings.Fields(c.arguments), c.name)...)
			o := options(t, filepath.Join(root, c.name), filepath.Join(root, "whole.mkv"))
			o.Chunk = 40
			whole := upscale(t, o)
			inParts(t, o, whole.Output.Frames)
			if c.name != "a.mp4" {
				return
			}
			o.From, o.To, o.Output = 3*time.Second, 11*time.Second, filepath.Join(root, "cut.mkv")
			o.Publish = func(path string) error { return os.Rename(path, o.Output) }
			inParts(t, o, upscale(t, o).Output.Frames)
			o.Output = filepath.Join(root, "cut.gif")
			inParts(t, o, upscale(t, o).Output.Frames)
		})
	}
}

// inParts compares an upscaled film with its parts.
func inParts(t *testing.T, o film.Options, frames int) {
	t.Helper()
	parts, split, err := film.Split(t.Context(), o)
	if err != nil || split.Input.Frames != frames {
		t.Fatalf("%d of %d frames: %v", split.Input.Frames, frames, err)
	}
	chunks := make([]bytes.Buffer, len(parts))
	for _, i := range rand.Perm(len(parts)) {
		result, err := film.UpscalePart(t.Context(), o, parts[i], &chunks[i])
		if err != nil || result.Input.Frames != len(parts[i].Frames) || result.Output.Frames > result.Input.Frames {
			t.Fatalf("part %d: %d frames, %d computed: %v", i, result.Input.Frames, result.Output.Frames, err)
		}
	}
	joined := o.Output + ".joined"
	open := func(i int) (io.ReadCloser, error) { return io.NopCloser(&chunks[i]), nil }
	if _, err := film.Join(t.Context(), o, parts[0].Start, len(parts), open, joined); err != nil {
		t.Fatal(err)
	}
	got, errGot := os.ReadFile(joined)
	want, errWant := os.ReadFile(o.Output)
	if errGot != nil || errWant != nil || !slices.Equal(got, want) {
		t.Errorf("%d parts make a film of %d bytes, another one than in one go (%d)", len(parts), len(got), len(want))
	}
}
