package upscaler_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/upscaler"
	"upscaled/models"
	"upscaled/models/fault"
)

// Upscale a file with the default model at its own scale.
func Example() {
	ctx := context.Background()
	u, err := upscaler.Open(ctx, upscaler.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer u.Close()
	result, err := u.UpscaleFile(ctx, "photo.jpg", "photo.large.jpg", engine.Request{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%dx%d, %s\n", result.Output.Width, result.Output.Height, result.Output.Format)
	// Output: 192x128, jpeg
}

// Choose the model and the device.
func ExampleOpen_model() {
	ctx := context.Background()
	u, err := upscaler.Open(ctx, upscaler.Options{Device: "cpu", Model: "realesr-general-x4v3"})
	if err != nil {
		log.Fatal(err)
	}
	defer u.Close()
	result, err := u.UpscaleFile(ctx, "photo.jpg", "model.png", engine.Request{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Model, result.Output.Format)
	// Output: realesr-general-x4v3 png
}

// Sizes are exact to the pixel: a scale, a side, the longest side or a box.
func ExampleUpscaler_UpscaleFile_size() {
	ctx := context.Background()
	u := open(ctx)
	defer u.Close()
	for _, size := range []engine.Size{
		{Scale: 1.5}, {Width: 150}, {Width: 150, Height: 50}, {Longest: 250}, {FitWidth: 1000, FitHeight: 50},
	} {
		result, err := u.UpscaleFile(ctx, "photo.jpg", "size.jpg", engine.Request{Size: size})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%dx%d\n", result.Output.Width, result.Output.Height)
	}
	// Output:
	// 72x48
	// 150x100
	// 150x50
	// 250x167
	// 75x50
}

// Follow the progress of an image.
func ExampleUpscaler_UpscaleFile_progress() {
	ctx := context.Background()
	u := open(ctx)
	defer u.Close()
	var last engine.Progress
	_, err := u.UpscaleFile(ctx, "photo.jpg", "progress.jpg", engine.Request{
		Progress: func(p engine.Progress) { last = p },
	})
	fmt.Printf("%.0f %%, %v\n", 100*float64(last.Done)/float64(last.Total), err)
	// Output: 100 %, <nil>
}

// Cancel an image that is being upscaled. No output is left behind.
func ExampleUpscaler_UpscaleFile_cancel() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	u := open(ctx)
	defer u.Close()
	_, err := u.UpscaleFile(ctx, "photo.jpg", "canceled.jpg", engine.Request{
		Tile:     32,
		Progress: func(engine.Progress) { cancel() },
	})
	_, missing := os.Stat("canceled.jpg")
	fmt.Println(fault.KindOf(err), os.IsNotExist(missing))
	// Output: canceled true
}

// Detect faces and restore them. Without GFPGAN or another restorer, Refine
// sharpens them with realesrgan-x4plus.
func ExampleUpscaler_UpscaleFile_faces() {
	ctx := context.Background()
	u := open(ctx)
	defer u.Close()
	result, err := u.UpscaleFile(ctx, "photo.jpg", "faces.jpg", engine.Request{
		Faces: &engine.Faces{Strength: 0.8, Missing: engine.Refine},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d of %d faces\n", result.Faces.Enhanced, result.Faces.Found)
	// Output: 0 of 0 faces
}

// Upscale many files at once. They share the device, and reading and writing
// overlap with computing.
func ExampleUpscaler_UpscaleFile_batch() {
	ctx := context.Background()
	u := open(ctx)
	defer u.Close()
	names, err := filepath.Glob("*st.jpg")
	if err != nil {
		log.Fatal(err)
	}
	names = append(names, "second.jpg")
	var group sync.WaitGroup
	for _, name := range names {
		group.Go(func() {
			output := "large-" + name
			if _, err := u.UpscaleFile(ctx, name, output, engine.Request{}); err != nil {
				log.Print(name, ": ", fault.Sentence(err))
			}
		})
	}
	group.Wait()
	made, _ := filepath.Glob("large-*.jpg")
	fmt.Println(made)
	// Output: [large-first.jpg large-second.jpg]
}

// Upscale from a reader to a writer, into another format.
func ExampleUpscaler_UpscaleStream() {
	ctx := context.Background()
	u := open(ctx)
	defer u.Close()
	photo, err := os.Open("photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer photo.Close()
	var large bytes.Buffer
	result, err := u.UpscaleStream(ctx, photo, &large, engine.Request{Format: imagedata.WebP, Quality: 80})
	fmt.Println(result.Output.Format, large.Len() > 0, err)
	// Output: webp true <nil>
}

// Learn what a request would make, from the image's header alone.
func ExampleUpscaler_Describe() {
	ctx := context.Background()
	u := open(ctx)
	defer u.Close()
	photo, err := os.ReadFile("photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	planned, err := u.Describe(ctx, engine.Request{Input: photo, Size: engine.Size{Scale: 2}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%dx%d becomes %dx%d\n", planned.Input.Width, planned.Input.Height, planned.Output.Width, planned.Output.Height)
	// Output: 48x32 becomes 96x64
}

// Import a model of your own and use it.
func ExampleUpscaler_Store() {
	ctx := context.Background()
	u := open(ctx)
	defer u.Close()
	copyModel(u.Store(), "mine.safetensors") // or a .pth, ncnn or ONNX file

	own, err := models.Open(models.Options{Home: "own-models", RuntimeLibrary: u.Store().InstalledLibrary("cpu")})
	if err != nil {
		log.Fatal(err)
	}
	imported, err := own.Import(ctx, "mine.safetensors", models.ImportOptions{})
	if err != nil {
		log.Fatal(err)
	}
	mine, err := upscaler.Open(ctx, upscaler.Options{Device: "cpu", Store: own, Model: imported.Name})
	if err != nil {
		log.Fatal(err)
	}
	defer mine.Close()
	result, err := mine.UpscaleFile(ctx, "photo.jpg", "mine.jpg", engine.Request{})
	fmt.Println(result.Model, imported.Scale, err)
	// Output: mine 4 <nil>
}

// Errors have a kind for programs and a sentence for people.
func ExampleUpscaler_UpscaleFile_errors() {
	ctx := context.Background()
	u := open(ctx)
	defer u.Close()
	for _, request := range []engine.Request{
		{Size: engine.Size{Scale: 100}},
		{Model: "no-such-model"},
	} {
		_, err := u.UpscaleFile(ctx, "photo.jpg", "error.jpg", request)
		switch fault.KindOf(err) {
		case fault.Invalid:
			fmt.Println("ask for another size")
		case fault.NotFound:
			fmt.Println("choose another model")
		default:
			fmt.Println(fault.Sentence(err))
		}
	}
	// Output:
	// ask for another size
	// choose another model
}

// Serve upscaled images over HTTP.
func ExampleUpscaler_UpscaleStream_server() {
	u := open(context.Background())
	defer u.Close()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const maxBytes = 10 << 20
		var large bytes.Buffer
		result, err := u.UpscaleStream(r.Context(), http.MaxBytesReader(w, r.Body, maxBytes), &large, engine.Request{})
		if err != nil {
			http.Error(w, fault.Sentence(err), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", result.Output.Format.ContentType())
		_, _ = large.WriteTo(w)
	})
	server := httptest.NewServer(handler)
	defer server.Close()

	photo, err := os.Open("photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	for _, body := range []io.Reader{photo, strings.NewReader("text")} {
		response, err := http.Post(server.URL, "application/octet-stream", body)
		if err != nil {
			log.Fatal(err)
		}
		_ = response.Body.Close()
		fmt.Println(response.StatusCode, response.Header.Get("Content-Type"))
	}
	// Output:
	// 200 image/jpeg
	// 400 text/plain; charset=utf-8
}
