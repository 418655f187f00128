package decode

import (
	"fmt"
	"strings"

	"upscaled/engine/imagedata/metadata"
	"upscaled/engine/imagedata/metadata/ifd"
)

// pathLost is the sentence about paths among Photoshop's resources.
const pathLost = "The clipping path was left out."

// pixelShape notes pixels that are x:y, counted per length, and not square.
func (n *notes) pixelShape(x, y float64) {
	if x > 0 && y > 0 && x != y {
		n.add(fmt.Sprintf("The pixels are not square (%g by %g on the same length); they were taken for square.", x, y))
	}
}

func find(d ifd.Directory, tag uint16) ifd.Entry {
	entry, _ := d.Find(tag)
	return entry
}

// noteFields notes the fields of a page that are left out.
func (s *source) noteFields(file ifd.File, page ifd.Directory) {
	has := func(tag uint16) bool { _, ok := page.Find(tag); return ok }
	if has(ifd.PhotoshopLayers) {
		s.notes.add("The Photoshop layers were left out; the image that they make was read.")
	}
	if metadata.HasPath(metadata.Resources(file, page)) {
		s.notes.add(pathLost)
	}
	if has(ifd.XMP) && s.info.Meta.XMP == nil {
		s.notes.add("The XMP data is damaged and was left out.")
	}
	if exif, ok := file.Directory(file.Number(page, ifd.EXIF, 0)); ok {
		if _, ok := exif.Find(ifd.MakerNote); ok {
			s.notes.add("The camera's maker notes were left out.")
		}
	}
	if across, down := find(page, ifd.XResolution), find(page, ifd.YResolution); file.Number(page, ifd.ResolutionUnit, 2) == 1 {
		x, _ := file.Rational(across, 0)
		y, _ := file.Rational(down, 0)
		s.notes.pixelShape(x, y)
	}
	var private []string
	for _, entry := range page.Entries {
		const first = 0x8000 // of private fields
		switch tag := entry.Tag; {
		case tag < first, tag == ifd.Copyright, tag == ifd.IPTC, tag == ifd.Photoshop, tag == ifd.PhotoshopLayers,
			tag == ifd.EXIF, tag == ifd.ICC, tag == ifd.GPS, tag >= ifd.XPTitle && tag <= ifd.XPSubject:
		default:
			private = append(private, fmt.Sprint(tag))
		}
	}
	if private != nil {
		s.notes.add("Private fields of the TIFF file, such as the place on a map, were left out: " + strings.Join(private[:min(len(private), 20)], ", ") + ".")
	}
}
