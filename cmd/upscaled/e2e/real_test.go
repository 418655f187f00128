//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models"
)

// These tests run the whole program on ONNX Runtime and the default network.
// They use the installed models and download nothing; scripts/test installs it and
// sets UPSCALED_REQUIRE_RUNTIME, which turns skipping into failing.

func needRuntime(t *testing.T) {
	t.Helper()
	store, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	entry, err := store.Entry(store.Default("cpu"))
	if err != nil {
		t.Fatal(err)
	}
	if store.InstalledLibrary("cpu") != "" && entry.Installed {
		return
	}
	if os.Getenv("UPSCALED_REQUIRE_RUNTIME") == "1" {
		t.Fatal("ONNX Runtime or the default network is not installed; run scripts/test, which fetches them")
	}
	t.Skip("needs ONNX Runtime and the default network; scripts/test fetches them")
}

// real runs the program on the real engine, offline and on the CPU.
func real(t *testing.T, stdin []byte, arguments ...string) outcome {
	t.Helper()
	return execute(t, stdin, nil, append([]string{"--offline", "upscale", "--device", "cpu"}, arguments...)...)
}

// photo is the 600x400 photograph that the imaging module carries.
func photo(t *testing.T) image.Image {
	t.Helper()
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/disintegration/imaging").Output()
	if err != nil {
		t.Fatalf("find the photograph: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "testdata", "branches.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// part copies a rectangle of an image into one that begins at 0, 0.
func part(from image.Image, r image.Rectangle) *image.NRGBA {
	to := image.NewNRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	draw.Draw(to, to.Bounds(), from, r.Min, draw.Src)
	return to
}

func encodePNG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeJPEG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decodeFile(t *testing.T, path string) image.Image {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, _, err := image.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRealPhotograph(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	original := photo(t)
	root := folder(t, map[string][]byte{"branches.jpg": encodeJPEG(t, original)})
	got := real(t, nil, filepath.Join(root, "branches.jpg"))
	if got.code != exitOK {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	large := decodeFile(t, filepath.Join(root, "branches.upscaled.jpg"))
	if large.Bounds() != image.Rect(0, 0, 2400, 1600) {
		t.Fatalf("the result has %v", large.Bounds())
	}
	// The mean of every 40x40 block of the result is that of its 10x10 block
	// in the photograph: no shift, no colour cast.
	var sum float64
	blocks := 0
	for y := 0; y < 400; y += 10 {
		for x := 0; x < 600; x += 10 {
			small, big := mean(original, image.Rect(x, y, x+10, y+10)), mean(large, image.Rect(4*x, 4*y, 4*x+40, 4*y+40))
			for c := range small {
				sum += max(small[c]-big[c], big[c]-small[c])
			}
			blocks += 3
		}
	}
	if average := sum / float64(blocks); average > 3 {
		t.Errorf("blocks differ by %.2f of 255 on average", average)
	}
}

// mean is the mean colour of a rectangle, 0..255.
func mean(m image.Image, r image.Rectangle) (c [3]float64) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			red, green, blue, _ := m.At(x, y).RGBA()
			c[0], c[1], c[2] = c[0]+float64(red), c[1]+float64(green), c[2]+float64(blue)
		}
	}
	for i := range c {
		c[i] /= 257 * float64(r.Dx()*r.Dy())
	}
	return c
}

func TestRealBatchWithBadFiles(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	small := part(photo(t), image.Rect(100, 100, 140, 130))
	root := folder(t, map[string][]byte{
		"a.png": encodePNG(t, small), "b.jpg": encodeJPEG(t, small), "cut.jpg": encodeJPEG(t, small)[:300],
		"empty.png": nil, "text.png": []byte("text"), "Thumbs.db": {1}, "dot.png": encodePNG(t, part(small, image.Rect(0, 0, 1, 1))),
	})
	out := filepath.Join(root, "out")
	got := real(t, nil, "--out", out, root)
	if got.code != exitFailed || !strings.Contains(got.stderr, "3 made, 3 failed") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	entries, _ := os.ReadDir(out)
	if len(entries) != 3 {
		t.Errorf("out holds %v", entries)
	}
	if size := decodeFile(t, filepath.Join(out, "dot.png")).Bounds(); size != image.Rect(0, 0, 4, 4) {
		t.Errorf("a picture of one pixel became %v", size)
	}
}

func TestRealStandardStreams(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	got := real(t, encodePNG(t, part(photo(t), image.Rect(0, 0, 30, 20))), "--scale", "2.5", "-")
	if got.code != exitOK {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	m, err := png.Decode(strings.NewReader(got.stdout))
	if err != nil || m.Bounds() != image.Rect(0, 0, 75, 50) {
		t.Errorf("standard output: %v, %v", m, err)
	}
}

// By exact kernels tiles make the same image as one tile. By the fastest ones, which
// may round a pixel by its neighbors, no value differs by more than one.
func TestRealTiledEqualsUntiled(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": encodePNG(t, part(photo(t), image.Rect(50, 80, 230, 200)))})
	pixels := func(tile, precision string) []byte {
		out := filepath.Join(root, precision+tile+".png")
		if got := real(t, nil, "--precision", precision, "--model", "realesr-general-x4v3", "--tile", tile, "--out", out, filepath.Join(root, "a.png")); got.code != exitOK {
			t.Fatalf("exit %d: %s", got.code, got.stderr)
		}
		return part(decodeFile(t, out), image.Rect(0, 0, 720, 480)).Pix
	}
	exact, fast := pixels("200", "float32"), pixels("200", "auto")
	for _, tile := range []string{"80", "113"} {
		if !bytes.Equal(pixels(tile, "float32"), exact) {
			t.Errorf("tiles of %s pixels make another image than one tile", tile)
		}
		for i, v := range pixels(tile, "auto") {
			if d := int(v) - int(fast[i]); d < -1 || d > 1 {
				t.Fatalf("tiles of %s pixels: value %d is %d, not %d", tile, i, v, fast[i])
			}
		}
	}
}

// A photograph that lies on its side in the file, with a colour profile.
func TestRealOrientationAndProfile(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	// Upright it is 20 wide and 40 high, red above and blue below. Orientation
	// 6 stores its left side as the top row, turned by 90 degrees.
	stored := image.NewNRGBA(image.Rect(0, 0, 40, 20))
	draw.Draw(stored, image.Rect(0, 0, 20, 20), image.NewUniform(color.NRGBA{200, 30, 30, 255}), image.Point{}, draw.Src)
	draw.Draw(stored, image.Rect(20, 0, 40, 20), image.NewUniform(color.NRGBA{30, 30, 200, 255}), image.Point{}, draw.Src)
	profile := testProfile()
	root := folder(t, map[string][]byte{"a.jpg": withSegments(encodeJPEG(t, stored), exifOrientation(6), append([]byte("ICC_PROFILE\x00\x01\x01"), profile...))})
	for _, format := range []string{"jpeg", "png", "webp", "tiff"} {
		out := filepath.Join(root, "out."+format)
		if got := real(t, nil, "--out", out, filepath.Join(root, "a.jpg")); got.code != exitOK {
			t.Fatalf("%s: exit %d: %s", format, got.code, got.stderr)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		decoder, err := decode.Open(data, imagedata.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		info := decoder.Info()
		if info.Width != 80 || info.Height != 160 {
			t.Errorf("%s: %dx%d is not upright", format, info.Width, info.Height)
		}
		if !bytes.Equal(info.Meta.ICC, profile) {
			t.Errorf("%s: the profile has %d bytes, want %d", format, len(info.Meta.ICC), len(profile))
		}
		frame, err := decoder.Next()
		if err != nil {
			t.Fatal(err)
		}
		at := func(x, y int) []uint8 { return frame.Color.Pix[3*(y*info.Width+x):][:3] }
		if top, bottom := at(40, 30), at(40, 130); top[0] < 150 || bottom[2] < 150 {
			t.Errorf("%s: %v above and %v below, want red and blue", format, top, bottom)
		}
	}
}

// Garbage colour under transparent pixels must not bleed, and 16 bits stay.
func TestRealAlphaAnd16Bits(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	m := image.NewNRGBA64(image.Rect(0, 0, 32, 32))
	for y := range 32 {
		for x := range 32 {
			pixel := color.NRGBA64{0x1234, 0x9876, 0x2345, 0xffff}
			if (x-16)*(x-16)+(y-16)*(y-16) > 100 {
				pixel = color.NRGBA64{0xffff, 0, 0xffff, 0}
			}
			m.SetNRGBA64(x, y, pixel)
		}
	}
	root := folder(t, map[string][]byte{"a.png": encodePNG(t, m)})
	if got := real(t, nil, filepath.Join(root, "a.png")); got.code != exitOK {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	large, ok := decodeFile(t, filepath.Join(root, "a.upscaled.png")).(*image.NRGBA64)
	if !ok || large.Bounds() != image.Rect(0, 0, 128, 128) {
		t.Fatalf("the result is no picture of 16 bits with alpha: %v", large.Bounds())
	}
	for y := range 128 {
		for x := range 128 {
			if p := large.NRGBA64At(x, y); p.A > 0x0800 && (p.R > 0x3000 || p.G < 0x8000 || p.B > 0x4000) {
				t.Fatalf("%d,%d is %v: the colour under transparency bled", x, y, p)
			}
		}
	}
	if a, b := large.NRGBA64At(64, 64).A, large.NRGBA64At(1, 1).A; a < 0xf000 || b > 0x0fff {
		t.Errorf("alpha is %#x inside and %#x outside", a, b)
	}
}

// Names with the model and the size are known before the work.
func TestRealTemplate(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	root := t.TempDir()
	template := filepath.Join(root, "{name}-{model}-{scale}-{width}x{height}")
	input := encodePNG(t, image.NewNRGBA(image.Rect(0, 0, 9, 5)))
	if got := real(t, input, "--model", "RealESR_General.x4v3", "--longest", "18", "--format", "tiff", "--out", template, "-"); got.code != exitOK {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	entries, _ := os.ReadDir(root)
	if len(entries) != 1 || entries[0].Name() != "stdin-realesr-general-x4v3-2-18x10.tif" {
		t.Errorf("the folder holds %v", entries)
	}
}

// An interrupt ends the process soon, with its own code and without a trace.
func TestRealInterrupt(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send")
	}
	root := folder(t, map[string][]byte{"a.png": encodePNG(t, image.NewNRGBA(image.Rect(0, 0, 3000, 2000)))})
	child := exec.Command(built, "--offline", "upscale", "--device", "cpu", "--tile", "128", "--json",
		"--out", filepath.Join(root, "out"), filepath.Join(root, "a.png"))
	events, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(events)
	var interrupted time.Time
	var last string
	for lines.Scan() {
		last = lines.Text()
		if interrupted.IsZero() && strings.Contains(last, `"progress"`) && strings.Contains(last, `"done"`) {
			interrupted = time.Now()
			if err := child.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
	}
	_ = child.Wait()
	if child.ProcessState.ExitCode() != exitInterrupted || !strings.Contains(last, `"canceled":1`) {
		t.Errorf("%v, last event %s", child.ProcessState, last)
	}
	if took := time.Since(interrupted); took > timeLimit(20*time.Second) {
		t.Errorf("it took %v to stop", took)
	}
	if entries, _ := os.ReadDir(filepath.Join(root, "out")); len(entries) != 0 {
		t.Errorf("out holds %v", entries)
	}
}

// ONNX Runtime's telemetry is off: with it every process leaves two files in the
// folder for temporary ones, and connects to a host without being asked to.
func TestRealLeavesNoTemporaryFiles(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": encodePNG(t, image.NewNRGBA(image.Rect(0, 0, 20, 10)))})
	temporary := t.TempDir()
	child := exec.Command(built, "--offline", "upscale", "--device", "cpu", filepath.Join(root, "a.png"))
	child.Env = append(os.Environ(), "TMPDIR="+temporary)
	if said, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if left, _ := os.ReadDir(temporary); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// testProfile is the header of an ICC profile for RGB with no tags.
func testProfile() []byte {
	profile := make([]byte, 132)
	binary.BigEndian.PutUint32(profile, uint32(len(profile)))
	copy(profile[8:], []byte{4, 0x30})
	copy(profile[12:], "mntrRGB XYZ ")
	copy(profile[36:], "acsp")
	return profile
}

// exifOrientation is the content of an APP1 segment with that one tag.
func exifOrientation(value uint16) []byte {
	block := append([]byte("Exif\x00\x00II*\x00\x08\x00\x00\x00"), 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0)
	return append(block, byte(value), byte(value>>8), 0, 0, 0, 0, 0, 0)
}

// withSegments puts an APP1 and an APP2 segment behind the start of a JPEG.
func withSegments(data, app1, app2 []byte) []byte {
	out := append([]byte{}, data[:2]...)
	for i, content := range [][]byte{app1, app2} {
		out = append(out, 0xff, 0xe1+byte(i), byte((len(content)+2)>>8), byte(len(content)+2))
		out = append(out, content...)
	}
	return append(out, data[2:]...)
}
