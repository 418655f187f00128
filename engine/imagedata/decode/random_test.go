package decode

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
)

// randomVariable names a folder of files and their references; see
// scripts/compare-decoders.
const randomVariable = "UPSCALED_RANDOM_FILES"

// TestRandomFiles compares files with what two other decoders read, if those agree, and
// checks that what a file has besides pixels is read or said to be lost.
func TestRandomFiles(t *testing.T) {
	folder := os.Getenv(randomVariable)
	if folder == "" {
		t.Skip("only scripts/compare-decoders runs it")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.has"))
	if err != nil {
		t.Fatal(err)
	}
	compared, disputed, likeOne, parts := 0, 0, 0, 0
	for _, has := range files {
		path := strings.TrimSuffix(has, ".has")
		got, info, notes := rgba(t, path)
		var closest []float64
		for i := range 3 {
			if ref, _, _ := rgba(t, fmt.Sprintf("%s.ref%d.png", path, i)); ref.Pix != nil && got.Width == ref.Width && got.Height == ref.Height {
				closest = append(closest, psnr(t, got, ref))
			}
		}
		best := slices.Max(append(closest, 0))
		if _, err := os.Stat(path + ".disputed"); err == nil {
			disputed++
			if best >= 40 {
				likeOne++
			} else {
				t.Logf("%s is disputed: %.1f dB", path, closest)
				keepFile(t, path)
			}
			continue
		}
		compared++
		if got.Pix == nil || best < 40 {
			t.Errorf("%s: %.1f dB, %dx%d", path, closest, got.Width, got.Height)
			keepFile(t, path)
		}
		kinds, err := os.ReadFile(has)
		if err != nil {
			t.Fatal(err)
		}
		for kind := range strings.FieldsSeq(string(kinds)) {
			parts++
			if !carried(kind, info) && notes == "" {
				t.Errorf("%s: %s is lost without a note", path, kind)
				keepFile(t, path)
			}
		}
	}
	t.Logf("%s: %d compared, %d parts of metadata, %d disputed, of which %d are like one reference", filepath.Base(folder), compared, parts, disputed, likeOne)
	if compared == 0 {
		t.Error("no files")
	}
}

// carried reports whether a kind of metadata was read. The orientation is in the pixels.
func carried(kind string, info imagedata.Info) bool {
	m := info.Meta
	return map[string]bool{
		"icc": m.ICC != nil, "exif": m.EXIF != nil, "orientation": true, "xmp": m.XMP != nil,
		"dpi": m.Resolution.X > 299 && m.Resolution.X < 301, "text": len(m.Text) == 1, "comment": string(m.Comment) == "a comment",
	}[kind]
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
func rgba(t *testing.T, path string) (imagedata.Raster, imagedata.Info, string) {
	data, err := os.ReadFile(path)
	if err != nil { // a reference that could not be made
		return imagedata.Raster{}, imagedata.Info{}, ""
	}
	d, err := Open(data, imagedata.Limits{})
	if err != nil {
		t.Log(path, err)
		return imagedata.Raster{}, imagedata.Info{}, ""
	}
	frame, err := d.Next()
	if err != nil {
		t.Log(path, err)
		return imagedata.Raster{}, imagedata.Info{}, ""
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
	return out, d.Info(), strings.Join(d.Notes(), " ")
}
