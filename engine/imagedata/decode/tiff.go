package decode

import (
	"fmt"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
	"upscaled/engine/imagedata/metadata/ifd"
)

// Photometric interpretations of TIFF 6.0, section 8.
const (
	whiteIsZero = 0
	blackIsZero = 1
	rgbColor    = 2
	paletted    = 3
)

// maxPages bounds the walk along a file's pages, which may form a cycle.
const maxPages = 1 << 16

// maxPageFields bounds the fields of all pages walked: directories may overlap,
// so that a file of 1 MiB has 65536 of 65535 fields each.
const maxPageFields = 1 << 20

func readTIFF(data []byte) (*source, error) {
	file, err := ifd.Parse(data)
	if err != nil {
		return nil, damaged("header")
	}
	page, ok := file.Directory(file.First)
	if !ok {
		return nil, errTruncated
	}
	if isRaw(file, page) {
		return nil, unsupportedError("Camera RAW files cannot be read")
	}
	s := &source{
		info: imagedata.Info{
			Width:  int(file.Number(page, ifd.ImageWidth, 0)),
			Height: int(file.Number(page, ifd.ImageLength, 0)),
			Depth:  8, Channels: 3, Frames: 1,
			Meta: metadata.FromTIFF(file, page),
		},
		orientation: int(file.Number(page, ifd.Orientation, 1)),
	}
	//guard:tiff-strips TestHostileFiles/TIFF_whose_strips_share_10_MiB
	if compressedBytes(file, page) > maxCompressed+4*int64(len(data)) {
		return nil, damaged("overlapping strips or tiles")
	}
	if err := s.describeTIFF(file, page); err != nil {
		return nil, err
	}
	if reversesBits(file, page) {
		s.perPixel += float64(len(data)) / float64(s.info.Width) / float64(s.info.Height)
	}
	if pages := countPages(file, page); pages > 1 {
		s.note(fmt.Sprintf("The file has %d pages; only the first was read.", pages))
	}
	s.frames = still(func() (imagedata.Frame, error) {
		img, err := decodeTIFF(file, page)
		if err != nil {
			return imagedata.Frame{}, err
		}
		return convert(img, s.stored(), fullRange())
	})
	return s, nil
}

// maxCompressed is the compressed data that a file may have beyond four times its
// own size. Sparse maps share their empty tiles; a hostile file has the same MiB
// in each of its thousands of strips.
const maxCompressed = 64 << 20

// compressedBytes returns the total size of all strips and tiles.
func compressedBytes(file ifd.File, page ifd.Directory) int64 {
	sum := int64(0)
	for _, tag := range []uint16{ifd.StripByteCounts, ifd.TileByteCounts} {
		entry, _ := page.Find(tag)
		for i := 0; ; i++ {
			bytes, ok := file.Uint(entry, i)
			if !ok {
				break
			}
			sum += int64(bytes)
		}
	}
	return sum
}

// describeTIFF sets channels, depth and alpha, and rejects unsupported variants
// with a clearer message than the decoder's.
func (s *source) describeTIFF(file ifd.File, page ifd.Directory) error {
	bits := file.Number(page, ifd.BitsPerSample, 1)
	samples := file.Number(page, ifd.SamplesPerPixel, 1)
	if entry, ok := page.Find(ifd.BitsPerSample); ok {
		samples = entry.Count
	}
	switch photometric := file.Number(page, ifd.Photometric, 0xffff); photometric {
	case whiteIsZero, blackIsZero:
		s.info.Channels = 1
	case rgbColor, paletted:
	default:
		return unsupportedError("TIFF files in this color model (CMYK, YCbCr, Lab or similar) cannot be read")
	}
	if file.Number(page, ifd.PlanarConfig, 1) != 1 && samples > 1 {
		return unsupportedError("TIFF files with separate color planes cannot be read")
	}
	if file.Number(page, ifd.SampleFormat, 1) != 1 {
		return unsupportedError("TIFF files with floating point or signed samples cannot be read")
	}
	if bits != 1 && bits != 8 && bits != 16 {
		return unsupportedError(fmt.Sprintf("TIFF files with %d bits per sample cannot be read", bits))
	}
	if bits == 16 && s.info.Channels == 3 && samples == 1 {
		return unsupportedError("TIFF files with 65536 palette colors cannot be read")
	}
	// Extra samples of kind 1 are premultiplied alpha, of kind 2 straight alpha.
	kind := file.Number(page, ifd.ExtraSamples, 0)
	if s.info.Channels == 1 && samples != 1 || samples > 4 || samples == 4 && kind != 1 && kind != 2 {
		return unsupportedError("TIFF files with extra channels, other than alpha with RGB, cannot be read")
	}
	if bits == 16 {
		s.info.Depth = 16
	}
	s.info.Alpha = s.info.Channels == 3 && samples == 4
	s.takesTIFF(int64(samples), int64(bits))
	return nil
}

// isRaw reports camera files, whose first page is only a preview: they have DNG's
// version tag, or a reduced image with the real one in a subdirectory.
func isRaw(file ifd.File, page ifd.Directory) bool {
	if _, ok := page.Find(ifd.DNGVersion); ok {
		return true
	}
	_, below := page.Find(ifd.SubIFDs)
	return below && file.Number(page, ifd.NewSubfileType, 0)&1 != 0
}

// countPages counts full-size images; reduced ones are not pages.
func countPages(file ifd.File, page ifd.Directory) int {
	pages, fields := 1, 0
	seen := map[uint32]bool{file.First: true}
	//guard:tiff-fields TestHostileFiles/TIFF_whose_65536_pages_of_65535_fields_overlap => next != 0 && !seen[next] && len(seen) < maxPages
	for next := page.Next; next != 0 && !seen[next] && len(seen) < maxPages && fields < maxPageFields; next = page.Next {
		seen[next] = true
		var ok bool
		if page, ok = file.Directory(next); !ok {
			break
		}
		fields += len(page.Entries)
		if file.Number(page, ifd.NewSubfileType, 0)&1 == 0 {
			pages++
		}
	}
	return pages
}
