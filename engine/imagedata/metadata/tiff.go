package metadata

import (
	"slices"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata/ifd"
)

// FromTIFF collects the metadata of a TIFF file's first page. The EXIF block is
// rebuilt from the descriptive fields and the EXIF and GPS directories, because
// the file's own structure is mostly pixels.
func FromTIFF(file ifd.File, page ifd.Directory) imagedata.Metadata {
	var m imagedata.Metadata
	if e, ok := page.Find(ifd.ICC); ok {
		m.ICC = file.Value(e)
	}
	if e, ok := page.Find(ifd.XMP); ok {
		m.XMP = XMP(file.Value(e))
	}
	if e, ok := page.Find(ifd.IPTC); ok && e.End-e.Start <= maxBytes {
		m.IPTC = captions(file, e)
	} else {
		m.IPTC = IPTC(Resources(file, page))
	}
	m.Resolution = resolution(file, page)
	main, exif, gps := Descriptive(file, page)
	main = slices.DeleteFunc(main, func(f ifd.Field) bool { return f.Tag == ifd.Orientation })
	// Values may overlap: 65535 fields of a file of 2 MiB can hold 120 GiB.
	if total(main)+total(exif)+total(gps) <= maxBytes {
		m.EXIF = EXIF(ifd.Build(file.Order, main, exif, gps))
	}
	return m
}

// Resources returns a page's Photoshop resources as an APP13 segment has them.
func Resources(file ifd.File, page ifd.Directory) []byte {
	e, ok := page.Find(ifd.Photoshop)
	if !ok || e.End-e.Start > maxBytes {
		return nil
	}
	return append([]byte(photoshop), file.Value(e)...)
}

// HasMakerNote reports whether an EXIF block holds the notes of a camera's maker.
func HasMakerNote(exif []byte) bool {
	file, main, _ := ifd.ParseFirst(exif)
	sub, _ := file.Directory(file.Number(main, ifd.EXIF, 0))
	_, found := sub.Find(ifd.MakerNote)
	return found
}

// captions returns the value of the IPTC field. Many writers declare its bytes as 32-bit
// numbers, and some swap them then; captions begin with byte 0x1c.
func captions(file ifd.File, e ifd.Entry) []byte {
	value := file.Value(e)
	if e.Type != ifd.Long || len(value) < 4 || value[0] == 0x1c || value[3] != 0x1c {
		return value
	}
	value = slices.Clone(value)
	for i := 0; i+4 <= len(value); i += 4 {
		slices.Reverse(value[i : i+4])
	}
	return value
}

// total returns the size of all values in bytes.
func total(fields []ifd.Field) int {
	sum := 0
	for _, field := range fields {
		sum += len(field.Value)
	}
	return sum
}

// Descriptive returns the fields of a directory that describe the image rather
// than the storage of its pixels, and the fields of its EXIF and GPS directories. Maker
// notes are left out: their inner offsets would be wrong anywhere else.
func Descriptive(file ifd.File, page ifd.Directory) (main, exif, gps []ifd.Field) {
	sub := func(tag uint16) []ifd.Field {
		directory, ok := file.Directory(file.Number(page, tag, 0))
		if !ok {
			return nil
		}
		return file.Fields(directory, func(tag uint16) bool {
			return tag != ifd.MakerNote && tag != ifd.Interoperability
		})
	}
	return file.Fields(page, describes), sub(ifd.EXIF), sub(ifd.GPS)
}

func describes(tag uint16) bool {
	switch tag {
	case ifd.DocumentName, ifd.PageName, ifd.ImageDescription, ifd.Make, ifd.Model, ifd.Orientation, ifd.XResolution, ifd.YResolution,
		ifd.ResolutionUnit, ifd.Software, ifd.DateTime, ifd.Artist, ifd.HostComputer, ifd.Rating, ifd.Copyright:
		return true
	}
	return tag >= ifd.XPTitle && tag <= ifd.XPSubject
}
