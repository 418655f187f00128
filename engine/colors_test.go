package engine_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/engine/imagedata/icc"
)

// grayProfile has one tag, of gamma 1 or a type that nothing reads.
func grayProfile(kind string) []byte {
	out := make([]byte, 128)
	copy(out[16:], "GRAYXYZ ")
	copy(out[36:], "acsp")
	out = binary.BigEndian.AppendUint32(out, 1)
	out = append(out, "kTRC\x00\x00\x00\x90\x00\x00\x00\x0c"...)
	out = append(append(out, kind...), make([]byte, 8)...)
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out
}

func TestDroppedProfileConvertsColors(t *testing.T) {
	t.Parallel()
	in := noise(3, 20, 14, 1, 8)
	for kind, note := range map[string]string{"curv": "converted to sRGB", "mft2": "unusual"} {
		input := pngOf(t, in, nil, imagedata.Metadata{ICC: grayProfile(kind)})
		run := func(q engine.Request) (imagedata.Raster, engine.Result) {
			q.Input, q.Size = input, engine.Size{Scale: 2}
			out, result, err := upscale(t, &enginetest.Runtime{}, enginetest.Net(2, 3), q)
			if err != nil {
				t.Fatal(err)
			}
			return first(t, out).Color, result
		}
		want, result := run(engine.Request{Format: imagedata.PNG})
		if len(result.Notes) > 0 || result.Output.Meta.ICC == nil {
			t.Errorf("kept profile: %q", result.Notes)
		}
		want.Pix = slices.Clone(want.Pix)
		if conversion, ok := icc.NewSRGB(grayProfile(kind)); ok {
			conversion.Convert(want)
		}
		for _, q := range []engine.Request{{Format: imagedata.PNG, Strip: true}, {Format: imagedata.BMP}, {Format: imagedata.BMP, Strip: true}} {
			got, result := run(q)
			if !equal(got, want) || len(result.Notes) != 1 || !strings.Contains(result.Notes[0], note) || result.Output.Meta.ICC != nil {
				t.Errorf("%s, %s, strip %v: notes %q", kind, q.Format, q.Strip, result.Notes)
			}
		}
	}
}

// pngOf returns a file of a raster.
func pngOf(t *testing.T, color imagedata.Raster, alpha *imagedata.Raster, meta imagedata.Metadata) []byte {
	t.Helper()
	var file bytes.Buffer
	e, err := encode.New(&file, encode.Header{
		Width: color.Width, Height: color.Height, Channels: color.Channels, Depth: color.Depth(), Alpha: alpha != nil, Frames: 1, Meta: meta,
	}, encode.Options{Format: imagedata.PNG})
	if err == nil {
		err = e.BeginFrame(0)
	}
	if err == nil {
		err = e.WriteBand(color, alpha)
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestWhatFormatsCannotHold: each loss of samples has a note.
func TestWhatFormatsCannotHold(t *testing.T) {
	t.Parallel()
	alpha := noise(4, 20, 14, 1, 16)
	input := pngOf(t, noise(3, 20, 14, 3, 16), &alpha, imagedata.Metadata{})
	for format, want := range map[imagedata.Format][]string{
		imagedata.PNG: nil, imagedata.TIFF: nil,
		imagedata.JPEG: {"laid on white", "reduced to 8 bits"},
		imagedata.WebP: {"reduced to 8 bits"}, imagedata.BMP: {"reduced to 8 bits"},
		imagedata.GIF:  {"reduced to 8 bits", "transparent or opaque"},
		imagedata.AVIF: {"reduced to 12 bits"}, imagedata.JXL: nil,
	} {
		if encode.Writable(format) != nil {
			continue // its library is missing
		}
		_, result, err := upscale(t, &enginetest.Runtime{}, enginetest.Net(2, 3), engine.Request{Input: input, Size: engine.Size{Scale: 2}, Format: format})
		if err != nil || len(result.Notes) != len(want) {
			t.Errorf("%s: %v, notes %q", format, err, result.Notes)
			continue
		}
		for i, note := range want {
			if !strings.Contains(result.Notes[i], note) {
				t.Errorf("%s: notes %q, want %q", format, result.Notes, note)
			}
		}
	}
}
