package upscaler_test

import (
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"log"
	"os"
	"path/filepath"
	"testing"

	"upscaled/engine/upscaler"
	"upscaled/models"
)

// TestMain runs the examples in a folder that has the images they name. Like all
// tests of real models, they are skipped if those are not installed.
func TestMain(m *testing.M) {
	flag.Parse()
	code, err := runInFolder(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runInFolder(m *testing.M) (int, error) {
	installed, err := examplesCanRun()
	if err != nil {
		return 0, err
	}
	if !installed {
		fmt.Fprintln(os.Stderr, "examples are skipped: scripts/test installs ONNX Runtime and the models")
		if err := flag.Set("test.skip", "^Example"); err != nil {
			return 0, err
		}
	}
	folder, err := os.MkdirTemp("", "upscaler-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	if err := os.Chdir(folder); err != nil {
		return 0, err
	}
	for i, name := range []string{"first.jpg", "photo.jpg", "second.jpg"} {
		if err := writePhoto(name, uint8(80*i)); err != nil {
			return 0, err
		}
	}
	return m.Run(), nil
}

func examplesCanRun() (bool, error) {
	store, err := models.Open(models.Options{Offline: true})
	if err != nil || store.InstalledLibrary("cpu") == "" {
		return false, err
	}
	for _, name := range []string{"realesr-general-x4v3", "blazeface"} {
		if entry, err := store.Entry(name); err != nil || !entry.Installed {
			return false, err
		}
	}
	return true, nil
}

// writePhoto writes an image of 48x32 pixels.
func writePhoto(name string, blue uint8) error {
	img := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for y := range 32 {
		for x := range 48 {
			img.SetRGBA(x, y, color.RGBA{uint8(5 * x), uint8(7 * y), blue, 255})
		}
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return jpeg.Encode(file, img, nil)
}

// open opens the CPU, for examples that show something else.
func open(ctx context.Context) *upscaler.Upscaler {
	u, err := upscaler.Open(ctx, upscaler.Options{Device: "cpu"})
	if err != nil {
		log.Fatal(err)
	}
	return u
}

// copyModel copies the file of a model in the store.
func copyModel(store *models.Store, path string) {
	found, err := filepath.Glob(filepath.Join(store.Home(), "models", "realesr-general-x4v3", "*.safetensors"))
	if err != nil || len(found) != 1 {
		log.Fatal(found, err)
	}
	data, err := os.ReadFile(found[0])
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		log.Fatal(err)
	}
}
