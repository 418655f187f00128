package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
)

// unhurriedProgram is the whole program on an engine that takes a while for each of
// many tiles, as a processor does, so that the page has progress to show.
func unhurriedProgram(s streams, lookupEnv func(string) (string, bool)) *app {
	a := newApp(s, lookupEnv)
	a.openUpscaler = func(_ context.Context, limits imagedata.Limits) (upscaler, error) {
		const tile = 60 * time.Millisecond
		net := enginetest.Net(4, 4)
		net.Description.BytesPerPixel = 1000
		made := pretendEngine{engine.New(engine.Options{
			Library: enginetest.Library{Network: net}, Limits: limits, Faces: pretendFaces{}, TileMemory: 64 << 20,
			Runtime: &enginetest.Runtime{Before: func(ctx context.Context) error {
				timer := time.NewTimer(tile)
				defer timer.Stop()
				select {
				case <-timer.C:
				case <-ctx.Done():
				}
				return ctx.Err()
			}},
		})}
		a.onClose(func() error { made.Close(); return nil })
		return made, nil
	}
	return a
}

// The page in Chromium on the whole server: dropped pictures, progress,
// comparing at true pixels, downloads that equal the API's, keys, axe.
// server/web has the same on a pretend server with more states.
func TestPageInBrowser(t *testing.T) {
	folder := os.Getenv("UPSCALED_BROWSER")
	if folder == "" {
		t.Skip("UPSCALED_BROWSER is not set: see scripts/browser")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	open := serve(t, unhurriedProgram)
	data := t.TempDir()
	key := keys(t, data, "new", "page", "--credits", "1000")
	guarded := serve(t, unhurriedProgram, "--data", data)
	command := exec.CommandContext(t.Context(), "node", "--test", "--test-timeout=180000")
	command.Dir = filepath.Join(repository, "server", "web", "browser")
	command.Env = append(os.Environ(), "UPSCALED_BROWSER_MODULES="+folder, "UPSCALED_KEY="+key,
		"UPSCALED_URL="+open.url+"/", "UPSCALED_GUARDED_URL="+guarded.url+"/")
	if said, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}
