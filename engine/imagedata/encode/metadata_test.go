package encode_test

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/engine/imagedata/metadata"
)

// Where gray becomes color its profile does, too: the same curve three times.
func TestGrayProfileBecomesColor(t *testing.T) {
	t.Parallel()
	gray := gradient(12, 12, 1, 8)
	for _, c := range []struct {
		format  imagedata.Format
		alpha   bool
		becomes int // channels
	}{
		{imagedata.PNG, false, 1}, {imagedata.PNG, true, 1}, {imagedata.JPEG, false, 1}, {imagedata.JPEG, true, 1},
		{imagedata.TIFF, false, 1}, {imagedata.TIFF, true, 3}, {imagedata.WebP, false, 3},
	} {
		var alpha *imagedata.Raster
		if c.alpha {
			alpha = &gray
		}
		h := header(gray, alpha)
		h.Meta.ICC = grayProfile()
		var out bytes.Buffer
		write(t, &out, h, encode.Options{Format: c.format, Lossless: true}, gray, alpha)
		info, frame := read(t, out.Bytes())
		profile := metadata.ICC(info.Meta.ICC, c.becomes)
		if info.Channels != c.becomes || profile == nil {
			t.Fatalf("%s, alpha %v: %d channels, profile %q", c.format, c.alpha, info.Channels, info.Meta.ICC)
		}
		if c.becomes == 1 {
			continue
		}
		for i, v := range gray.Pix {
			if [3]uint8(frame.Color.Pix[3*i:]) != [3]uint8{v, v, v} {
				t.Fatalf("%s: gray %d became %v", c.format, v, frame.Color.Pix[3*i:3*i+3])
			}
		}
		checkCurves(t, profile)
	}
}

func checkCurves(t *testing.T, profile []byte) {
	t.Helper()
	curves, primaries := 0, [3]uint32{}
	for i := range int(binary.BigEndian.Uint32(profile[128:])) {
		entry := profile[132+12*i:]
		start, size := binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:])
		data := profile[start : start+size]
		switch name := string(entry[:4]); {
		case strings.HasSuffix(name, "TRC"):
			if curves++; !bytes.Equal(data[:4], []byte("curv")) || !bytes.Equal(data[12:14], []byte{1, 0xcd}) {
				t.Errorf("%s is %q", name, data)
			}
		case strings.HasSuffix(name, "XYZ"):
			for axis := range primaries {
				primaries[axis] += binary.BigEndian.Uint32(data[8+4*axis:])
			}
		}
	}
	// Equal samples are the white of the profile connection space, D50.
	if curves != 3 || primaries != [3]uint32{63195, 65534, 54073} {
		t.Errorf("%d curves, primaries add up to %v", curves, primaries)
	}
}

// Blocks beyond a JPEG segment are split or, EXIF, left out; the file stays
// readable.
func TestLargeMetadataInJPEG(t *testing.T) {
	t.Parallel()
	color := gradient(16, 16, 3, 8)
	h := header(color, nil)
	packet := `<x:xmpmeta xmlns:x="adobe:ns:meta/"><!--` + strings.Repeat("a history ", 20_000) + `--></x:xmpmeta>`
	h.Meta = imagedata.Metadata{XMP: []byte(packet), EXIF: append(exifBlock(), make([]byte, 70_000)...)}
	var out bytes.Buffer
	write(t, &out, h, encode.Options{Format: imagedata.JPEG}, color, nil)
	name := fmt.Sprintf("%X", md5.Sum([]byte(packet)))
	parts := bytes.Split(out.Bytes(), []byte("http://ns.adobe.com/xmp/extension/\x00"+name))
	joined := make([]byte, len(packet))
	for _, part := range parts[1:] {
		if size := binary.BigEndian.Uint32(part); int(size) != len(packet) {
			t.Fatalf("a part of %d bytes", size)
		}
		copy(joined[binary.BigEndian.Uint32(part[4:]):], part[8:])
	}
	// The last part is followed by the next segment.
	if string(joined) != packet || !bytes.Contains(parts[0], []byte(`HasExtendedXMP="`+name)) {
		t.Errorf("%d parts do not make the packet", len(parts)-1)
	}
	if _, frame := read(t, out.Bytes()); psnr(frame.Color, color) < 35 {
		t.Error("the picture was damaged")
	}
}

// Any bytes as a profile are written or left out, never a panic.
func FuzzGrayProfile(f *testing.F) {
	f.Add(grayProfile())
	f.Add(grayProfile()[:140])
	f.Add(bytes.Repeat([]byte{0xff}, 200))
	f.Fuzz(func(t *testing.T, profile []byte) {
		gray := imagedata.NewRaster(1, 1, 1, 8)
		h := header(gray, &gray)
		h.Meta.ICC = profile
		write(t, io.Discard, h, encode.Options{Format: imagedata.TIFF}, gray, &gray)
	})
}
