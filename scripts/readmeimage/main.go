// Command readmeimage makes the images of the README and the guide: parts of a photo,
// scaled four times by repeating pixels and by this program, side by side.
//
//	go run ./scripts/readmeimage
//
// The photo is testdata/branches.jpg of github.com/disintegration/imaging (MIT
// license). The program downloads ONNX Runtime and the model if they are missing.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/disintegration/imaging"
)

const (
	module = "github.com/disintegration/imaging"
	folder = "server/docs/images"
	scale  = 4
	gap    = 4  // white pixels between the panels
	jpeg   = 76 // quality, for less than 60 KB
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "readmeimage:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("find module %s: %w", module, err)
	}
	photo, err := imaging.Open(filepath.Join(strings.TrimSpace(string(dir)), "testdata", "branches.jpg"))
	if err != nil {
		return fmt.Errorf("open photo: %w", err)
	}
	for _, made := range []struct {
		name   string
		part   image.Rectangle
		models []string
	}{
		{"before-after.jpg", image.Rect(300, 140, 396, 236), []string{"realesrgan-x4plus"}},
		{"models.jpg", image.Rect(330, 160, 394, 224), []string{"realesr-general-x4v3", "realesrgan-x4plus"}},
	} {
		panels, err := compare(imaging.Crop(photo, made.part), made.models)
		if err != nil {
			return err
		}
		if err := imaging.Save(panels, filepath.Join(folder, made.name), imaging.JPEGQuality(jpeg)); err != nil {
			return err
		}
	}
	return nil
}

// compare returns the pixels of an image repeated, and its results by each model, side
// by side.
func compare(before image.Image, models []string) (image.Image, error) {
	width, height := before.Bounds().Dx()*scale, before.Bounds().Dy()*scale
	panels := imaging.New((width+gap)*(len(models)+1)-gap, height, color.White)
	panels = imaging.Paste(panels, imaging.Resize(before, width, 0, imaging.NearestNeighbor), image.Point{})
	for i, model := range models {
		after, err := upscale(before, model)
		if err != nil {
			return nil, err
		}
		panels = imaging.Paste(panels, after, image.Pt((i+1)*(width+gap), 0))
	}
	return panels, nil
}

// upscale runs the program on an image.
func upscale(before image.Image, model string) (image.Image, error) {
	var input bytes.Buffer
	if err := imaging.Encode(&input, before, imaging.PNG); err != nil {
		return nil, fmt.Errorf("encode input: %w", err)
	}
	command := exec.Command("go", "run", "./cmd/upscaled", "upscale", "--model", model, "--quiet", "--format", "png", "--out", "-", "-")
	command.Stdin, command.Stderr = &input, os.Stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("run upscaled: %w", err)
	}
	return imaging.Decode(bytes.NewReader(output))
}
