package batch_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/tiff"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine/imagedata"
)

// pagedTIFF has two pages of the same pixels.
func pagedTIFF(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tiff.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2)), nil); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	first := binary.LittleEndian.Uint32(data[4:])
	end := first + 2 + 12*uint32(binary.LittleEndian.Uint16(data[first:]))
	page := bytes.Clone(data[first : end+4])
	if len(data)%2 == 1 {
		data = append(data, 0)
	}
	binary.LittleEndian.PutUint32(data[end:], uint32(len(data)))
	return append(data, page...)
}

func TestPages(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"scan.tif": pagedTIFF(t), "a.png": pngBytes(t, 1, 1)})
	for page, want := range map[int]string{0: "a.png scan.tif", 2: "a.png scan.tif", batch.AllPages: "a.png scan.tif", batch.EachPage: "a.png scan-1.tif scan-2.tif"} {
		planned, _ := jobs(t, filepath.Join(root, "out"), "", batch.Expansion{Page: page}, root)
		var names []string
		for _, job := range planned {
			names = append(names, filepath.Base(job.Output))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("page %d: %s", page, got)
		}
		if last := planned[len(planned)-1].Input.Page; last != map[int]int{2: 2, batch.EachPage: 2}[page] {
			t.Errorf("page %d: the last input is page %d", page, last)
		}
	}
	planned, _ := jobs(t, filepath.Join(root, "out"), imagedata.PNG, batch.Expansion{Page: batch.AllPages}, filepath.Join(root, "scan.tif"))
	if len(planned) != 2 || filepath.Base(planned[1].Output) != "scan-2.png" {
		t.Errorf("two pages as PNG: %+v", planned)
	}
}

func TestHiddenFolders(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{
		"a.png": pngBytes(t, 1, 1), "@eaDir/a.png/THUMB.png": pngBytes(t, 1, 1), ".thumbnails/b.png": pngBytes(t, 1, 1),
		"sub/c.png": pngBytes(t, 1, 1),
	})
	if got := paths(expand(t, batch.Expansion{Recursive: true}, root).Inputs); got != "a.png sub/c.png" {
		t.Errorf("without hidden ones: %s", got)
	}
	if got := expand(t, batch.Expansion{Recursive: true, Hidden: true}, root).Inputs; len(got) != 4 {
		t.Errorf("with hidden ones: %v", got)
	}
}

// TestShellPatternSkipsOutputs has a shell's expansion of *.png.
func TestShellPatternSkipsOutputs(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"a.png": pngBytes(t, 1, 1), "a.upscaled.png": pngBytes(t, 1, 1), "b.upscaled.png": pngBytes(t, 1, 1)})
	at := func(name string) string { return filepath.Join(root, name) }
	found := expand(t, batch.Expansion{}, at("a.png"), at("a.upscaled.png"), at("b.upscaled.png"))
	if got := paths(found.Inputs); got != "a.png b.upscaled.png" || len(found.Notes) != 1 {
		t.Errorf("%s, notes %v", got, found.Notes)
	}
}

func TestInputExtensionTellsApart(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"IMG.jpg": jpegBytes(t, 1, 1), "IMG.png": pngBytes(t, 1, 1)})
	planned, _ := jobs(t, filepath.Join(root, "{name}-{inext}.{ext}"), "webp", batch.Expansion{}, root)
	if a, b := filepath.Base(planned[0].Output), filepath.Base(planned[1].Output); a != "IMG-jpg.webp" || b != "IMG-png.webp" {
		t.Errorf("%s and %s", a, b)
	}
}

func TestKeepTimes(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"a.png": pngBytes(t, 1, 1)})
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(root, "a.png"), then, then); err != nil {
		t.Fatal(err)
	}
	planned, _ := jobs(t, filepath.Join(root, "out"), "", batch.Expansion{}, root)
	o := options(&fakeEngine{})
	o.KeepTimes = true
	if outcomes := batch.Run(context.Background(), planned, o, newLog()); outcomes[0].Err != nil {
		t.Fatal(outcomes[0].Err)
	}
	if info, err := os.Stat(filepath.Join(root, "out", "a.png")); err != nil || !info.ModTime().Equal(then) {
		t.Errorf("%v, %v", info.ModTime(), err)
	}
}
