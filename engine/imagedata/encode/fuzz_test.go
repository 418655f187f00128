package encode_test

import (
	"bytes"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/engine/imagedata/metadata"
)

// FuzzMetadata writes metadata of strangers into every format: the file can be
// read again, its pixels are what they were, and no profile is made up.
func FuzzMetadata(f *testing.F) {
	packet := []byte(`<x:xmpmeta xmlns:x="adobe:ns:meta/"/>`)
	for format := range uint8(8) {
		f.Add(profile(), exifBlock(), packet, format)
		f.Add(grayProfile(), exifBlock()[:9], bytes.Repeat(packet, 2000), format)
		f.Add([]byte{}, bytes.Repeat([]byte{0xff}, 70_000), []byte("]]>\x00</x:xmpmeta>"), format)
	}
	f.Fuzz(func(t *testing.T, icc, exif, xmp []byte, kind uint8) {
		formats := []imagedata.Format{imagedata.PNG, imagedata.JPEG, imagedata.WebP, imagedata.TIFF}
		format, gray := formats[kind%4], kind&4 != 0
		channels := 3
		if gray {
			channels = 1
		}
		color := gradient(9, 5, channels, 8)
		h := header(color, nil)
		// As the engine passes them: fitted, and matching the pixels.
		h.Meta = metadata.Fit(imagedata.Metadata{ICC: metadata.ICC(icc, channels), EXIF: metadata.EXIF(exif), XMP: xmp}, 9, 5)
		h.Meta.ICC = metadata.ICC(icc, channels)
		var out bytes.Buffer
		write(t, &out, h, encode.Options{Format: format, Lossless: true}, color, nil)
		info, frame := read(t, out.Bytes())
		if info.Width != 9 || info.Height != 5 || info.Frames != 1 {
			t.Fatalf("%+v", info)
		}
		if format != imagedata.JPEG && info.Channels == channels && !bytes.Equal(frame.Color.Pix, color.Pix) {
			t.Fatalf("%s: the pixels changed", format)
		}
		if info.Meta.ICC != nil && h.Meta.ICC == nil {
			t.Fatalf("%s: a profile of %d bytes came from nowhere", format, len(info.Meta.ICC))
		}
		if info.Channels == channels && !bytes.Equal(info.Meta.ICC, h.Meta.ICC) {
			t.Fatalf("%s: %d bytes of profile became %d", format, len(h.Meta.ICC), len(info.Meta.ICC))
		}
	})
}
