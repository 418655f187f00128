package batch_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine"
	"upscaled/engine/film"
)

// inPlace plans the replacement of images.
func inPlace(t *testing.T, arguments ...string) []batch.Job {
	t.Helper()
	selection, err := batch.Expand(context.Background(), arguments, batch.Expansion{})
	if err != nil {
		t.Fatal(err)
	}
	planned, err := batch.Plan(selection, batch.InPlace())
	if err != nil {
		t.Fatal(err)
	}
	return planned
}

func replacing(e film.Engine) batch.Options {
	o := options(e)
	o.Overwrite = true
	return o
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// An original keeps its permissions, and a link to it stays one.
func TestReplace(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"a.png": pngBytes(t, 1, 1), "real/b.png": pngBytes(t, 1, 1)})
	a, link, b := filepath.Join(root, "a.png"), filepath.Join(root, "link.png"), filepath.Join(root, "real", "b.png")
	if err := os.Chmod(a, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(b, link); err != nil {
		t.Skip(err)
	}
	for _, outcome := range batch.Run(context.Background(), inPlace(t, a, link), replacing(&fakeEngine{}), newLog()) {
		if outcome.Err != nil {
			t.Error(outcome.Err)
		}
	}
	if content(t, a) != "made whole" || content(t, b) != "made whole" {
		t.Error("an original was not replaced")
	}
	if info, err := os.Stat(a); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if got := strings.Join(list(t, root), " "); got != "a.png link.png real/b.png" {
		t.Errorf("the folder holds %s", got)
	}
}

// An interrupted replacement leaves the original.
func TestReplaceKeepsTheOriginal(t *testing.T) {
	t.Parallel()
	original := pngBytes(t, 1, 1)
	root := tree(t, map[string][]byte{"a.png": original})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	e := &fakeEngine{entered: make(chan struct{})}
	go func() {
		<-e.entered
		stop()
	}()
	path := filepath.Join(root, "a.png")
	if got := batch.Run(ctx, inPlace(t, path), replacing(e), newLog()); got[0].Status != batch.Canceled {
		t.Errorf("%+v", got[0])
	}
	if content(t, path) != string(original) || len(list(t, root)) != 1 {
		t.Errorf("the folder holds %v", list(t, root))
	}
}

// editing changes its input's file while it upscales.
type editing struct {
	fakeEngine
	path string
}

func (e *editing) Upscale(ctx context.Context, r engine.Request) (engine.Result, error) {
	if err := os.WriteFile(e.path, []byte("edited by somebody"), 0o666); err != nil {
		return engine.Result{}, err
	}
	return e.fakeEngine.Upscale(ctx, r)
}

func TestReplaceKeepsWhatChanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tree(t, map[string][]byte{"a.png": pngBytes(t, 1, 1)}), "a.png")
	got := batch.Run(context.Background(), inPlace(t, path), replacing(&editing{path: path}), newLog())
	if got[0].Status != batch.Failed || content(t, path) != "edited by somebody" {
		t.Errorf("%+v", got[0])
	}
}

func TestReplaceKeepsPages(t *testing.T) {
	t.Parallel()
	pages := pagedTIFF(t)
	path := filepath.Join(tree(t, map[string][]byte{"a.tif": pages}), "a.tif")
	got := batch.Run(context.Background(), inPlace(t, path), replacing(&fakeEngine{}), newLog())
	if got[0].Status != batch.Failed || content(t, path) != string(pages) {
		t.Errorf("%+v", got[0])
	}
}

// A dry run knows the sizes, writes nothing and finds what would fail.
func TestDryRun(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"a.png": pngBytes(t, 3, 2), "b.png": pngBytes(t, 3, 2)[:20], "c.png": pngBytes(t, 1, 1), "c.upscaled.png": nil})
	planned, _ := jobs(t, "", "", batch.Expansion{}, root)
	o := options(&fakeEngine{})
	o.DryRun, o.SkipExisting = true, true
	got := batch.Run(context.Background(), planned, o, newLog())
	if got[0].Status != batch.Planned || got[0].Result.Output.Width != 12 || got[1].Status != batch.Failed || got[2].Status != batch.Skipped {
		t.Errorf("%+v", got)
	}
	if names := strings.Join(list(t, root), " "); names != "a.png b.png c.png c.upscaled.png" {
		t.Errorf("the folder holds %s", names)
	}
}
