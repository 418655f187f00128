// Command readmeimage makes the images of the README and the guide, and the samples of
// models: parts of a photo and drawings, scaled four times by repeating pixels and by
// this program, side by side.
//
//	go run ./scripts/readmeimage
//
// The photo is testdata/branches.jpg of github.com/disintegration/imaging (MIT
// license); the drawings are made by this command. The program downloads ONNX Runtime
// and the models if they are missing, some of them with npm.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/disintegration/imaging"
)

const (
	module  = "github.com/disintegration/imaging"
	folder  = "server/docs/images"
	sources = "server/docs/samples" // what a running server upscales with any model
	scale   = 4
	side    = 64 // pixels of a sample
	gap     = 4  // white pixels between the panels
	quality = 76 // of JPEG, for less than 60 KB
	film    = 55 // the same, of a frame of a film
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
	frame, err := compressed(paint(side, house()), film)
	if err != nil {
		return err
	}
	samples := map[string]image.Image{"photo": imaging.Crop(photo, image.Rect(330, 160, 330+side, 160+side)), "drawing": paint(side, cat()), "film": frame}
	for kind, sample := range samples {
		if err := imaging.Save(sample, filepath.Join(sources, kind+".png"), imaging.PNGCompressionLevel(png.BestCompression)); err != nil {
			return err
		}
	}
	for _, made := range []struct {
		name   string
		before image.Image
		model  string
	}{
		{"before-after", imaging.Crop(photo, image.Rect(300, 140, 396, 236)), "realesrgan-x4plus"},
		{"sample-realesr-general-x4v3", samples["photo"], "realesr-general-x4v3"},
		{"sample-realesrgan-x4plus", samples["photo"], "realesrgan-x4plus"},
		{"sample-realesrgan-x4plus-anime-6b", samples["drawing"], "realesrgan-x4plus-anime-6b"},
		{"sample-realesr-animevideov3", samples["film"], "realesr-animevideov3"},
	} {
		panels, err := compare(made.before, made.model)
		if err != nil {
			return err
		}
		if err := imaging.Save(panels, filepath.Join(folder, made.name+".jpg"), imaging.JPEGQuality(quality)); err != nil {
			return err
		}
	}
	return nil
}

// compressed returns an image as it is after JPEG of a quality.
func compressed(original image.Image, quality int) (image.Image, error) {
	var file bytes.Buffer
	if err := imaging.Encode(&file, original, imaging.JPEG, imaging.JPEGQuality(quality)); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return imaging.Decode(&file)
}

// compare returns the pixels of an image repeated, and what the model makes of it, side
// by side.
func compare(before image.Image, model string) (image.Image, error) {
	width, height := before.Bounds().Dx()*scale, before.Bounds().Dy()*scale
	panels := imaging.New(2*width+gap, height, color.White)
	panels = imaging.Paste(panels, imaging.Resize(before, width, 0, imaging.NearestNeighbor), image.Point{})
	after, err := upscale(before, model)
	if err != nil {
		return nil, err
	}
	return imaging.Paste(panels, after, image.Pt(width+gap, 0)), nil
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
