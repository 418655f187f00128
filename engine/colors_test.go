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
		var input bytes.Buffer
		e, err := encode.New(&input, encode.Header{
			Width: in.Width, Height: in.Height, Channels: 1, Depth: 8, Frames: 1, Meta: imagedata.Metadata{ICC: grayProfile(kind)},
		}, encode.Options{Format: imagedata.PNG})
		if err == nil {
			err = e.BeginFrame(0)
		}
		if err == nil {
			err = e.WriteBand(in, nil)
		}
		if err == nil {
			err = e.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		run := func(q engine.Request) (imagedata.Raster, engine.Result) {
			q.Input, q.Size = input.Bytes(), engine.Size{Scale: 2}
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
