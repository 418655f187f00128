package decode

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
)

// TestReferences compares files of kinds that people have with the pixels that
// other decoders agree on.
func TestReferences(t *testing.T) {
	t.Parallel()
	const folder = "../../../../shared/cases/pictures"
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the reference images are not in the repository")
	}
	for _, c := range []struct {
		file, note string
	}{
		{"tiff-g4-blackiszero.tif", ""},
		{"tiff-g3-blackiszero.tif", ""},
		{"tiff-fillorder2-raw.tif", ""},
		{"tiff-fillorder2-lzw.tif", ""},
		{"tiff-fillorder2-packbits.tif", ""},
		{"tiff-colormap-8bit.tif", ""},
		{"tiff-refused-scan_ccitt.tif", ""},
		{"tiff-refused-scan_faxim.tif", ""},
		{"tiff-refused-scan_g32d.tif", ""},
		{"tiff-refused-t_big.tif", ""},
		{"tiff-refused-t_cmyk.tif", "CMYK"},
		{"tiff-refused-t_ga.tif", ""},
		{"tiff-refused-t_gray2.tif", ""},
		{"tiff-refused-t_gray4.tif", ""},
		{"tiff-refused-t_jpeg.tif", ""},
		{"tiff-refused-t_lzma.tif", ""},
		{"tiff-refused-t_pal16.tif", ""},
		{"tiff-refused-t_pilcmyk.tif", "CMYK"},
		{"tiff-refused-t_piljpeg.tif", ""},
		{"tiff-refused-t_planar2.tif", ""},
		{"tiff-refused-t_unspec.tif", ""},
		{"tiff-refused-t_zstd.tif", ""},
		{"gif-frame-outside.gif", ""},
		{"gif-frame-larger-than-screen.gif", ""},
		{"gif-screen-1x1.gif", ""},
		{"bmp-rle8.bmp", ""},
		{"dpi300.jpg", ""},
		{"dpi300.png", ""},
		{"dpi300.bmp", ""},
		{"icc-adobergb-to-gif-bmp-strip.png", ""},
		{"png-text-parameters.png", ""},
		{"png-cicp-pq.png", ""},
		{"xmp-motionphoto.jpg", "video"},
		{"xmp-ultrahdr.jpg", "gain map"},
		{"jpeg-arithmetic.jpg", ""},
		{"jpeg-cmyk-without-adobe.jpg", "CMYK"},
		{"jpeg-icc-chunk-missing.jpg", "profile is missing"},
		{"jpeg-iptc-comment.jpg", ""},
		{"jpeg-mjpeg-without-dht.jpg", ""},
		{"jpeg-progressive-420-restart.jpg", ""},
		{"jpeg-sampling-22-11-12.jpg", ""},
		{"jpeg-sampling-31.jpg", ""},
		{"jpeg-sampling-441.jpg", ""},
		{"jpeg-sampling-lumasmall.jpg", ""},
		{"jpeg-without-eoi.jpg", "end mark"},
		{"xmp-gpano.jpg", ""},
		{"png-extra-pixel-data.png", "more pixel data"},
		{"png-without-adler.png", "lacks its end"},
		{"png-idat-crc.png", "checksum"},
		{"png-iccp-without-adler.png", ""},
		{"phone.heic", ""},
		{"phone.avif", ""},
		{"phone.jxl", ""},
		{"phone.jp2", ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			read := func(path string) (imagedata.Frame, string) {
				data, err := os.ReadFile(filepath.Join(folder, path))
				if err != nil {
					t.Fatal(err)
				}
				needLibrary(t, data)
				d, err := Open(data, imagedata.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				frame, err := d.Next()
				if err != nil {
					t.Fatal(err)
				}
				return frame, strings.Join(d.Notes(), " ")
			}
			got, notes := read(c.file)
			want, _ := read("ref/" + c.file + ".ref.png")
			if psnr := psnr(t, got.Color, want.Color); psnr < 40 {
				t.Errorf("%.1f dB", psnr)
			} else {
				t.Logf("%.1f dB", psnr)
			}
			if (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
				t.Errorf("notes = %q, want %q", notes, c.note)
			}
		})
	}
}

// psnr compares images of 8 bits; gray and color ones are alike.
func psnr(t *testing.T, a, b imagedata.Raster) float64 {
	t.Helper()
	if a.Width != b.Width || a.Height != b.Height {
		t.Fatalf("%dx%d, want %dx%d", a.Width, a.Height, b.Width, b.Height)
	}
	sum := 0.0
	for i := range a.Width * a.Height {
		for c := range 3 {
			d := float64(a.Pix[i*a.Channels+c%a.Channels]) - float64(b.Pix[i*b.Channels+c%b.Channels])
			sum += d * d
		}
	}
	if sum == 0 {
		return 99
	}
	return 10 * math.Log10(255*255*3*float64(a.Width*a.Height)/sum)
}
