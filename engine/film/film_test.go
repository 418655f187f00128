package film_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pretended returns an engine whose model of radius 0 repeats pixels, and at scale 1
// changes nothing.
func pretended(t testing.TB, runtime *enginetest.Runtime, scale int) *engine.Engine {
	t.Helper()
	e := engine.New(engine.Options{Runtime: runtime, Library: enginetest.Library{Network: enginetest.Net(scale, 0)}})
	t.Cleanup(e.Close)
	return e
}

// tools skips the test on machines without ffmpeg.
func tools(t testing.TB) film.Tools {
	t.Helper()
	found, err := film.Find(t.Context(), "")
	if err != nil {
		t.Skip(err)
	}
	return found
}

// ffmpeg makes a film.
func ffmpeg(t testing.TB, folder string, arguments ...string) {
	t.Helper()
	run(t, folder, "ffmpeg", append([]string{"-v", "error", "-y"}, arguments...)...)
}

func run(t testing.TB, folder, name string, arguments ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	var said strings.Builder
	command.Dir, command.Stderr = folder, &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, arguments, err, said.String())
	}
	return out
}

// options returns those of a film that is upscaled by a model that changes nothing.
func options(t testing.TB, input, output string) film.Options {
	t.Helper()
	return film.Options{
		Tools: tools(t), Engine: pretended(t, &enginetest.Runtime{Streams: true}, 1), Input: input, Output: output,
		Coding: film.Coding{Quality: -1}, Limits: imagedata.DefaultLimits(), Chunk: 20,
		Publish: func(path string) error { return os.Rename(path, output) },
	}
}

// upscale upscales a film and checks that nothing but it is left.
func upscale(t testing.TB, o film.Options) engine.Result {
	t.Helper()
	result, err := film.Upscale(context.WithoutCancel(t.Context()), o)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(o.Output), ".*")); len(left) > 0 {
		t.Errorf("%q were left", left)
	}
	return result
}

// folder writes files and returns their folder.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// imageSink is an encode.Encoder that keeps the pixels.
type imageSink struct{ pixels []byte }

func (s *imageSink) BeginFrame(time.Duration) error { return nil }
func (s *imageSink) Close() error                   { return nil }
func (s *imageSink) WriteBand(color imagedata.Raster, _ *imagedata.Raster) error {
	s.pixels = append(s.pixels, color.Pix...)
	return nil
}

// A frame of a film is upscaled as an image of the same pixels is, bit for bit.
func TestFramesAreImages(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	ffmpeg(t, root, "-f", "lavfi", "-i", "testsrc2=s=30x20:r=5", "-frames:v", "6", "-c:v", "ffv1", "-pix_fmt", "gbrp", "a.mkv")
	ffmpeg(t, root, "-i", "a.mkv", "-pix_fmt", "rgb24", "%d.png")
	o := options(t, filepath.Join(root, "a.mkv"), filepath.Join(root, "b.mkv"))
	e := pretended(t, &enginetest.Runtime{Streams: true}, 3)
	o.Engine, o.Codec, o.Chunk = e, film.FFV1, 4
	if result := upscale(t, o); result.Output.Width != 90 || result.Output.Height != 60 || result.Output.Frames != 6 {
		t.Errorf("the film is %+v", result.Output)
	}
	got := run(t, root, "ffmpeg", "-v", "error", "-i", "b.mkv", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
	var want []byte
	for i := range 6 {
		var image imageSink
		data := run(t, root, "cat", fmt.Sprint(i+1, ".png"))
		if _, err := e.Upscale(t.Context(), engine.Request{Input: data, Encoder: &image, Output: io.Discard}); err != nil {
			t.Fatal(err)
		}
		want = append(want, image.pixels...)
	}
	if string(got) != string(want) {
		t.Error("frames of the film differ from the images")
	}
}
