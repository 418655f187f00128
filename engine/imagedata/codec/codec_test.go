package codec

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// sample returns an image and a file of it.
func sample(t *testing.T, f imagedata.Format, width, height int) (Image, []byte) {
	t.Helper()
	if err := Check(f); err != nil {
		t.Skip(err)
	}
	img := Image{Width: width, Height: height, Channels: 3, Depth: 8}
	pixels := make([]byte, 3*width*height)
	for i := range pixels {
		pixels[i] = byte(i*i>>8 + i)
	}
	var file bytes.Buffer
	if err := Encode(&file, f, img, pixels, Options{Quality: 80, Primaries: 1, Transfer: 13}); err != nil {
		t.Fatal(err)
	}
	return img, file.Bytes()
}

// TestDamage cuts and changes files everywhere: each is decoded or refused with a kind,
// and no child is left or hangs.
func TestDamage(t *testing.T) {
	t.Parallel()
	for _, f := range []imagedata.Format{imagedata.AVIF, imagedata.JXL} {
		_, file := sample(t, f, 40, 30)
		for at := 0; at < len(file); at += 1 + len(file)/12 {
			changed := bytes.Clone(file)
			changed[at] ^= 0xff
			for _, data := range [][]byte{file[:at], changed} {
				img, err := Probe(f, data, Bounds{Memory: 2 << 30, Seconds: 10})
				if err == nil && img.Width*img.Height < 1<<20 && img.Width*img.Height > 0 {
					_, err = Decode(f, data, img, Bounds{Memory: 2 << 30, Seconds: 10})
				}
				if kind := fault.KindOf(err); err != nil && kind != fault.Invalid && kind != fault.Unsupported && kind != fault.TooLarge {
					t.Errorf("%s, byte %d: %v (%s)", f, at, err, kind)
				}
			}
		}
	}
}

// TestNothingIsOpenedHere: the program's own process stays free of the libraries.
func TestNothingIsOpenedHere(t *testing.T) {
	t.Parallel()
	sample(t, imagedata.AVIF, 8, 8)
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"libheif", "libjxl", "libopenjp2"} {
		if strings.Contains(string(maps), name) {
			t.Errorf("%s is open", name)
		}
	}
}

// TestMissing: a refusal names the package.
func TestMissing(t *testing.T) {
	t.Parallel()
	for f, want := range map[imagedata.Format]string{imagedata.HEIC: "libheif1", imagedata.AVIF: "libheif-plugin-aomenc", imagedata.JXL: "libjxl0.7", imagedata.JP2: "libopenjp2-7"} {
		err := failure(f, "mlib.so")
		if fault.KindOf(err) != fault.Unsupported || !strings.Contains(fault.Sentence(err), want) {
			t.Errorf("%s: %v", f, err)
		}
	}
}
