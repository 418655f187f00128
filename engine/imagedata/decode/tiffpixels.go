package decode

import (
	"bytes"
	"image"
	"image/color"
	"math/bits"

	"golang.org/x/image/tiff"

	"upscaled/engine/imagedata/metadata/ifd"
)

// decodeTIFF decodes a page with x/image and corrects what that reads differently
// from libtiff: bit order, the polarity of fax compression, palettes of 8 bits.
func decodeTIFF(file ifd.File, page ifd.Directory) (image.Image, error) {
	data := file.Data
	if reversesBits(file, page) {
		data = reverseBits(file, page)
	}
	img, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	// A white run of a fax is zeros whatever the photometric interpretation is;
	// x/image agrees only if white is zero.
	invert := isFax(file, page) && file.Number(page, ifd.Photometric, blackIsZero) != whiteIsZero
	switch img := img.(type) {
	case *image.Gray:
		for i := range img.Pix {
			if !invert {
				break
			}
			img.Pix[i] = ^img.Pix[i]
		}
	case *image.Paletted:
		widenPalette(img.Palette)
		if invert && len(img.Palette) == 2 {
			img.Palette[0], img.Palette[1] = img.Palette[1], img.Palette[0]
		}
	}
	return img, nil
}

// isFax reports whether the page is compressed as in ITU-T T.4 or T.6.
func isFax(file ifd.File, page ifd.Directory) bool {
	compression := file.Number(page, ifd.Compression, 1)
	return compression >= 2 && compression <= 4
}

// reversesBits reports whether decoding needs a copy of the file in another bit
// order, which x/image can read only in fax compression.
func reversesBits(file ifd.File, page ifd.Directory) bool {
	return !isFax(file, page) && file.Number(page, ifd.FillOrder, 1) == 2
}

// reverseBits returns a copy of the file with the bits of all strips and tiles in
// the usual order (TIFF 6.0, FillOrder). The header and the directory stay as they
// were checked even if a strip overlaps them.
func reverseBits(file ifd.File, page ifd.Directory) []byte {
	reversed := bytes.Clone(file.Data)
	for _, tags := range [][2]uint16{
		{ifd.StripOffsets, ifd.StripByteCounts},
		{ifd.TileOffsets, ifd.TileByteCounts},
	} {
		offsets, _ := page.Find(tags[0])
		counts, _ := page.Find(tags[1])
		for i := 0; ; i++ {
			offset, ok := file.Uint(offsets, i)
			count, both := file.Uint(counts, i)
			if !ok || !both {
				break
			}
			start := min(int64(offset), int64(len(reversed)))
			end := min(start+int64(count), int64(len(reversed)))
			for at, b := range file.Data[start:end] {
				reversed[start+int64(at)] = bits.Reverse8(b)
			}
		}
	}
	//guard:tiff-reversed-header TestReversedBitsSpareTheHeader
	restoreHeader(reversed, file, page)
	return reversed
}

func restoreHeader(reversed []byte, file ifd.File, page ifd.Directory) {
	copy(reversed, file.Data[:8])
	copy(reversed[page.Start:page.End], file.Data[page.Start:page.End])
	for _, entry := range page.Entries {
		copy(reversed[entry.Start:entry.End], file.Data[entry.Start:entry.End])
	}
}

// widenPalette scales a palette whose writer stored 8-bit values in the 16-bit
// fields, which libtiff recognizes by all values being below 256.
func widenPalette(palette color.Palette) {
	for _, entry := range palette {
		if r, g, b, _ := entry.RGBA(); max(r, g, b) > 255 {
			return
		}
	}
	for i, entry := range palette {
		r, g, b, _ := entry.RGBA()
		palette[i] = color.RGBA{uint8(r), uint8(g), uint8(b), 255}
	}
}
