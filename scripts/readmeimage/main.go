// Command readmeimage makes the image of the README: part of a photo, scaled four
// times by repeating pixels and by this program, side by side.
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
	target = "server/docs/images/before-after.jpg"
	model  = "realesrgan-x4plus"
	scale  = 4
	gap    = 4  // white pixels between the halves
	jpeg   = 76 // quality, for less than 60 KB
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "readmeimage:", err)
		os.Exit(1)
	}
}

func run() error {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("find module %s: %w", module, err)
	}
	photo, err := imaging.Open(filepath.Join(strings.TrimSpace(string(folder)), "testdata", "branches.jpg"))
	if err != nil {
		return fmt.Errorf("open photo: %w", err)
	}
	before := imaging.Crop(photo, image.Rect(300, 140, 396, 236))
	after, err := upscale(before)
	if err != nil {
		return err
	}
	repeated := imaging.Resize(before, before.Bounds().Dx()*scale, 0, imaging.NearestNeighbor)
	width, height := repeated.Bounds().Dx(), repeated.Bounds().Dy()
	both := imaging.New(2*width+gap, height, color.White)
	both = imaging.Paste(both, repeated, image.Pt(0, 0))
	both = imaging.Paste(both, after, image.Pt(width+gap, 0))
	return imaging.Save(both, target, imaging.JPEGQuality(jpeg))
}

// upscale runs the program on an image.
func upscale(before image.Image) (image.Image, error) {
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
