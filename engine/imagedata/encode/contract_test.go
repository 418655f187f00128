package encode_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/codec"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
)

// outputs lists the formats that can be written here: some need a library.
func outputs() []imagedata.Format {
	return slices.DeleteFunc(imagedata.Outputs(), func(f imagedata.Format) bool {
		return slices.Contains(codec.Formats(), f) && codec.Check(f) != nil
	})
}

// How an image is cut into bands changes no byte of a file.
func TestBandsChangeNothing(t *testing.T) {
	t.Parallel()
	color, alpha := gradient(53, 41, 3, 8), gradient(53, 41, 1, 8)
	for _, format := range outputs() {
		for _, quality := range []int{0, 50} {
			var whole bytes.Buffer
			write(t, &whole, header(color, &alpha), encode.Options{Format: format, Quality: quality}, color, &alpha)
			if slices.Contains(codec.Formats(), format) { // slow, and bands end in one buffer
				var parts bytes.Buffer
				write(t, &parts, header(color, &alpha), encode.Options{Format: format, Quality: quality}, color, &alpha, 7, 1, 13)
				if !bytes.Equal(parts.Bytes(), whole.Bytes()) {
					t.Errorf("%s in bands differs", format)
				}
				continue
			}
			rapid.Check(t, func(rt *rapid.T) {
				var parts bytes.Buffer
				bands := rapid.SliceOfN(rapid.IntRange(1, 20), 1, 12).Draw(rt, "bands")
				write(t, &parts, header(color, &alpha), encode.Options{Format: format, Quality: quality}, color, &alpha, bands...)
				if !bytes.Equal(parts.Bytes(), whole.Bytes()) {
					rt.Fatalf("%s in bands %v differs", format, bands)
				}
			})
			if format == imagedata.WebP { // slow, and its lossy path is one for all qualities
				break
			}
		}
	}
}

// 16 bits become the nearest of 8.
func TestRoundingTo8Bits(t *testing.T) {
	t.Parallel()
	color := imagedata.NewRaster(256, 256, 1, 16)
	for i := range color.Pix16 {
		color.Pix16[i] = uint16(i)
	}
	var out bytes.Buffer
	write(t, &out, header(color, nil), encode.Options{Format: imagedata.BMP}, color, nil)
	_, frame := read(t, out.Bytes())
	step := len(frame.Color.Pix) / len(color.Pix16) // 3 where gray is read as color
	for i, v := range color.Pix16 {
		got := int(frame.Color.Pix[i*step])
		if d := got*257 - int(v); d > 128 || d < -128 {
			t.Fatalf("%d became %d", v, got)
		}
	}
}

// full is a writer with room for some bytes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// A disk that fills up at any point is reported, again on every later call.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	color := gradient(40, 40, 3, 8)
	for _, format := range outputs() {
		var whole bytes.Buffer
		h := header(color, nil)
		h.Meta = imagedata.Metadata{ICC: profile(), XMP: []byte(`<x:xmpmeta xmlns:x="adobe:ns:meta/"/>`)}
		write(t, &whole, h, encode.Options{Format: format}, color, nil)
		for room := 0; room < whole.Len(); room += 1 + whole.Len()/20 {
			e, err := encode.New(&full{room}, h, encode.Options{Format: format})
			if err == nil {
				_ = e.BeginFrame(0)
				_ = e.WriteBand(color.Rows(0, 20), nil)
				_ = e.WriteBand(color.Rows(20, 40), nil)
				if err = e.Close(); !errors.Is(e.Close(), errFull) {
					t.Errorf("%s: the error was forgotten", format)
				}
			}
			if !errors.Is(err, errFull) {
				t.Errorf("%s with room for %d of %d bytes: %v", format, room, whole.Len(), err)
			}
		}
	}
}

// Calls that break the contract fail, and nothing completes the file then.
func TestContract(t *testing.T) {
	t.Parallel()
	color, alpha := gradient(8, 8, 3, 8), gradient(8, 8, 1, 8)
	for name, calls := range map[string]func(encode.Encoder) error{
		"band before frame": func(e encode.Encoder) error { return e.WriteBand(color, nil) },
		"too many frames": func(e encode.Encoder) error {
			return errors.Join(e.BeginFrame(0), e.WriteBand(color, nil), e.BeginFrame(0))
		},
		"too many rows": func(e encode.Encoder) error {
			return errors.Join(e.BeginFrame(0), e.WriteBand(color, nil), e.WriteBand(color, nil))
		},
		"too few rows": func(e encode.Encoder) error {
			return errors.Join(e.BeginFrame(0), e.WriteBand(color.Rows(0, 7), nil), e.Close())
		},
		"alpha":    func(e encode.Encoder) error { return errors.Join(e.BeginFrame(0), e.WriteBand(color, &alpha)) },
		"channels": func(e encode.Encoder) error { return errors.Join(e.BeginFrame(0), e.WriteBand(alpha, nil)) },
		"samples missing": func(e encode.Encoder) error {
			short := color
			short.Pix = short.Pix[:9]
			return errors.Join(e.BeginFrame(0), e.WriteBand(short, nil))
		},
	} {
		for _, format := range outputs() {
			e, err := encode.New(&bytes.Buffer{}, header(color, nil), encode.Options{Format: format})
			if err != nil {
				t.Fatal(err)
			}
			if err := calls(e); fault.KindOf(err) != fault.Internal || e.Close() == nil {
				t.Errorf("%s, %s: %v", name, format, err)
			}
		}
	}
}
