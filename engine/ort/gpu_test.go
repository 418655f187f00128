package ort_test

import (
	"bytes"
	"cmp"
	"context"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/disintegration/imaging"

	"upscaled/engine"
	"upscaled/engine/bench"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/ort"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
)

// requireGPU makes the tests of this file fail instead of skip.
const requireGPU = "UPSCALED_REQUIRE_GPU"

func hasGPU() bool {
	_, err := os.Stat("/dev/nvidia0")
	return err == nil
}

// gpuDevice is the device that the tests of this file run on: the first NVIDIA card
// unless scripts/gpu-check names another one, such as the CPU for a dry run.
func gpuDevice() string { return cmp.Or(os.Getenv("UPSCALED_GPU_DEVICE"), "cuda:0") }

// needGPU opens gpuDevice, with options that a test changes.
func needGPU(t *testing.T, change func(*ort.Options)) *ort.Runtime {
	t.Helper()
	refuse := t.Skip
	if os.Getenv(requireGPU) == "1" {
		refuse = t.Fatal
	}
	device, kind := gpuDevice(), "cuda"
	if device == "cpu" {
		kind = "cpu"
	} else if !hasGPU() {
		refuse("there is no NVIDIA GPU here")
	}
	library, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	options := ort.Options{Library: library.InstalledLibrary(kind), Device: device, Cache: t.TempDir()}
	if options.Library == "" {
		refuse("ONNX Runtime is not installed: upscaled models pull onnxruntime-cuda")
	}
	if change != nil {
		change(&options)
	}
	runtime, err := ort.Open(options)
	if err != nil {
		refuse("the GPU cannot be used: ", err)
	}
	t.Cleanup(func() { _ = runtime.Close() })
	return runtime
}

// photos are crops of real photographs where there are any, else a made one,
// in sizes that a GPU runs as one tile.
func photos(t *testing.T) map[string][]byte {
	t.Helper()
	width, height := 384, 256
	all := map[string][]byte{}
	if testing.Short() {
		made, err := bench.Photo(width/4, height/4)
		if err != nil {
			t.Fatal(err)
		}
		return map[string][]byte{"made": made}
	}
	for _, folder := range []string{os.Getenv("UPSCALED_PHOTOS"), "../../shared/images", "../../../shared/images"} {
		files, _ := filepath.Glob(filepath.Join(folder, "*.[jp][pn]g"))
		for _, file := range files {
			whole, err := imaging.Open(file)
			if err != nil || folder == "" {
				continue
			}
			var out bytes.Buffer
			crop := imaging.Fill(whole, width, height, imaging.Center, imaging.Lanczos)
			for i := 3; i < len(crop.Pix); i += 4 {
				crop.Pix[i] = 255 // the alpha plane is another matter
			}
			if err := png.Encode(&out, crop); err != nil {
				t.Fatal(err)
			}
			all[filepath.Base(file)] = out.Bytes()
		}
	}
	if len(all) == 0 {
		made, err := bench.Photo(width, height)
		if err != nil {
			t.Fatal(err)
		}
		all["made"] = made
	}
	return all
}

// upscaled runs one image in a precision.
func upscaled(t *testing.T, runtime *ort.Runtime, model string, precision network.Precision, input []byte) imagedata.Raster {
	t.Helper()
	library, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Options{Runtime: runtime, Library: library, Precision: precision})
	defer e.Close()
	var out bytes.Buffer
	if _, err := e.Upscale(t.Context(), engine.Request{Input: input, Output: &out, Model: model, Tile: 2048, Format: imagedata.PNG}); err != nil {
		t.Fatal(err)
	}
	d, err := decode.Open(out.Bytes(), imagedata.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	return frame.Color
}

// difference is the PSNR in decibels and the largest difference of 255.
func difference(a, b imagedata.Raster) (decibels float64, worst int) {
	var sum float64
	for i := range a.Pix {
		d := int(a.Pix[i]) - int(b.Pix[i])
		worst = max(worst, d, -d)
		sum += float64(d * d)
	}
	return 10 * math.Log10(255*255*float64(len(a.Pix))/max(sum, 1e-9)), worst
}

// The GPU makes the CPU's image: float32 to a step of 8 bits, float16
// to 55 dB.
func TestGPUMakesTheCPUsImage(t *testing.T) {
	gpu := needGPU(t, nil)
	processor := needRuntime(t)
	all := []string{"realesr-general-x4v3", "realesrgan-x4plus"}
	if testing.Short() {
		all = all[:1]
	}
	for _, model := range all {
		publishedWeights(t, model)
		for name, photo := range photos(t) {
			want := upscaled(t, processor, model, network.Float32, photo)
			full := upscaled(t, gpu, model, network.Float32, photo)
			if _, worst := difference(want, full); worst > 1 {
				t.Errorf("%s, %s: float32 differs by up to %d", model, name, worst)
			}
			half := upscaled(t, gpu, model, network.Float16, photo)
			decibels, worst := difference(want, half)
			t.Logf("%s, %s: float16 %.1f dB, at most %d", model, name, decibels, worst)
			if decibels < 55 {
				t.Errorf("%s, %s: float16 is %.1f dB from float32 on the processor", model, name, decibels)
			}
		}
	}
}

func TestGPUConformance(t *testing.T) {
	enginetest.TestRuntime(t, needGPU(t, nil), recognized(t, networktest.RandomCompact(1, 3, 16, 4)), network.Float32)
}

// With little memory the image is planned again, with smaller tiles, and
// comes out the same.
func TestGPUMemory(t *testing.T) {
	if gpuDevice() == "cpu" {
		t.Skip("a CPU's memory is not limited")
	}
	publishedWeights(t, "realesr-general-x4v3")
	plenty := needGPU(t, nil)
	scarce := needGPU(t, func(o *ort.Options) { o.MemoryLimit = 160 << 20 })
	photo, err := bench.Photo(1024, 768)
	if err != nil {
		t.Fatal(err)
	}
	want := upscaled(t, plenty, "realesr-general-x4v3", network.Float16, photo)
	got := upscaled(t, scarce, "realesr-general-x4v3", network.Float16, photo)
	if decibels, _ := difference(want, got); decibels < 55 {
		t.Errorf("%.1f dB", decibels)
	}
	_, err = scarce.Open(context.Background(), recognized(t, publishedWeights(t, "realesr-general-x4v3")), network.Options{
		Precision: network.Float16, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders, Width: 2048, Height: 2048,
	})
	if fault.KindOf(err) != fault.DeviceMemory {
		t.Errorf("a session that cannot fit: %v", err)
	}
}

// A missing card is an error, never the CPU.
func TestGPUThatIsNotThere(t *testing.T) {
	gpu := needGPU(t, nil)
	if _, err := ort.Open(ort.Options{Library: gpu.Library(), Device: "cuda:99"}); fault.KindOf(err) != fault.ModelMissing {
		t.Errorf("got %v", err)
	}
}
