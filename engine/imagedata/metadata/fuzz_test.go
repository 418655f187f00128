package metadata_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
)

// FuzzFit checks that whatever comes in, the result is upright, no larger
// than it must be, and stable: fitting it again changes nothing.
func FuzzFit(f *testing.F) {
	little, _ := camera(binary.LittleEndian)
	big, _ := camera(binary.BigEndian)
	packet := []byte(`<r tiff:Orientation="3"><tiff:ImageWidth>9</tiff:ImageWidth><xmp:Thumbnails>x</xmp:Thumbnails></r>`)
	f.Add(little, packet, 7, 9)
	f.Add(big, []byte("<xmp:Thumbnails/>"), 1, 70000)
	f.Add(append([]byte("Exif\x00\x00"), big...), []byte("<a b='"), 0, 0)
	f.Add(little, []byte(`<r GPano:FullPanoWidthPixels="128" GPano:CroppedAreaImageWidthPixels="64" hdrgm:Version="1"/>`), 128, 9)
	f.Fuzz(func(t *testing.T, exif, xmp []byte, width, height int) {
		before := bytes.Clone(exif)
		m := metadata.Fit(imagedata.Metadata{EXIF: metadata.EXIF(exif), XMP: xmp}, width&0xffffff, height&0xffffff)
		if !bytes.Equal(exif, before) {
			t.Fatal("the argument was changed")
		}
		if len(m.EXIF) > len(exif) {
			t.Fatalf("EXIF grew from %d to %d bytes", len(exif), len(m.EXIF))
		}
		again := metadata.Fit(m, width&0xffffff, height&0xffffff)
		if !bytes.Equal(again.EXIF, m.EXIF) || !bytes.Equal(again.XMP, m.XMP) {
			t.Fatalf("not stable:\n%q\n%q\n%q\n%q", m.EXIF, again.EXIF, m.XMP, again.XMP)
		}
	})
}
