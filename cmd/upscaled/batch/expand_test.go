package batch_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

func expand(t *testing.T, how batch.Expansion, arguments ...string) batch.Selection {
	t.Helper()
	selection, err := batch.Expand(context.Background(), arguments, how)
	if err != nil {
		t.Fatal(err)
	}
	return selection
}

func photoTree(t *testing.T) string {
	return tree(t, map[string][]byte{
		"b.jpg": jpegBytes(t, 3, 2), "a.png": pngBytes(t, 2, 2), "noextension": pngBytes(t, 1, 1),
		"notes.txt": []byte("hello there"), "broken.jpg": []byte("not an image"), "empty.png": {},
		".DS_Store": {1}, "Thumbs.db": {1}, "desktop.ini": {1}, "._a.png": {1}, ".upscaled-ABC.tmp": {1},
		"b.upscaled.jpg": jpegBytes(t, 12, 8),
		"sub/c.png":      pngBytes(t, 2, 2), "sub/deep/d.png": pngBytes(t, 2, 2), "out/old.png": pngBytes(t, 2, 2),
	})
}

func TestFolder(t *testing.T) {
	t.Parallel()
	root := photoTree(t)
	flat := expand(t, batch.Expansion{}, root)
	if got := paths(flat.Inputs); got != "a.png b.jpg noextension" {
		t.Errorf("a folder gave %q", got)
	}
	deep := expand(t, batch.Expansion{Recursive: true, Skip: filepath.Join(root, "out")}, root)
	if got := paths(deep.Inputs); got != "a.png b.jpg noextension sub/c.png sub/deep/d.png" {
		t.Errorf("a folder and its folders gave %q", got)
	}
	if len(deep.Failures) != 2 {
		t.Errorf("files that claim to be images are failures, got %v", deep.Failures)
	}
	// notes.txt, five kinds of junk, an earlier output and the skipped folder.
	if len(deep.Notes) != 8 {
		t.Errorf("%d notes: %v", len(deep.Notes), deep.Notes)
	}
}

func TestNamedFileMustBeAnImage(t *testing.T) {
	t.Parallel()
	root := photoTree(t)
	named := expand(t, batch.Expansion{}, filepath.Join(root, "notes.txt"), filepath.Join(root, "missing.png"),
		filepath.Join(root, "empty.png"), filepath.Join(root, "b.upscaled.jpg"))
	if len(named.Failures) != 3 || len(named.Inputs) != 1 {
		t.Fatalf("failures %v, inputs %v", named.Failures, named.Inputs)
	}
	if kind := fault.KindOf(named.Failures[1].Err); kind != fault.NotFound {
		t.Errorf("a missing file is %s", kind)
	}
	if named.Inputs[0].Format != imagedata.JPEG {
		t.Errorf("format %q", named.Inputs[0].Format)
	}
}

func TestGlobAndRepetition(t *testing.T) {
	t.Parallel()
	root := photoTree(t)
	found := expand(t, batch.Expansion{}, filepath.Join(root, "?.???"), filepath.Join(root, "a.png"),
		filepath.Join(root, "*.gone"), filepath.Join(root, "[x"))
	if got := paths(found.Inputs); got != "a.png b.jpg" {
		t.Errorf("the glob gave %q", got)
	}
	if len(found.Failures) != 2 || !found.Folder {
		t.Errorf("a pattern without match and a malformed one are failures: %v", found.Failures)
	}
	if len(found.Notes) != 1 || !strings.Contains(found.Notes[0].Message, "more than once") {
		t.Errorf("notes %v", found.Notes)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"real/a.png": pngBytes(t, 1, 1)})
	link := filepath.Join(root, "link")
	if err := os.Symlink(filepath.Join(root, "real"), link); err != nil {
		t.Skipf("no links here: %v", err)
	}
	if err := os.Symlink(root, filepath.Join(root, "real", "circle")); err != nil {
		t.Fatal(err)
	}
	found := expand(t, batch.Expansion{Recursive: true}, link)
	if got := paths(found.Inputs); got != "a.png" {
		t.Errorf("a link to a folder gave %q", got)
	}
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	found := expand(t, batch.Expansion{Stdin: bytes.NewReader(pngBytes(t, 5, 5))}, "-", "-")
	if len(found.Inputs) != 1 || found.Inputs[0].Format != imagedata.PNG || len(found.Notes) != 1 {
		t.Errorf("inputs %v, notes %v", found.Inputs, found.Notes)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := batch.Expand(ctx, []string{"-"}, batch.Expansion{Stdin: bytes.NewReader(nil)}); fault.KindOf(err) != fault.Canceled {
		t.Errorf("an interrupted search gave %v", err)
	}
}
