package decode

import (
	"bytes"
	"encoding/binary"
	"slices"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/icc"
	"upscaled/engine/imagedata/jpeg"
	"upscaled/engine/imagedata/metadata"
)

// Markers of application segments.
const (
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP2  = 0xe2
	markerAPP11 = 0xeb
	markerAPP13 = 0xed
	markerAPP14 = 0xee
	markerCOM   = 0xfe
)

// maxComment bounds the comments of a file together.
const maxComment = 65000

// jpegFile is a file with the contents of its application segments.
type jpegFile struct {
	*jpeg.File
	jfif    bool
	adobe   int // color transform of the APP14 segment, -1 without one
	profile [][]byte
	meta    imagedata.Metadata
	// images reports a list of several images (CIPA DC-007), of which one is read.
	images bool
	notes  notes
}

func readJPEG(data []byte) (*source, error) {
	f := &jpegFile{adobe: -1}
	var err error
	if f.File, err = jpeg.Parse(data, nil, f.segment); err != nil {
		return nil, err
	}
	f.meta.ICC = metadata.JoinICC(f.profile)
	s := &source{
		info: imagedata.Info{
			Width: f.Width, Height: f.Height,
			Channels: 3, Depth: 8, Frames: 1, Meta: f.meta,
		},
		orientation: metadata.Orientation(f.meta.EXIF),
		notes:       f.notes,
	}
	f.noteRest(s)
	var inks *icc.SRGB
	switch len(f.Components) {
	case 1:
		s.info.Channels = 1
	case 2: // gray and alpha of TIFF
		return nil, unsupportedError("JPEG files with 2 components cannot be read")
	case 4:
		inks = s.takeInks()
	}
	if f.profile != nil && f.meta.ICC == nil {
		s.notes.add("A part of the color profile is missing; the profile was left out.")
	}
	if !f.Ended {
		s.notes.add("The JPEG file lacks its end mark; all pixels were there.")
	}
	s.takesJPEG(f.File)
	s.frames = still(func() (imagedata.Frame, error) {
		//guard:jpeg-size TestHostileFiles/JPEG_9999x9999_of_300_bytes TestHostileFiles/progressive_JPEG_6999x6999_of_300_bytes
		if f.exceeds(len(data)) {
			return imagedata.Frame{}, errTruncated
		}
		planes, err := f.Decode()
		if err != nil {
			return imagedata.Frame{}, err
		}
		return assemble(s.stored(), jpegRows(planes, f.luminance(), inks)), nil
	})
	return s, nil
}

// noteRest notes data after the end of the image.
func (f *jpegFile) noteRest(s *source) {
	rest := bytes.TrimRight(f.Rest, "\x00\r\n")
	switch {
	case bytes.Contains(rest, []byte("MotionPhoto_Data")) || len(rest) > 8 && string(rest[4:8]) == "ftyp":
		s.notes.add(metadata.Video)
	case slices.Contains(s.notes, metadata.GainMap) || metadata.Lost(f.meta.XMP, 1) != nil:
	case f.images:
		s.notes.add("The file holds more images, such as a preview or a depth map; the first was taken.")
	case len(rest) > 0:
		s.notes.add("The JPEG file has data after its image, which was left out.")
	}
}

// exceeds reports whether the image cannot fit into a file of that many bytes: each
// block takes at least one bit of a Huffman code. This avoids allocating for it.
func (f *jpegFile) exceeds(bytes int) bool { return !f.Arithmetic && f.Blocks() > 8*bytes }

func (f *jpegFile) segment(marker byte, payload []byte) {
	switch marker {
	case markerAPP0:
		if !f.jfif && bytes.HasPrefix(payload, []byte("JFIF\x00")) {
			f.jfif, f.meta.Resolution = true, metadata.JFIF(payload)
			if len(payload) >= 12 && payload[7] == 0 {
				f.notes.pixelShape(float64(binary.BigEndian.Uint16(payload[8:])), float64(binary.BigEndian.Uint16(payload[10:])))
			}
		}
	case markerAPP1:
		f.application1(payload)
	case markerAPP2:
		segment, ok := bytes.CutPrefix(payload, []byte("ICC_PROFILE\x00"))
		if ok {
			f.profile = append(f.profile, segment)
		}
		f.images = f.images || bytes.HasPrefix(payload, []byte("MPF\x00"))
		if bytes.HasPrefix(payload, []byte("urn:iso:std:iso:ts:21496:-1\x00")) {
			f.notes.add(metadata.GainMap)
		}
	case markerAPP11:
		if bytes.HasPrefix(payload, []byte("JP")) && bytes.Contains(payload, []byte("c2pa")) {
			f.notes.add(credentials)
		}
	case markerAPP13:
		if f.meta.IPTC == nil {
			f.meta.IPTC = metadata.IPTC(payload)
		}
		if metadata.HasPath(payload) {
			f.notes.add(pathLost)
		}
	case markerCOM:
		if len(f.meta.Comment) > 0 {
			payload = append(append(f.meta.Comment[:len(f.meta.Comment):len(f.meta.Comment)], '\n'), payload...)
		}
		f.meta.Comment = payload[:min(len(payload), maxComment)]
	case markerAPP14:
		if bytes.HasPrefix(payload, []byte("Adobe")) && len(payload) >= 12 {
			f.adobe = int(payload[11])
		}
	}
}

func (f *jpegFile) application1(payload []byte) {
	if f.meta.EXIF == nil && bytes.HasPrefix(payload, []byte("Exif\x00")) {
		f.meta.EXIF = f.notes.intact("EXIF data", metadata.EXIF, payload)
	}
	if packet, ok := bytes.CutPrefix(payload, []byte("http://ns.adobe.com/xap/1.0/\x00")); ok && f.meta.XMP == nil {
		f.meta.XMP = f.notes.intact("XMP data", metadata.XMP, packet)
	}
}

// luminance reports whether the first three components are luma and chroma, as
// libjpeg finds out.
func (f *jpegFile) luminance() bool {
	if len(f.Components) == 4 {
		return f.adobe > 0
	}
	rgb := true
	for i, c := range f.Components {
		rgb = rgb && c.ID == "RGB"[i%3]
	}
	return f.jfif || f.adobe > 0 || f.adobe < 0 && !rgb
}

// jpegRows converts planes to gray or RGB.
func jpegRows(planes []jpeg.Plane, ycc bool, inks *icc.SRGB) func() rowFunc[uint8] {
	if len(planes) == 3 && ycc {
		return ycbcrRows(planes, fullRange(), nil, 0)
	}
	return func() rowFunc[uint8] {
		rows, full := upsampled(planes), fullRange()
		var pixels []uint8
		return func(y int, color, _ []uint8) {
			if len(planes) == 1 {
				copy(color, rows[0].row(y))
				return
			}
			width := len(color) / 3
			first, second, third := rows[0].row(y)[:width], rows[1].row(y)[:width], rows[2].row(y)[:width]
			if ycc {
				full.row(color, first, second, third)
			} else {
				for x := range first {
					color[3*x], color[3*x+1], color[3*x+2] = first[x], second[x], third[x]
				}
			}
			if len(planes) == 4 {
				pixels = toInks(pixels[:0], color, rows[3].row(y), ycc)
				convertInks(inks, pixels, color)
			}
		}
	}
}

// toInks appends the pixels of four components as inks. Like Adobe, all writers store
// light instead of inks; the colors of YCCK are the complement.
func toInks(pixels, color, black []uint8, complement bool) []uint8 {
	for x := range len(color) / 3 {
		for _, v := range color[3*x : 3*x+3] {
			if !complement {
				v = 255 - v
			}
			pixels = append(pixels, v)
		}
		pixels = append(pixels, 255-black[x])
	}
	return pixels
}

// takeInks returns the conversion of CMYK's profile, which the RGB image does not keep,
// and nil if it has none that can be used.
func (s *source) takeInks() *icc.SRGB {
	conversion, ok := icc.NewSRGB(s.info.Meta.ICC)
	s.info.Meta.ICC = nil
	if ok && conversion.CMYK() {
		s.notes.add("The CMYK colors were converted to sRGB by their profile.")
		return conversion
	}
	s.notes.add("The CMYK colors were converted to RGB without a profile.")
	return nil
}

// convertInks converts a row of CMYK to RGB, without a profile by simple
// multiplication.
func convertInks[T sample](c *icc.SRGB, inks, color []T) {
	if c != nil {
		icc.Inks(c, inks, color)
		return
	}
	full := uint64(^T(0))
	for i := range color {
		pixel := inks[i/3*4:]
		color[i] = T(((full-uint64(pixel[i%3]))*(full-uint64(pixel[3])) + full/2) / full)
	}
}
