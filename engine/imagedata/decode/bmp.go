package decode

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
)

// bmpFile is the header of a Windows or OS/2 bitmap. The headers of all versions
// start the same; later ones only add fields.
type bmpFile struct {
	width, height int
	topDown       bool
	bits          int
	palette       [256][3]uint8
	masks         [4]bmpMask // red, green, blue, alpha
	packed        bool       // RLE8 or RLE4
	pixels        []byte
	stride        int // bytes of a stored row
	resolution    imagedata.Resolution
}

// bmpMask extracts one sample of a 16- or 32-bit pixel.
type bmpMask struct {
	mask  uint32
	shift int
	// excess is the number of low bits beyond 8, which are dropped.
	excess int
	// to8 widens a sample of up to 8 bits to 0..255.
	to8 [256]uint8
}

func newBMPMask(mask uint32) bmpMask {
	m := bmpMask{mask: mask, shift: bits.TrailingZeros32(mask) % 32}
	top := mask >> m.shift
	m.excess = max(bits.Len32(top)-8, 0)
	top >>= m.excess
	for v := range m.to8 {
		if top > 0 {
			m.to8[v] = uint8(min((uint32(v)*255+top/2)/top, 255))
		}
	}
	return m
}

func (m *bmpMask) sample(pixel uint32) uint8 {
	return m.to8[uint8((pixel&m.mask)>>m.shift>>m.excess)]
}

func readBMP(data []byte) (*source, error) {
	f := &bmpFile{}
	profile, err := f.parse(data)
	if err != nil {
		return nil, err
	}
	s := &source{orientation: 1, info: imagedata.Info{
		Width: f.width, Height: f.height, Channels: 3, Depth: 8, Frames: 1,
		Alpha: f.bits >= 16 && f.masks[3].mask != 0,
		Meta:  imagedata.Metadata{ICC: profile, Resolution: f.resolution},
	}}
	if f.bits <= 8 && f.gray() {
		s.info.Channels = 1
	}
	s.takes(0)
	if f.packed {
		s.takes(1)
	}
	s.frames = still(func() (imagedata.Frame, error) {
		if err := f.unpack(); err != nil {
			return imagedata.Frame{}, err
		}
		return assemble(s.stored(), f.rows), nil
	})
	if s.info.Alpha {
		s.refine = func() {
			// Writers without alpha support leave its byte 0 everywhere.
			s.info.Alpha = !f.invisible()
		}
	}
	return s, nil
}

// parse reads the header and returns an embedded color profile.
func (f *bmpFile) parse(data []byte) (profile []byte, err error) {
	if len(data) < 26 {
		return nil, errTruncated
	}
	header := data[14:]
	size := int64(binary.LittleEndian.Uint32(header))
	switch size {
	case 12, 40, 52, 56, 64, 108, 124:
	default:
		return nil, damaged("header size")
	}
	if int64(len(header)) < size {
		return nil, errTruncated
	}
	compression, colors := uint32(0), 0
	if size == 12 {
		f.width = int(binary.LittleEndian.Uint16(header[4:]))
		f.height = int(binary.LittleEndian.Uint16(header[6:]))
		f.bits = int(binary.LittleEndian.Uint16(header[10:]))
	} else {
		f.width = int(int32(binary.LittleEndian.Uint32(header[4:])))
		f.height = int(int32(binary.LittleEndian.Uint32(header[8:])))
		f.bits = int(binary.LittleEndian.Uint16(header[14:]))
		compression = binary.LittleEndian.Uint32(header[16:])
		colors = int(binary.LittleEndian.Uint32(header[32:]))
		f.resolution = metadata.DotsPerMeter(binary.LittleEndian.Uint32(header[24:]), binary.LittleEndian.Uint32(header[28:]))
	}
	if f.height < 0 {
		f.topDown, f.height = true, -f.height
	}
	if f.width < 1 || f.height < 1 {
		return nil, nil // checkLimits reports it
	}
	if err := f.checkKind(compression); err != nil {
		return nil, err
	}
	if err := f.readMasks(header, int(size), compression); err != nil {
		return nil, err
	}
	offset := int64(binary.LittleEndian.Uint32(data[10:]))
	f.readPalette(header, int(size), colors, offset-14)
	return bmpProfile(header, size), f.readPixels(data, offset)
}

func (f *bmpFile) checkKind(compression uint32) error {
	switch compression {
	case 0:
	case 3, 6:
		if f.bits != 16 && f.bits != 32 {
			return unsupportedError("BMP files with this compression cannot be read") // OS/2 has others of these numbers
		}
	case 1, 2:
		if f.bits != map[uint32]int{1: 8, 2: 4}[compression] {
			return damaged("depth of run-length compression")
		}
		f.packed = true
	default:
		return unsupportedError("BMP files with this compression cannot be read")
	}
	switch f.bits {
	case 1, 2, 4, 8, 16, 24, 32:
		return nil
	}
	return unsupportedError(fmt.Sprintf("BMP files with %d bits per pixel cannot be read", f.bits))
}

// readMasks reads the masks from the header or, for a short one, from after it,
// which is the same offset.
func (f *bmpFile) readMasks(header []byte, size int, compression uint32) error {
	masks := [4]uint32{0xff0000, 0xff00, 0xff, 0}
	if f.bits == 16 {
		masks = [4]uint32{0x7c00, 0x03e0, 0x001f, 0}
	}
	given := 0
	switch {
	case compression == 6 || size >= 56 && size != 64 && compression == 3:
		given = 4
	case compression == 3:
		given = 3
	}
	if given > 0 && len(header) < 40+4*given {
		return errTruncated
	}
	for i := range given {
		masks[i] = binary.LittleEndian.Uint32(header[40+4*i:])
	}
	if compression == 0 && f.bits == 32 && size >= 108 {
		masks[3] = binary.LittleEndian.Uint32(header[52:]) &^ 0xffffff
	}
	for i, mask := range masks {
		f.masks[i] = newBMPMask(mask)
	}
	return nil
}

// readPalette reads as much of the palette as there is; missing entries are
// black. end is the offset of the pixels.
func (f *bmpFile) readPalette(header []byte, size, colors int, end int64) {
	if f.bits > 8 {
		return
	}
	entry := 4
	if size == 12 {
		entry = 3
	}
	if colors <= 0 || colors > 1<<f.bits {
		colors = 1 << f.bits
	}
	for i := range colors {
		at := size + i*entry
		if at+3 > len(header) || int64(at+3) > end {
			return
		}
		f.palette[i] = [3]uint8{header[at+2], header[at+1], header[at]}
	}
}

// readPixels checks that all rows are present; the last may lack its padding. It
// cannot know whether compressed rows are.
func (f *bmpFile) readPixels(data []byte, offset int64) error {
	rowBits := int64(f.width) * int64(f.bits)
	stride := (rowBits + 31) / 32 * 4
	f.stride = int(stride)
	if offset < 26 || offset > int64(len(data)) {
		return errTruncated
	}
	f.pixels = data[offset:]
	if f.packed {
		// Two bytes are a run of at most 255 pixels.
		//guard:bmp-run-size TestHostileFiles/BMP_9999x9999_run-length_coded_of_2_bytes
		if int64(f.height) > int64(len(f.pixels))*128/int64(f.width) {
			return errTruncated
		}
		return nil
	}
	// This check avoids multiplying an image much larger than its file.
	//guard:bmp-size TestHostileFiles/BMP_9999x9999_of_4_bytes
	if int64(f.height-1) > int64(len(f.pixels))/stride ||
		int64(f.height-1)*stride+(rowBits+7)/8 > int64(len(f.pixels)) {
		return errTruncated
	}
	return nil
}

// bmpProfile returns the profile that a version 5 header refers to.
func bmpProfile(header []byte, size int64) []byte {
	if size < 124 || binary.LittleEndian.Uint32(header[56:]) != 0x4d424544 { // "MBED"
		return nil
	}
	start := int64(binary.LittleEndian.Uint32(header[112:]))
	end := start + int64(binary.LittleEndian.Uint32(header[116:]))
	if end > int64(len(header)) {
		return nil
	}
	return header[start:end]
}

// stored returns row y counted from the top.
func (f *bmpFile) stored(y int) []byte {
	if !f.topDown {
		y = f.height - 1 - y
	}
	return f.pixels[y*f.stride : y*f.stride+(f.width*f.bits+7)/8]
}

func (f *bmpFile) invisible() bool {
	for y := range f.height {
		row := f.stored(y)
		for x := range f.width {
			if f.masks[3].sample(f.pixel(row, x)) != 0 {
				return false
			}
		}
	}
	return true
}

// pixel returns the raw value of a 16- or 32-bit pixel.
func (f *bmpFile) pixel(row []byte, x int) uint32 {
	if f.bits == 16 {
		return uint32(binary.LittleEndian.Uint16(row[2*x:]))
	}
	return binary.LittleEndian.Uint32(row[4*x:])
}

func (f *bmpFile) rows() rowFunc[uint8] {
	switch f.bits {
	case 24:
		return func(y int, color, _ []uint8) {
			row := f.stored(y)
			for i := 0; i+3 <= len(color); i += 3 {
				color[i], color[i+1], color[i+2] = row[i+2], row[i+1], row[i]
			}
		}
	case 16, 32:
		return f.maskedRow
	}
	return f.palettedRow
}

func (f *bmpFile) maskedRow(y int, color, alpha []uint8) {
	row := f.stored(y)
	for x := range f.width {
		pixel := f.pixel(row, x)
		for i := range 3 {
			color[3*x+i] = f.masks[i].sample(pixel)
		}
		if alpha != nil {
			alpha[x] = f.masks[3].sample(pixel)
		}
	}
}

// gray reports whether the palette holds grays only.
func (f *bmpFile) gray() bool {
	return !slices.ContainsFunc(f.palette[:], func(c [3]uint8) bool { return c[0] != c[1] || c[1] != c[2] })
}

// palettedRow fills one or three channels.
func (f *bmpFile) palettedRow(y int, color, _ []uint8) {
	row := f.stored(y)
	perByte, channels := 8/f.bits, len(color)/f.width
	for x := range f.width {
		shift := 8 - f.bits*(x%perByte+1)
		entry := f.palette[row[x/perByte]>>shift&(1<<f.bits-1)]
		copy(color[channels*x:channels*x+channels], entry[:])
	}
}
