package decode

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"upscaled/engine/imagedata"
)

func TestPNGKinds(t *testing.T) {
	t.Parallel()
	palette := pngChunk("PLTE", []byte{1, 2, 3, 250, 251, 252})
	tests := []struct {
		name             string
		depth, colorType int
		extra            []byte
		row              []byte // two pixels
		color            []uint16
		alpha            []uint16
	}{
		{"gray 1 bit", 1, 0, nil, []byte{0x40}, []uint16{0, 255}, nil},
		{"gray 2 bits", 2, 0, nil, []byte{0x60}, []uint16{85, 170}, nil},
		{"gray 4 bits", 4, 0, nil, []byte{0x1f}, []uint16{17, 255}, nil},
		{"gray 8 bits", 8, 0, nil, []byte{7, 9}, []uint16{7, 9}, nil},
		{"gray 16 bits", 16, 0, nil, []byte{1, 2, 3, 4}, []uint16{0x102, 0x304}, nil},
		{"gray, clear colour", 8, 0, pngChunk("tRNS", []byte{0, 9}), []byte{7, 9}, []uint16{7, 9}, []uint16{255, 0}},
		{"gray 16, clear colour", 16, 0, pngChunk("tRNS", []byte{1, 2}), []byte{1, 2, 3, 4}, []uint16{0x102, 0x304}, []uint16{0, 0xffff}},
		{"gray and alpha", 8, 4, nil, []byte{7, 1, 9, 2}, []uint16{7, 9}, []uint16{1, 2}},
		{"gray and alpha 16", 16, 4, nil, []byte{1, 2, 3, 4, 5, 6, 7, 8}, []uint16{0x102, 0x506}, []uint16{0x304, 0x708}},
		{"rgb", 8, 2, nil, []byte{1, 2, 3, 4, 5, 6}, []uint16{1, 2, 3, 4, 5, 6}, nil},
		{"rgb, clear colour", 8, 2, pngChunk("tRNS", []byte{0, 4, 0, 5, 0, 6}), []byte{1, 2, 3, 4, 5, 6}, []uint16{1, 2, 3, 4, 5, 6}, []uint16{255, 0}},
		{"rgb 16", 16, 2, nil, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, []uint16{0x102, 0x304, 0x506, 0x708, 0x90a, 0xb0c}, nil},
		{"rgba", 8, 6, nil, []byte{1, 2, 3, 0, 5, 6, 7, 8}, []uint16{1, 2, 3, 5, 6, 7}, []uint16{0, 8}},
		{"rgba 16", 16, 6, nil, []byte{1, 2, 3, 4, 5, 6, 0, 9, 1, 1, 2, 2, 3, 3, 4, 4}, []uint16{0x102, 0x304, 0x506, 0x101, 0x202, 0x303}, []uint16{9, 0x404}},
		{"palette", 1, 3, palette, []byte{0x40}, []uint16{1, 2, 3, 250, 251, 252}, nil},
		{"palette, clear colour", 8, 3, append(slices.Clone(palette), pngChunk("tRNS", []byte{255, 40})...), []byte{0, 1}, []uint16{1, 2, 3, 250, 251, 252}, []uint16{255, 40}},
		{"palette, nothing clear", 8, 3, append(slices.Clone(palette), pngChunk("tRNS", []byte{255})...), []byte{0, 1}, []uint16{1, 2, 3, 250, 251, 252}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			info, frames := all(t, pngFixture(pngHeader(2, 1, test.depth, test.colorType), test.extra, pngChunk("IDAT", pngRows(test.row))))
			frame := frames[0]
			if got := widened(frame.Color); !slices.Equal(got, test.color) {
				t.Errorf("color = %v, want %v", got, test.color)
			}
			if (test.alpha != nil) != info.Alpha || info.Alpha != (frame.Alpha != nil) {
				t.Fatalf("alpha: info %v, frame %v, want %v", info.Alpha, frame.Alpha != nil, test.alpha != nil)
			}
			if info.Alpha && !slices.Equal(widened(*frame.Alpha), test.alpha) {
				t.Errorf("alpha = %v, want %v", widened(*frame.Alpha), test.alpha)
			}
			if wantDepth := max(test.depth, 8); info.Depth != wantDepth || frame.Color.Depth() != wantDepth {
				t.Errorf("depth = %d and %d, want %d", info.Depth, frame.Color.Depth(), wantDepth)
			}
			if info.Channels != len(test.color)/2 {
				t.Errorf("channels = %d, want %d", info.Channels, len(test.color)/2)
			}
		})
	}
}

// widened returns samples of either depth unscaled.
func widened(r imagedata.Raster) []uint16 {
	out := slices.Clone(r.Pix16)
	for _, v := range r.Pix {
		out = append(out, uint16(v))
	}
	return out
}

func TestPNGMetadata(t *testing.T) {
	t.Parallel()
	packet := "<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
	profile := pngChunk("iCCP", []byte("name\x00\x00"), deflate(iccFixture("RGB ")))
	text := pngChunk("iTXt", []byte("XML:com.adobe.xmp\x00\x01\x00en\x00key\x00"), deflate([]byte(packet)))
	pixels := pngChunk("IDAT", pngRows([]byte{1, 2, 3}))
	info, err := Probe(pngFixture(pngHeader(1, 1, 8, 2), profile, pngChunk("eXIf", exifFixture(6)), pixels, text), imagedata.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(info.Meta.ICC, iccFixture("RGB ")) || !bytes.Equal(info.Meta.EXIF, exifFixture(6)) || string(info.Meta.XMP) != packet {
		t.Errorf("metadata = %+v", info.Meta)
	}

	stream := deflate(iccFixture("RGB "))
	cut := pngChunk("iCCP", []byte("name\x00\x00"), stream[:len(stream)-4])
	if info, err = Probe(pngFixture(pngHeader(1, 1, 8, 2), cut, pixels), imagedata.Limits{}); !bytes.Equal(info.Meta.ICC, iccFixture("RGB ")) {
		t.Errorf("profile without its checksum: %d bytes, %v", len(info.Meta.ICC), err)
	}

	broken := slices.Clone(profile)
	broken[len(broken)-1]++
	bomb := pngChunk("iCCP", []byte("name\x00\x00"), deflate(make([]byte, 17<<20)))
	for name, chunk := range map[string][]byte{
		"broken checksum": broken, "bomb": bomb,
		"gray profile": pngChunk("iCCP", []byte("n\x00\x00"), deflate(iccFixture("GRAY"))),
	} {
		info, err := Probe(pngFixture(pngHeader(1, 1, 8, 2), chunk, pixels), imagedata.Limits{})
		if err != nil || info.Meta.ICC != nil {
			t.Errorf("%s: profile of %d bytes, error %v; want it dropped", name, len(info.Meta.ICC), err)
		}
	}
	d, err := Open(pngFixture(pngHeader(1, 1, 8, 2), pngChunk("gAMA", []byte{0, 1, 0x86, 0xa0}), pixels), imagedata.Limits{})
	if err != nil || len(d.Notes()) != 1 || !strings.Contains(d.Notes()[0], "gamma") {
		t.Errorf("notes on a linear picture = %v, %v", d.Notes(), err)
	}
}

func TestAPNG(t *testing.T) {
	t.Parallel()
	rgba := func(pixels ...byte) []byte { return pngRows(pixels) }
	numbered := func(sequence byte, data []byte) []byte {
		return pngChunk("fdAT", []byte{0, 0, 0, sequence}, data)
	}
	info, frames := all(t, pngFixture(
		pngHeader(2, 1, 8, 6),
		animationControl(99, 3),                        // a lie; four frames follow
		pngChunk("IDAT", rgba(9, 9, 9, 9, 9, 9, 9, 9)), // not part of the animation
		frameControl(0, 2, 1, 0, 0, 1, 4, 0, 0),
		numbered(1, rgba(100, 0, 0, 255, 0, 0, 0, 0)),
		frameControl(2, 1, 1, 0, 0, 1, 0, 2, 1), // half over the first pixel, then reverted
		numbered(3, rgba(200, 0, 0, 51)),
		frameControl(4, 1, 1, 1, 0, 0, 1, 1, 1), // over the clear pixel, then cleared
		numbered(5, rgba(0, 80, 0, 128)),
		frameControl(6, 1, 1, 0, 0, 2, 1, 0, 0), // replaces
		numbered(7, rgba(1, 2, 3, 4)),
	))
	if info.Frames != 4 || info.Loop != 3 || !info.Alpha {
		t.Fatalf("info = %+v", info)
	}
	want := []struct {
		color []uint8
		alpha []uint8
		delay time.Duration
	}{
		{[]uint8{100, 0, 0, 0, 0, 0}, []uint8{255, 0}, 250 * time.Millisecond},
		{[]uint8{120, 0, 0, 0, 0, 0}, []uint8{255, 0}, 10 * time.Millisecond},
		{[]uint8{100, 0, 0, 0, 80, 0}, []uint8{255, 128}, 0},
		{[]uint8{1, 2, 3, 0, 0, 0}, []uint8{4, 0}, 2 * time.Second},
	}
	for i, frame := range frames {
		if !bytes.Equal(frame.Color.Pix, want[i].color) || !bytes.Equal(frame.Alpha.Pix, want[i].alpha) || frame.Delay != want[i].delay {
			t.Errorf("frame %d = %v %v %v, want %v", i, frame.Color.Pix, frame.Alpha.Pix, frame.Delay, want[i])
		}
	}
}

func TestAPNGWithDefaultImageAsFirstFrame(t *testing.T) {
	t.Parallel()
	info, frames := all(t, pngFixture(
		pngHeader(1, 1, 16, 0), animationControl(2, 0),
		frameControl(0, 1, 1, 0, 0, 1, 10, 0, 0), pngChunk("IDAT", pngRows([]byte{1, 2})),
		frameControl(1, 1, 1, 0, 0, 1, 10, 0, 0), pngChunk("fdAT", []byte{0, 0, 0, 2}, pngRows([]byte{3, 4})),
	))
	if info.Frames != 2 || info.Alpha || info.Channels != 1 || info.Depth != 16 {
		t.Fatalf("info = %+v", info)
	}
	if frames[0].Color.Pix16[0] != 0x102 || frames[1].Color.Pix16[0] != 0x304 {
		t.Errorf("frames = %v", frames)
	}
}
