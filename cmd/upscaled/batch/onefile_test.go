package batch_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
)

// scan writes a TIFF file of pages of several kinds, each of another size and
// resolution.
func scan(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	o := encode.Options{Format: imagedata.TIFF, Pages: new(encode.Pages)}
	for i, kind := range []struct{ width, height, channels, depth int }{{9, 5, 3, 8}, {4, 12, 1, 16}, {7, 7, 1, 8}} {
		page := imagedata.NewRaster(kind.width, kind.height, kind.channels, kind.depth)
		for at := range page.Pix {
			page.Pix[at] = uint8(at * 37)
		}
		for at := range page.Pix16 {
			page.Pix16[at] = uint16(at * 9973)
		}
		h := encode.Header{Width: kind.width, Height: kind.height, Channels: kind.channels, Depth: kind.depth, Frames: 1}
		h.Meta.Resolution = imagedata.Resolution{X: float64(100 * (i + 1)), Y: 100}
		e, err := encode.New(file, h, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{e.BeginFrame(0), e.WriteBand(page, nil), e.Close()} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func realEngine(t *testing.T) *engine.Engine {
	e := engine.New(engine.Options{Runtime: &enginetest.Runtime{}, Library: enginetest.Library{Network: enginetest.Net(4, 2)}})
	t.Cleanup(e.Close)
	return e
}

// made upscales a file with a choice of pages, and returns the outcomes.
func made(t *testing.T, o batch.Options, out string, page int, input string) []batch.Outcome {
	t.Helper()
	planned, _ := jobs(t, out, "", batch.Expansion{Page: page}, input)
	return batch.Run(context.Background(), planned, o, newLog())
}

func decoded(t *testing.T, path string, page int) (imagedata.Info, imagedata.Frame) {
	t.Helper()
	d, err := decode.OpenPage([]byte(content(t, path)), page, imagedata.Limits{})
	var frame imagedata.Frame
	if err == nil {
		frame, err = d.Next()
	}
	if err != nil {
		t.Fatal(err)
	}
	return d.Info(), frame
}

// TestPagesOfOneFile compares each page of one output with the page made alone.
func TestPagesOfOneFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	scan(t, at("scan.tif"))
	o := options(realEngine(t))
	last := 0.0
	planned, _ := jobs(t, at("all.tif"), "", batch.Expansion{Page: batch.AllPages}, at("scan.tif"))
	all := batch.Run(context.Background(), planned, o, &watching{log: newLog(), seen: func(p engine.Progress) {
		if part := float64(p.Done) / float64(p.Total); part < last || part > 1 {
			t.Errorf("progress goes from %v to %v", last, part)
		} else {
			last = part
		}
	}})
	if len(all) != 1 || all[0].Err != nil || last != 1 || all[0].Result.Output.Width != 36 {
		t.Fatalf("%+v, progress %v", all, last)
	}
	for _, outcome := range made(t, o, at("each")+"/", batch.EachPage, at("scan.tif")) {
		if outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
	}
	if pages := decode.Pages([]byte(content(t, at("all.tif")))); pages != 3 {
		t.Fatalf("%d pages", pages)
	}
	for page := 1; page <= 3; page++ {
		got, pixels := decoded(t, at("all.tif"), page)
		want, alone := decoded(t, fmt.Sprintf("%s/scan-%d.tif", at("each"), page), 0)
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(pixels, alone) || got.Meta.Resolution.X != float64(100*page) {
			t.Errorf("page %d: %+v, alone %+v", page, got, want)
		}
	}
}

type watching struct {
	*log
	seen func(engine.Progress)
}

func (w *watching) Progressed(_ int, p engine.Progress) { w.seen(p) }

// failing refuses the second page.
type failing struct{ film.Engine }

func (f failing) Upscale(ctx context.Context, r engine.Request) (engine.Result, error) {
	if r.Page == 2 {
		r.Input = r.Input[:len(r.Input)/2]
	}
	return f.Engine.Upscale(ctx, r)
}

// A page that fails leaves no output, and is named.
func TestPageThatFails(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	scan(t, filepath.Join(folder, "scan.tif"))
	got := made(t, options(failing{realEngine(t)}), filepath.Join(folder, "all.tif"), batch.AllPages, filepath.Join(folder, "scan.tif"))
	if got[0].Status != batch.Failed || !strings.HasPrefix(got[0].Err.Error(), "Page 2: ") {
		t.Errorf("%+v", got[0])
	}
	if names := strings.Join(list(t, folder), " "); names != "scan.tif" {
		t.Errorf("the folder holds %s", names)
	}
}

func TestReplaceAllPages(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "scan.tif")
	scan(t, path)
	selection, err := batch.Expand(context.Background(), []string{path}, batch.Expansion{Page: batch.AllPages})
	if err != nil {
		t.Fatal(err)
	}
	planned, err := batch.Plan(selection, batch.InPlace())
	if err != nil {
		t.Fatal(err)
	}
	if got := batch.Run(context.Background(), planned, replacing(realEngine(t)), newLog()); got[0].Err != nil {
		t.Fatal(got[0].Err)
	}
	if info, _ := decoded(t, path, 3); info.Width != 28 || decode.Pages([]byte(content(t, path))) != 3 {
		t.Errorf("page 3 is %+v", info)
	}
}
