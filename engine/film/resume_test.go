package film_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/film"
	"upscaled/models/fault"
)

// A film that is interrupted goes on after its last finished chunk, and its bytes are
// those of one that was not.
func TestResume(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	const frames, chunk = 30, 4
	ffmpeg(t, root, "-f", "lavfi", "-i", "mandelbrot=s=32x32:r=25", "-f", "lavfi", "-i", "sine", "-frames:v", "30", "-t", "1.2", "-c:a", "aac", "-c:v", "libx264", "a.mp4")
	undisturbed := options(t, filepath.Join(root, "a.mp4"), filepath.Join(root, "b.mp4"))
	undisturbed.Chunk = chunk
	upscale(t, undisturbed)
	want, err := os.ReadFile(undisturbed.Output)
	if err != nil {
		t.Fatal(err)
	}
	o := undisturbed
	var runs int64
	for _, stop := range []int64{3, 14, 10, 0} {
		ctx, cancel := context.WithCancel(t.Context())
		runtime := &enginetest.Runtime{Streams: true}
		runtime.Before = func(context.Context) error {
			if stop > 0 && runtime.Ran.Load() == stop {
				cancel()
			}
			return nil
		}
		o.Engine = pretended(t, runtime, 1)
		o.Output = filepath.Join(root, "c.mp4")
		o.Publish = func(path string) error { return os.Rename(path, o.Output) }
		var result engine.Result
		result, err = film.Upscale(ctx, o)
		if notes := strings.Join(result.Notes, " "); stop == 14 && !strings.Contains(notes, "the same command goes on") {
			t.Errorf("the interrupted run notes %q", notes)
		}
		if kind := fault.KindOf(err); stop > 0 && kind != fault.Canceled {
			t.Fatalf("an interrupted run ends with %q: %v", kind, err)
		}
		cancel()
		runs += runtime.Ran.Load()
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(o.Output)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the interrupted film differs: %d bytes of %d, %v", len(got), len(want), err)
	}
	// Each interruption loses at most the chunk in work and the one that its encoder
	// was finishing.
	if most := int64(frames + 3*2*chunk); runs < frames || runs > most {
		t.Errorf("%d frames were computed, of %d", runs, frames)
	}
	if left, _ := filepath.Glob(filepath.Join(root, ".*")); len(left) > 0 {
		t.Errorf("%q were left", left)
	}
}

// On the disk are the video, at most two chunks in work and, at the end, the film.
func TestDiskOfAFilm(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	ffmpeg(t, root, "-f", "lavfi", "-i", "mandelbrot=s=64x64:r=25", "-frames:v", "60", "-c:v", "libx264", "a.mp4")
	o := options(t, filepath.Join(root, "a.mp4"), filepath.Join(root, "b.mp4"))
	o.Chunk = 4
	folder := filepath.Join(root, ".b.mp4.upscaled-film")
	var mutex sync.Mutex
	most := 0
	look := func(allowed ...string) (bytes int64) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Error(err)
		}
		encoding := 0
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), "encoding-") {
				encoding++
			} else if !slices.Contains(allowed, entry.Name()) {
				t.Errorf("the folder has %s", entry.Name())
			}
			if info, err := entry.Info(); err == nil {
				bytes += info.Size()
			}
		}
		mutex.Lock()
		defer mutex.Unlock()
		most = max(most, encoding)
		return bytes
	}
	runtime := &enginetest.Runtime{Streams: true}
	runtime.Before = func(context.Context) error {
		look("film.json", "lock", "video", "journal")
		return nil
	}
	o.Engine = pretended(t, runtime, 1)
	publish := o.Publish
	o.Publish = func(path string) error {
		film, err := os.Stat(path)
		const slack = 8 << 10 // the journal, and what a container adds
		if all := look("film.json", "lock", "video", "journal", "joined"); err != nil || all > 2*film.Size()+slack {
			t.Errorf("the folder has %d bytes for a film of %d, %v", all, film.Size(), err)
		}
		return publish(path)
	}
	if upscale(t, o); most < 1 || most > 2 {
		t.Errorf("%d chunks were in work at once", most)
	}
}

// What a power cut has left behind the last whole line of the journal is dropped.
func TestTornJournal(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	ffmpeg(t, root, "-f", "lavfi", "-i", "mandelbrot=s=32x32:r=25", "-frames:v", "22", "a.mkv")
	o := options(t, filepath.Join(root, "a.mkv"), filepath.Join(root, "b.mkv"))
	o.Chunk = 4
	upscale(t, o)
	want, err := os.ReadFile(o.Output)
	if err != nil {
		t.Fatal(err)
	}
	publish := o.Publish
	o.Publish = func(string) error { return fault.New(fault.Invalid, "The disk is full.") }
	if _, err := film.Upscale(t.Context(), o); fault.Sentence(err) != "The disk is full." {
		t.Fatal(err)
	}
	folder := filepath.Join(root, ".b.mkv.upscaled-film")
	journal, err := os.ReadFile(filepath.Join(folder, "journal"))
	if err != nil || strings.Count(string(journal), "\n") != 6 {
		t.Fatalf("%q, %v", journal, err)
	}
	third := 0
	for range 3 {
		third += strings.IndexByte(string(journal[third:]), '\n') + 1
	}
	for name, damaged := range map[string]string{
		"torn": string(journal[:third+5]), "zeros": string(journal[:third]) + "\x00\x00\x00\n", "out of order": string(journal[:third]) + string(journal[:third]),
		"number cut off": string(journal[:third-1]), "empty": "",
	} {
		if err := os.WriteFile(filepath.Join(folder, "journal"), []byte(damaged), 0o666); err != nil {
			t.Fatal(err)
		}
		o.Publish = func(path string) error {
			got, err := os.ReadFile(path)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: the film differs: %d bytes of %d, %v", name, len(got), len(want), err)
			}
			return fault.New(fault.Invalid, "Not yet.")
		}
		if result, err := film.Upscale(t.Context(), o); fault.Sentence(err) != "Not yet." || name == "torn" && !strings.Contains(strings.Join(result.Notes, " "), "12 frames of an earlier run") {
			t.Errorf("%s: %q, %v", name, result.Notes, err)
		}
	}
	o.Publish = publish
	upscale(t, o)
}

// Chunks of another size, codec or film are not taken for those of this one.
func TestChunksOfOtherPlansAreDropped(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	ffmpeg(t, root, "-f", "lavfi", "-i", "mandelbrot=s=32x32:r=25", "-frames:v", "10", "a.mkv")
	o := options(t, filepath.Join(root, "a.mkv"), filepath.Join(root, "b.mkv"))
	o.Chunk = 4
	publish := o.Publish
	o.Publish = func(string) error { return fault.New(fault.Invalid, "The disk is full.") }
	if _, err := film.Upscale(t.Context(), o); fault.Sentence(err) != "The disk is full." {
		t.Fatal(err)
	}
	o.Publish, o.Request.Size = publish, engine.Size{Scale: 2}
	result := upscale(t, o)
	if notes := strings.Join(result.Notes, " "); strings.Contains(notes, "earlier run") || result.Output.Width != 64 {
		t.Errorf("the film of another size took chunks of the first: %q", notes)
	}
}

// A cut film has the frames from one time up to another, and begins at 0.
func TestFromTo(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	ffmpeg(t, root, "-f", "lavfi", "-i", "mandelbrot=s=32x32:r=10", "-f", "lavfi", "-i", "sine", "-t", "4", "-c:v", "libx264", "-c:a", "aac", "a.mkv")
	o := options(t, filepath.Join(root, "a.mkv"), filepath.Join(root, "b.mkv"))
	o.From, o.To = 1_050_000_000, 2_500_000_000
	upscale(t, o)
	out := run(t, root, "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts", "-of", "csv=p=0", "b.mkv")
	times := strings.Fields(strings.ReplaceAll(string(out), ",", ""))
	// The film begins with the priming of its sound, 23 ms before the first frame.
	if len(times) != 14 || times[0] != "73" || times[13] != "1373" {
		t.Errorf("the cut film's frames are at %q", times)
	}
	out = run(t, root, "ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "packet=pts", "-of", "csv=p=0", "b.mkv")
	sound := strings.Fields(strings.ReplaceAll(string(out), ",", ""))
	if len(sound) < 60 || len(sound) > 68 {
		t.Errorf("the cut film has %d packets of sound: %q", len(sound), sound)
	}
}
