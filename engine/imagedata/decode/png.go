package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image/png"
	"io"
	"slices"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
)

// pngSignature starts every file (PNG, third edition, section 5.2).
const pngSignature = "\x89PNG\r\n\x1a\n"

// Color types of PNG, table 7.
const (
	colorGray      = 0
	colorRGB       = 2
	colorIndexed   = 3
	colorGrayAlpha = 4
	colorRGBA      = 6
)

// pngFile is a file split into its chunks; all slices share its bytes.
type pngFile struct {
	width, height    int
	depth, colorType byte
	header           []byte
	palette, clear   []byte // PLTE and tRNS
	pixels           [][]byte
	ended            bool
	meta             imagedata.Metadata
	profile          []byte
	animation        animation
	// calibrated reports whether cHRM or gAMA differ from sRGB; an sRGB chunk and
	// a profile both override them.
	calibrated, sRGB        bool
	profileSeen, packetSeen bool
	// badSum reports whether the checksum of a chunk of pixels is wrong.
	badSum bool
	// rawProfile reports a metadata block of ImageMagick.
	rawProfile bool
	notes      notes
	repacker   repacker
	note       func(string)
}

func readPNG(data []byte) (*source, error) {
	var f pngFile
	if err := f.parse(data); err != nil {
		return nil, err
	}
	f.animation.finish()
	s := &source{
		info: imagedata.Info{
			Width: f.width, Height: f.height, Channels: 3, Depth: 8, Frames: 1, Meta: f.meta,
			Alpha: f.colorType == colorGrayAlpha || f.colorType == colorRGBA || f.transparent(),
		},
		orientation: metadata.Orientation(f.meta.EXIF),
		notes:       f.notes,
	}
	f.note = s.notes.add
	if f.badSum {
		s.notes.add("A checksum of the PNG file is wrong, but not that of the pixels as a whole.")
	}
	if f.rawProfile {
		s.notes.add("Metadata that ImageMagick stored as text was left out.")
	}
	s.info.Meta.ICC = f.profile
	if f.colorType == colorGray || f.colorType == colorGrayAlpha {
		s.info.Channels = 1
	}
	if f.depth == 16 {
		s.info.Depth = 16
	}
	if f.calibrated && !f.sRGB && f.profile == nil {
		s.notes.add("The image's gamma or primaries differ from sRGB and were not preserved.")
	}
	if len(f.animation.frames) > 0 {
		f.animate(s)
		return s, nil
	}
	s.takesPNG(&f)
	s.frames = still(func() (imagedata.Frame, error) {
		return f.decode(f.width, f.height, f.pixels, s.stored())
	})
	return s, nil
}

// parse walks all chunks and skips damaged ancillary ones.
func (f *pngFile) parse(data []byte) error {
	rest := data[len(pngSignature):]
	for !f.ended {
		if len(rest) < 12 {
			return f.atEnd()
		}
		length := int64(binary.BigEndian.Uint32(rest))
		kind := string(rest[4:8])
		if length > int64(len(rest)-12) {
			if frameChunk(kind) || !ancillary(kind) {
				return errTruncated
			}
			return f.atEnd()
		}
		payload := rest[8 : 8+length : 8+length]
		sound := crc32.ChecksumIEEE(rest[4:8+length]) == binary.BigEndian.Uint32(rest[8+length:])
		rest = rest[12+length:]
		if !sound {
			switch {
			case kind == "IDAT" || kind == "fdAT":
				f.badSum = true // zlib has a checksum of its own
			case ancillary(kind) && !frameChunk(kind):
				f.notes.add(fmt.Sprintf("A part of the PNG file (%q) is damaged and was left out.", kind))
				continue
			default:
				return damaged("checksum of chunk " + kind)
			}
		}
		if f.header == nil && kind != "IHDR" {
			return damaged("first chunk is not IHDR")
		}
		if err := f.chunk(kind, payload); err != nil {
			return err
		}
	}
	return f.atEnd()
}

// ancillary reports whether an image is valid without the chunk: its first letter
// is lower case.
func ancillary(kind string) bool { return kind[0]&0x20 != 0 }

// frameChunk reports whether a chunk belongs to an animation, which needs it
// although the standard calls it ancillary.
func frameChunk(kind string) bool { return kind == "fcTL" || kind == "fdAT" }

// atEnd accepts a still image that lacks only its end mark; decoding detects
// incomplete pixels.
func (f *pngFile) atEnd() error {
	if f.header == nil || len(f.pixels) == 0 || f.animation.announced && !f.ended {
		return errTruncated
	}
	return nil
}

func (f *pngFile) chunk(kind string, payload []byte) error {
	switch kind {
	case "IHDR":
		return f.readHeader(payload)
	case "PLTE":
		f.palette = payload
	case "tRNS":
		f.clear = payload
	case "IDAT":
		f.pixels = append(f.pixels, payload)
		f.animation.defaultPixels(payload)
	case "IEND":
		f.ended = true
	case "iCCP":
		// Only the first is unpacked, so that many small bombs cost no more
		// than one; likewise for the XMP packet below.
		if !f.profileSeen {
			f.profileSeen = true
			f.profile = f.notes.intact("color profile", metadata.PNGProfile, payload)
		}
	case "eXIf":
		if f.meta.EXIF == nil {
			f.meta.EXIF = f.notes.intact("EXIF data", metadata.EXIF, payload)
		}
	case "caBX":
		f.notes.add(credentials)
	case "tEXt", "zTXt", "iTXt":
		f.text(kind, payload)
	case "cICP", "mDCV", "cLLI", "mDCv", "cLLi":
		if len(f.meta.HDR) < 3 && len(payload) < 64 {
			f.meta.HDR = append(f.meta.HDR, imagedata.Chunk{Kind: kind, Data: payload})
		}
	case "pHYs":
		if len(payload) != 9 {
			return nil
		}
		if x, y := binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:]); payload[8] == 1 {
			f.meta.Resolution = metadata.DotsPerMeter(x, y)
		} else {
			f.notes.pixelShape(float64(x), float64(y))
		}
	case "sRGB":
		f.sRGB = true
	case "gAMA":
		// 45455 is 1/2.2, which sRGB files state as an approximation.
		f.calibrated = f.calibrated || len(payload) == 4 && !near(payload, 45455)
	case "cHRM":
		f.calibrated = f.calibrated || len(payload) == 32 &&
			!near(payload, 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
	case "acTL", "fcTL", "fdAT":
		return f.animation.chunk(kind, payload, f)
	}
	return nil
}

// maxTexts bounds the text chunks of a file.
const maxTexts = 1000

// text keeps a chunk of text as it is, other than XMP. The metadata blocks that
// ImageMagick writes as text are not true of the upscaled image.
func (f *pngFile) text(kind string, payload []byte) {
	switch {
	case kind == "iTXt" && metadata.IsPNGPacket(payload):
		if !f.packetSeen {
			f.packetSeen = true
			f.meta.XMP = f.notes.intact("XMP data", metadata.PNGPacket, payload)
		}
	case bytes.HasPrefix(payload, []byte("Raw profile type ")):
		f.rawProfile = true
	case len(f.meta.Text) < maxTexts:
		f.meta.Text = append(f.meta.Text, imagedata.Chunk{Kind: kind, Data: payload})
	}
}

// near compares 32-bit fixed-point numbers with a tolerance of 0.01.
func near(payload []byte, want ...int64) bool {
	for i, w := range want {
		if d := int64(binary.BigEndian.Uint32(payload[4*i:])) - w; d < -1000 || d > 1000 {
			return false
		}
	}
	return true
}

func (f *pngFile) readHeader(payload []byte) error {
	if len(payload) != 13 || f.header != nil {
		return damaged("IHDR")
	}
	f.header = payload
	width, height := binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:])
	if width > 1<<31-1 || height > 1<<31-1 {
		return damaged("size above 2^31-1")
	}
	f.width, f.height = int(width), int(height)
	f.depth, f.colorType = payload[8], payload[9]
	return nil
}

// transparent reports whether tRNS makes some color transparent.
func (f *pngFile) transparent() bool {
	if f.colorType != colorIndexed {
		return len(f.clear) > 0 && (f.colorType == colorGray || f.colorType == colorRGB)
	}
	return slices.ContainsFunc(f.clear, func(alpha uint8) bool { return alpha != 255 })
}

// maxDeflate bounds the expansion of a deflate stream: a match of 258 bytes takes
// at least 2 bits (RFC 1951, section 3.2).
const maxDeflate = 258 * 8 / 2

// decode returns the image of a size from its compressed pixels, rotated as the
// layout says. It rejects pixels that cannot suffice before allocating memory.
func (f *pngFile) decode(width, height int, pixels [][]byte, l layout) (imagedata.Frame, error) {
	needed, available := f.rawBytes(int64(width), int64(height)), int64(0)
	for _, piece := range pixels {
		available += int64(len(piece)) * maxDeflate
	}
	//guard:png-size TestHostileFiles/PNG_6999x6999,_16_bits,_of_3_bytes
	if needed > available {
		return imagedata.Frame{}, errTruncated
	}
	header := slices.Clone(f.header)
	binary.BigEndian.PutUint32(header, uint32(width))
	binary.BigEndian.PutUint32(header[4:], uint32(height))
	chunks, stop := f.repacker.repacked(pixels, needed, !f.badSum)
	defer func() {
		if oddity := stop(); oddity != "" {
			f.note(oddity)
		}
	}()
	img, err := png.Decode(f.stream(header, chunks))
	if err != nil {
		return imagedata.Frame{}, err
	}
	return convert(img, l, fullRange())
}

// rawBytes returns the size of an image's filtered rows, over all passes.
func (f *pngFile) rawBytes(width, height int64) int64 {
	samples := map[byte]int64{colorGray: 1, colorRGB: 3, colorIndexed: 1, colorGrayAlpha: 2, colorRGBA: 4}[f.colorType]
	passes := [][4]int64{{0, 0, 1, 1}} // first column and row, step of columns and rows
	if f.header[12] != 0 {
		passes = [][4]int64{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	sum := int64(0)
	for _, pass := range passes {
		columns, rows := (width-pass[0]+pass[2]-1)/pass[2], (height-pass[1]+pass[3]-1)/pass[3]
		if columns > 0 {
			sum += rows * (1 + (columns*samples*int64(f.depth)+7)/8)
		}
	}
	return sum
}

// stream returns a plain PNG file with the header and pixels of one frame for the
// standard decoder.
func (f *pngFile) stream(header []byte, pixels io.Reader) io.Reader {
	parts := []io.Reader{bytes.NewReader([]byte(pngSignature)), chunkReader("IHDR", header)}
	if f.palette != nil && (f.colorType == colorIndexed || f.colorType&2 != 0) {
		parts = append(parts, chunkReader("PLTE", f.palette))
	}
	if f.clear != nil && (f.colorType == colorIndexed || f.transparent()) {
		parts = append(parts, chunkReader("tRNS", f.clear))
	}
	return io.MultiReader(append(parts, pixels, chunkReader("IEND", nil))...)
}

func chunkReader(kind string, payload []byte) io.Reader {
	head := append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), kind...)
	sum := crc32.Update(crc32.ChecksumIEEE([]byte(kind)), crc32.IEEETable, payload)
	tail := binary.BigEndian.AppendUint32(nil, sum)
	return io.MultiReader(bytes.NewReader(head), bytes.NewReader(payload), bytes.NewReader(tail))
}
