package decode

import (
	"bytes"
	"encoding/binary"
	"slices"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/codec"
	"upscaled/engine/imagedata/metadata"
)

// Address space of a child besides its file and pixels: libraries, stacks, heaps.
const childMemory = 1 << 30

// readCodec reads the formats of package codec, whose children bound a file's cost.
func readCodec(format imagedata.Format, data []byte) (*source, error) {
	bounds := codec.Bounds{Memory: childMemory + 3*int64(len(data)), Seconds: 10}
	img, err := codec.Probe(format, data, bounds)
	if err != nil {
		return nil, err
	}
	s := &source{
		info: imagedata.Info{
			Format: format, Width: img.Width, Height: img.Height, Channels: img.Channels, Depth: img.Depth, Bits: img.Bits, Alpha: img.Alpha, Frames: 1,
			Meta: imagedata.Metadata{ICC: img.ICC},
		},
		notes: img.Notes,
	}
	s.info.Meta.EXIF = s.notes.intact("EXIF data", metadata.EXIF, img.EXIF)
	s.info.Meta.XMP = s.notes.intact("XMP data", metadata.XMP, img.XMP)
	s.takeBoxes(data)
	s.takeCoding(img)
	s.perPixel = s.codecMemory()
	s.frames = still(func() (imagedata.Frame, error) {
		pixels := float64(s.info.Width) * float64(s.info.Height)
		bounds.Memory += 2 * int64(s.perPixel*pixels)
		bounds.Seconds = 20 + int(4*pixels*s.nanoseconds()*1e-9)
		return codec.Decode(format, data, img, bounds)
	})
	return s, nil
}

// takeBoxes reads the boxes of a file that the libraries do not report: sequences,
// gain maps after ISO 21496-1, C2PA's signatures, and the light of HDR.
func (s *source) takeBoxes(data []byte) {
	if iso := string(data[4:8]) == "ftyp"; iso {
		switch string(data[8:12]) {
		case "avis", "msf1", "hevc", "hevx":
			s.notes.add("The animation's first frame was taken.")
		}
	}
	for rest := data; len(rest) >= 8; {
		size := int64(binary.BigEndian.Uint32(rest))
		if size < 8 || size > int64(len(rest)) {
			return
		}
		kind, body := string(rest[4:8]), rest[8:size]
		switch rest = rest[size:]; {
		case kind == "meta":
			if bytes.Contains(body, []byte("tmap")) {
				s.notes.add(metadata.GainMap)
			}
			s.info.Meta.HDR = append(s.info.Meta.HDR, metadata.Light(body)...)
		case kind == "jumb" && bytes.Contains(body, []byte("c2pa")), kind == "uuid" && bytes.HasPrefix(body, []byte("\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c")):
			s.notes.add(credentials)
		}
	}
}

// takeCoding keeps code points that differ from sRGB. A profile counts more, except for
// HDR, of which profiles say little.
func (s *source) takeCoding(img codec.Image) {
	const bt2020, p3DCI, p3D65, gamma22, gamma28, linear, pq, hlg = 9, 11, 12, 4, 5, 8, 16, 18
	hdr := img.Transfer == pq || img.Transfer == hlg
	other := slices.Contains([]int{bt2020, p3DCI, p3D65}, img.Primaries) || slices.Contains([]int{gamma22, gamma28, linear}, img.Transfer)
	if hdr || other && s.info.Meta.ICC == nil {
		coding := imagedata.Chunk{Kind: "cICP", Data: []byte{byte(img.Primaries), byte(img.Transfer), 0, 1}}
		s.info.Meta.HDR = append([]imagedata.Chunk{coding}, s.info.Meta.HDR...)
	}
}

// codecMemory returns the bytes per pixel that a child and the frame take, measured.
func (s *source) codecMemory() float64 {
	samples := s.raster()
	switch s.info.Format {
	case imagedata.JXL:
		return 24 + 2*samples
	case imagedata.JP2:
		return 18 + 3*samples
	}
	return 12 + 4*samples
}

// codecNanoseconds is nanoseconds of the formats that children decode, measured.
func codecNanoseconds(f imagedata.Format) (ns float64, ok bool) {
	ns, ok = map[imagedata.Format]float64{
		imagedata.HEIC: 150, imagedata.AVIF: 150, imagedata.JXL: 200, imagedata.JP2: 250,
	}[f]
	return ns, ok
}
