package decode

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"runtime"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
)

// Markers of ITU-T T.81, table B.1.
const (
	markerSOF0  = 0xc0
	markerSOF2  = 0xc2
	markerSOF15 = 0xcf
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerAPP1  = 0xe1
	markerAPP2  = 0xe2
)

// maxScans bounds the passes over a progressive image. Encoders use about ten; a
// hostile file can demand thousands of full passes in a few bytes.
const maxScans = 100

// collectAbove is the pixel count above which the coefficients of a progressive
// image, 6 bytes per pixel, are freed before its raster is allocated.
const collectAbove = 4_000_000

// jpegHeader is the content of the segments before the first scan.
type jpegHeader struct {
	width, height, components int
	progressive               bool
	samples                   float64 // per pixel, all components together
	profile                   [][]byte
	meta                      imagedata.Metadata
}

func readJPEG(data []byte) (*source, error) {
	header, err := scanJPEG(data)
	if err != nil {
		return nil, err
	}
	//guard:jpeg-scans TestHostileFiles/progressive_JPEG_of_1000_scans
	if header.progressive && bytes.Count(data, []byte{0xff, markerSOS}) > maxScans {
		return nil, damaged("too many scans")
	}
	s := &source{
		info: imagedata.Info{
			Width: header.width, Height: header.height,
			Channels: 3, Depth: 8, Frames: 1, Meta: header.meta,
		},
		orientation: metadata.Orientation(header.meta.EXIF),
	}
	if header.components == 1 {
		s.info.Channels = 1
	}
	if header.components == 4 {
		s.note("The CMYK colors were converted to RGB without their profile.")
		s.info.Meta.ICC = nil
	}
	s.takesJPEG(header)
	s.frames = still(func() (imagedata.Frame, error) {
		//guard:jpeg-size TestHostileFiles/JPEG_9999x9999_of_300_bytes TestHostileFiles/progressive_JPEG_6999x6999_of_300_bytes
		if header.exceeds(len(data)) {
			return imagedata.Frame{}, errTruncated
		}
		stored, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			return imagedata.Frame{}, err
		}
		if header.progressive && header.width*header.height > collectAbove {
			runtime.GC()
		}
		return convert(stored, s.stored(), fullRange())
	})
	return s, nil
}

// exceeds reports whether the image cannot fit into a file of that many bytes:
// each block of 8x8 pixels takes at least one bit. This avoids allocating for it.
func (h jpegHeader) exceeds(bytes int) bool {
	return (h.width+7)/8*((h.height+7)/8) > 8*bytes
}

// scanJPEG walks the segments up to the first scan.
func scanJPEG(data []byte) (jpegHeader, error) {
	var h jpegHeader
	for at := 2; ; {
		for at < len(data) && data[at] != 0xff {
			at++ // stray bytes between segments are tolerated, as by libjpeg
		}
		for at < len(data) && data[at] == 0xff {
			at++
		}
		if at >= len(data) {
			return h, errTruncated
		}
		marker := data[at]
		at++
		if marker == 0 || marker >= 0xd0 && marker <= markerSOI {
			continue
		}
		if marker == markerEOI || at+2 > len(data) {
			return h, errTruncated
		}
		length := int(binary.BigEndian.Uint16(data[at:]))
		if length < 2 {
			return h, damaged("segment length below 2")
		}
		if at+length > len(data) {
			return h, errTruncated
		}
		if marker == markerSOS {
			h.meta.ICC = metadata.JoinICC(h.profile)
			if h.components == 0 {
				return h, damaged("scan without frame header")
			}
			return h, nil
		}
		if err := h.segment(marker, data[at+2:at+length]); err != nil {
			return h, err
		}
		at += length
	}
}

func (h *jpegHeader) segment(marker byte, payload []byte) error {
	switch {
	case marker == markerAPP1:
		h.application1(payload)
	case marker == markerAPP2:
		if segment, ok := bytes.CutPrefix(payload, []byte("ICC_PROFILE\x00")); ok {
			h.profile = append(h.profile, segment)
		}
	case marker == 0xc4 || marker == 0xc8 || marker == 0xcc: // tables, not frames
	case marker > markerSOF2 && marker <= markerSOF15:
		return unsupportedError("Lossless, hierarchical and arithmetic-coded JPEG files cannot be read")
	case marker >= markerSOF0 && marker <= markerSOF2:
		return h.frame(marker, payload)
	}
	return nil
}

func (h *jpegHeader) application1(payload []byte) {
	if h.meta.EXIF == nil && bytes.HasPrefix(payload, []byte("Exif\x00")) {
		h.meta.EXIF = metadata.EXIF(payload)
	}
	if packet, ok := bytes.CutPrefix(payload, []byte("http://ns.adobe.com/xap/1.0/\x00")); ok && h.meta.XMP == nil {
		h.meta.XMP = metadata.XMP(packet)
	}
}

// samplesPerPixel sums the components of a frame header, weighted by their
// sampling factors (T.81, B.2.2); without factors none is subsampled.
func samplesPerPixel(components []byte, count int) float64 {
	if len(components) < 3*count || count == 1 {
		return float64(count)
	}
	most, sum := 1.0, 0.0
	for i := range count {
		across, down := float64(components[3*i+1]>>4), float64(components[3*i+1]&15)
		most = max(most, across*down)
		sum += across * down
	}
	return min(sum/most, float64(count))
}

func (h *jpegHeader) frame(marker byte, payload []byte) error {
	if len(payload) < 6 || h.components != 0 {
		return damaged("frame header")
	}
	if payload[0] != 8 {
		return unsupportedError("JPEG files with 12 bits per sample cannot be read")
	}
	h.height = int(binary.BigEndian.Uint16(payload[1:]))
	h.width = int(binary.BigEndian.Uint16(payload[3:]))
	h.components = int(payload[5])
	h.progressive = marker == markerSOF2
	if h.components != 1 && h.components != 3 && h.components != 4 {
		return unsupportedError("JPEG files with other than 1, 3 or 4 components cannot be read")
	}
	h.samples = samplesPerPixel(payload[6:], h.components)
	return nil
}

// cmykRows converts to RGB by simple multiplication; anything better needs a
// profile.
func cmykRows(img *image.CMYK) func() rowFunc[uint8] {
	return func() rowFunc[uint8] {
		return func(y int, color, _ []uint8) {
			row := img.Pix[y*img.Stride:]
			for x := range len(color) / 3 {
				pixel := row[4*x : 4*x+4 : 4*x+4]
				paper := 255 - uint32(pixel[3])
				for i := range 3 {
					color[3*x+i] = uint8(((255-uint32(pixel[i]))*paper + 127) / 255)
				}
			}
		}
	}
}
