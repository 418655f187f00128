package decode

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
)

// randomVariable names a folder of files and their references; see
// scripts/compare-decoders.
const randomVariable = "UPSCALED_RANDOM_FILES"

// TestRandomFiles compares files with what two other decoders read, if those agree.
func TestRandomFiles(t *testing.T) {
	folder := os.Getenv(randomVariable)
	if folder == "" {
		t.Skip("only scripts/compare-decoders runs it")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*-*"))
	if err != nil {
		t.Fatal(err)
	}
	compared, disputed := map[string]int{}, map[string]int{}
	for _, path := range files {
		kind, _, _ := strings.Cut(filepath.Base(path), "-")
		first, second := rgba(t, path+".ref0.png"), rgba(t, path+".ref1.png")
		if strings.HasSuffix(path, ".png") && strings.Contains(filepath.Base(path), ".ref") || strings.HasSuffix(path, ".native.png") {
			continue
		}
		if first.Pix == nil || second.Pix == nil || first.Width != second.Width || first.Height != second.Height || psnr(t, first, second) < 38 {
			disputed[kind]++
			continue
		}
		compared[kind]++
		got := rgba(t, path)
		if got.Pix == nil {
			t.Errorf("%s was refused", path)
		} else if got.Width != first.Width || got.Height != first.Height {
			t.Errorf("%s is %dx%d", path, got.Width, got.Height)
		} else if a, b := psnr(t, got, first), psnr(t, got, second); max(a, b) < 40 {
			t.Errorf("%s: %.1f and %.1f dB", path, a, b)
			keepFile(t, path)
		}
	}
	t.Logf("compared %v, disputed %v", compared, disputed)
	if len(compared) < 10 {
		t.Error("no files of some formats")
	}
}

// keepFile copies a file that differs to where it stays.
func keepFile(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(filepath.Join(os.TempDir(), filepath.Base(path)), data, 0o600)
	}
	if err != nil {
		t.Log(err)
	}
}

// rgba returns the first frame over gray, of 8 bits; nothing of an unreadable file.
func rgba(t *testing.T, path string) imagedata.Raster {
	data, err := os.ReadFile(path)
	if err != nil {
		return imagedata.Raster{}
	}
	d, err := Open(data, imagedata.Limits{})
	if err != nil {
		t.Log(path, err)
		return imagedata.Raster{}
	}
	frame, err := d.Next()
	if err != nil {
		t.Log(path, err)
		return imagedata.Raster{}
	}
	narrow := func(r imagedata.Raster, i int) int {
		if r.Pix16 != nil {
			return (int(r.Pix16[i]) + 128) / 257
		}
		return int(r.Pix[i])
	}
	c := frame.Color
	out := imagedata.NewRaster(c.Width, c.Height, 3, 8)
	for i := range out.Pix {
		v := narrow(c, i/3*c.Channels+i%3%c.Channels)
		if frame.Alpha != nil {
			a := narrow(*frame.Alpha, i/3)
			v = (v*a + 128*(255-a) + 127) / 255
		}
		out.Pix[i] = uint8(v)
	}
	return out
}
