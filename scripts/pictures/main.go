// Command pictures makes the README's picture: a part of a photograph, enlarged
// four times by repeating pixels and by this program, side by side.
//
//	go run ./scripts/pictures
//
// The photograph is testdata/branches.jpg of the module
// github.com/disintegration/imaging (MIT licence), which this program uses. It
// needs ONNX Runtime and the network, which it fetches where they are missing.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
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
	// gap is the white line between the halves, in pixels.
	gap = 4
	// mostBytes keeps the repository small.
	mostBytes = 60 << 10
)

// part of the photograph that is shown, in its pixels.
func part() image.Rectangle { return image.Rect(300, 140, 396, 236) }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func run() error {
	folder, err := os.MkdirTemp("", "pictures")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(folder)
	before, err := photograph()
	if err != nil {
		return err
	}
	after, err := enlarged(before, folder)
	if err != nil {
		return err
	}
	repeated := imaging.Resize(before, before.Bounds().Dx()*scale, 0, imaging.NearestNeighbor)
	data, err := encode(beside(repeated, after))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return fmt.Errorf("make the target's folder: %w", err)
	}
	return os.WriteFile(target, data, 0o666)
}

// photograph gives the part that is shown.
func photograph() (image.Image, error) {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return nil, fmt.Errorf("find module %s: %w", module, err)
	}
	whole, err := imaging.Open(filepath.Join(strings.TrimSpace(string(folder)), "testdata", "branches.jpg"))
	if err != nil {
		return nil, fmt.Errorf("open photograph: %w", err)
	}
	return imaging.Crop(whole, part()), nil
}

// enlarged has the program enlarge a picture.
func enlarged(picture image.Image, folder string) (image.Image, error) {
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		return nil, fmt.Errorf("encode part: %w", err)
	}
	command := exec.Command("go", "run", "./cmd/upscaled", "upscale", "--model", model, "--quiet", "--format", "png", "--out", "-", "-")
	command.Dir, command.Stdin, command.Stderr = ".", &file, os.Stderr
	command.Env = append(os.Environ(), "TMPDIR="+folder)
	made, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("run upscaled: %w", err)
	}
	large, err := png.Decode(bytes.NewReader(made))
	if err != nil {
		return nil, fmt.Errorf("decode result: %w", err)
	}
	return large, nil
}

// beside puts two pictures of one height next to each other.
func beside(left, right image.Image) image.Image {
	width, height := left.Bounds().Dx(), left.Bounds().Dy()
	both := image.NewRGBA(image.Rect(0, 0, 2*width+gap, height))
	draw.Draw(both, both.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(both, image.Rect(0, 0, width, height), left, left.Bounds().Min, draw.Src)
	draw.Draw(both, image.Rect(width+gap, 0, 2*width+gap, height), right, right.Bounds().Min, draw.Src)
	return both
}

// encode gives the JPEG of the best quality that is small enough.
func encode(picture image.Image) ([]byte, error) {
	for quality := 92; quality >= 60; quality -= 4 {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, picture, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("encode picture: %w", err)
		}
		if file.Len() <= mostBytes {
			return file.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("the picture has more than %d bytes at any quality", mostBytes)
}
