package batch_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pngBytes is a PNG of the given size.
func pngBytes(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegBytes(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree writes files below a new folder and returns the folder.
func tree(t testing.TB, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// list returns the files below a folder, sorted, with slashes.
func list(t testing.TB, root string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(root, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(names)
	return names
}

// fakeEngine writes "made from" and the input's size. It can be made to block
// and to panic.
type fakeEngine struct {
	mu      sync.Mutex
	formats []imagedata.Format
	// entered receives a value when an image is half written, and then waits
	// for its context; nil does not block.
	entered chan struct{}
	panics  bool
}

func (f *fakeEngine) Upscale(ctx context.Context, r engine.Request) (engine.Result, error) {
	info, err := decode.Probe(r.Input, imagedata.Limits{})
	if err != nil {
		return engine.Result{}, err
	}
	f.mu.Lock()
	f.formats = append(f.formats, r.Format)
	f.mu.Unlock()
	if f.panics {
		panic("seam burst")
	}
	if _, err := r.Output.Write([]byte("made ")); err != nil {
		return engine.Result{}, err
	}
	if f.entered != nil {
		f.entered <- struct{}{}
		<-ctx.Done()
		return engine.Result{}, fault.Wrap(fault.Canceled, ctx.Err(), "The operation was canceled.")
	}
	r.Progress(engine.Progress{Done: 1, Total: 1})
	out := info
	out.Width, out.Height, out.Format = 4*info.Width, 4*info.Height, r.Format
	_, err = r.Output.Write([]byte("whole"))
	return engine.Result{Input: info, Output: out, Model: "fake"}, err
}

func (f *fakeEngine) Describe(_ context.Context, r engine.Request) (engine.Result, error) {
	info, err := decode.Probe(r.Input, imagedata.Limits{})
	out := info
	out.Width, out.Height = 4*info.Width, 4*info.Height
	return engine.Result{Input: info, Output: out, Model: "fake"}, err
}

// log is an Observer that remembers.
type log struct {
	started  []int
	finished map[int]batch.Outcome
	progress int
}

func (l *log) Started(index int, _ batch.Job)      { l.started = append(l.started, index) }
func (l *log) Progressed(int, engine.Progress)     { l.progress++ }
func (l *log) Finished(index int, o batch.Outcome) { l.finished[index] = o }
func newLog() *log                                 { return &log{finished: make(map[int]batch.Outcome)} }

// jobs plans arguments or fails the test.
func jobs(t testing.TB, out string, format imagedata.Format, how batch.Expansion, arguments ...string) ([]batch.Job, batch.Selection) {
	t.Helper()
	selection, err := batch.Expand(context.Background(), arguments, how)
	if err != nil {
		t.Fatal(err)
	}
	naming, err := batch.NewNaming(out, format, selection)
	if err != nil {
		t.Fatal(err)
	}
	planned, err := batch.Plan(selection, naming)
	if err != nil {
		t.Fatal(err)
	}
	return planned, selection
}

func paths(inputs []batch.Input) string {
	var names []string
	for _, in := range inputs {
		names = append(names, filepath.ToSlash(in.Relative))
	}
	return strings.Join(names, " ")
}
