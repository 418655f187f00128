package decode

import (
	"fmt"
	"runtime"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
	"upscaled/engine/imagedata/metadata/ifd"
	"upscaled/models/fault"
)

// maxPages bounds the walk along a file's pages, which may form a cycle.
const maxPages = 1 << 16

// maxPageFields bounds the fields of all pages walked: directories may overlap,
// so that a file of 1 MiB has 65536 of 65535 fields each.
const maxPageFields = 1 << 20

func readTIFF(data []byte, number int) (*source, error) {
	file, err := ifd.ParseBig(data)
	if err != nil {
		return nil, damaged("header")
	}
	first, ok := file.Directory(file.First)
	if !ok {
		return nil, errTruncated
	}
	if isRaw(file, first) {
		return nil, unsupportedError("Camera RAW files cannot be read")
	}
	pages, masks := pagesOf(file)
	if number > len(pages) {
		return nil, noPage(number, len(pages))
	}
	chosen, ok := file.Directory(pages[max(number, 1)-1])
	if !ok {
		return nil, errTruncated
	}
	page := &tiffPage{File: file, Directory: chosen}
	if err := page.parse(); err != nil {
		return nil, err
	}
	s := &source{
		info: imagedata.Info{
			Width: page.width, Height: page.height,
			Depth: page.depth(), Channels: page.channels(), Alpha: page.alpha, Frames: 1,
			Meta: metadata.FromTIFF(file, chosen),
		},
		orientation: int(page.number(ifd.Orientation, 1)),
	}
	s.noteFields(file, chosen)
	if masks {
		s.notes.add("The transparency mask of the TIFF file, a page of its own, was left out.")
	}
	if len(pages) > 1 && number == 0 {
		s.notes.add(fmt.Sprintf("The file has %d pages; only the first was read.", len(pages)))
	}
	s.describeTIFF(page)
	s.frames = still(func() (imagedata.Frame, error) {
		if s.info.Depth == 16 {
			return tiffFrame[uint16](page, s.stored())
		}
		return tiffFrame[uint8](page, s.stored())
	})
	return s, nil
}

// describeTIFF adds notes and the memory that decoding takes.
func (s *source) describeTIFF(p *tiffPage) {
	switch p.photometric {
	case inks:
		p.inks = s.takeInks()
	case cieLab, iccLab:
		s.notes.add("The Lab colors were converted to sRGB.")
		s.info.Meta.ICC = nil
	}
	if p.format == floats {
		s.notes.add("Floating-point samples were limited to the range from 0 to 1.")
	}
	if extra := p.samples - p.colors(); extra > 1 || extra == 1 && !p.alpha {
		s.notes.add("The TIFF file has more channels than color and alpha; they were left out.")
	}
	s.takes(0)
	if s.orientation > 1 {
		s.perPixel *= 2
	}
	// Each worker holds a row as stored and one of samples.
	workers := min(runtime.GOMAXPROCS(0), p.across*p.down)
	pixels := float64(max(p.width, 1)) * float64(max(p.height, 1))
	s.perPixel += float64(workers) * float64(p.chunkWidth*p.samples) * float64(p.bits+p.depth()) / 8 / pixels
	if p.compression == jpegStrips || p.compression == oldJPEG {
		s.perPixel += 3 * float64(p.samples) // coefficients and planes
	}
	if p.reversed {
		s.perPixel += float64(len(p.Data)) / pixels
	}
}

// tiffFrame decodes a page to an upright frame.
func tiffFrame[T sample](p *tiffPage, l layout) (imagedata.Frame, error) {
	if !p.suffices() {
		return imagedata.Frame{}, errTruncated
	}
	c := newCanvas[T](l)
	if err := decodeTIFF(p, c.color, c.alpha); err != nil {
		return imagedata.Frame{}, err
	}
	if l.orientation == 1 {
		return frameOf(l, c.color, c.alpha), nil
	}
	return assemble(l, c.copyRows), nil
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

// Pages returns the number of a file's pages, 1 of all formats but TIFF.
func Pages(data []byte) int {
	file, err := ifd.ParseBig(data)
	if err != nil {
		return 1
	}
	pages, _ := pagesOf(file)
	return len(pages)
}

func noPage(number, pages int) error {
	return fault.New(fault.Invalid, "The file has no page %d; the number of its pages is %d.", number, pages)
}

// pagesOf returns the offsets of full-size images, or of the first if there is none.
// Reduced images and masks are not pages.
func pagesOf(file ifd.File) (pages []uint64, masks bool) {
	fields, seen := 0, map[uint64]bool{file.First: true}
	page, _ := file.Directory(file.First)
	const reduced, mask = 1, 4
	add := func(at uint64) {
		kind := file.Number(page, ifd.NewSubfileType, 0)
		if masks = masks || kind&mask != 0; kind&(reduced|mask) == 0 {
			pages = append(pages, at)
		}
	}
	add(file.First)
	//guard:tiff-fields TestHostileFiles/TIFF_whose_65536_pages_of_65535_fields_overlap => next != 0 && !seen[next] && len(seen) < maxPages
	for next := page.Next; next != 0 && !seen[next] && len(seen) < maxPages && fields < maxPageFields; next = page.Next {
		seen[next] = true
		var ok bool
		if page, ok = file.Directory(next); !ok {
			break
		}
		fields += len(page.Entries)
		add(next)
	}
	if pages == nil {
		return []uint64{file.First}, false
	}
	return pages, masks
}
