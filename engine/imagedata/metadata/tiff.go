package metadata

import (
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata/ifd"
)

// FromTIFF collects the metadata of a TIFF file's first page. The EXIF block is
// rebuilt from the descriptive fields and the EXIF and GPS directories, because
// the file's own structure is mostly pixels. Maker notes are left out: their inner
// offsets would be wrong anywhere else.
func FromTIFF(file ifd.File, page ifd.Directory) imagedata.Metadata {
	var m imagedata.Metadata
	if e, ok := page.Find(ifd.ICC); ok {
		m.ICC = file.Value(e)
	}
	if e, ok := page.Find(ifd.XMP); ok {
		m.XMP = XMP(file.Value(e))
	}
	main, exif, gps := file.Fields(page, describes), subdirectory(file, page, ifd.EXIF), subdirectory(file, page, ifd.GPS)
	// Values may overlap: 65535 fields of a file of 2 MiB can hold 120 GiB.
	if total(main)+total(exif)+total(gps) <= maxBytes {
		m.EXIF = EXIF(ifd.Build(file.Order, main, exif, gps))
	}
	return m
}

// total returns the size of all values in bytes.
func total(fields []ifd.Field) int {
	sum := 0
	for _, field := range fields {
		sum += len(field.Value)
	}
	return sum
}

func subdirectory(file ifd.File, page ifd.Directory, tag uint16) []ifd.Field {
	directory, ok := file.Directory(file.Number(page, tag, 0))
	if !ok {
		return nil
	}
	return file.Fields(directory, func(tag uint16) bool {
		return tag != ifd.MakerNote && tag != ifd.Interoperability
	})
}

// describes reports whether a page's field describes the image rather than how its
// pixels are stored.
func describes(tag uint16) bool {
	switch tag {
	case ifd.ImageDescription, ifd.Make, ifd.Model, ifd.XResolution, ifd.YResolution,
		ifd.ResolutionUnit, ifd.Software, ifd.DateTime, ifd.Artist, ifd.HostComputer,
		ifd.Rating, ifd.Copyright:
		return true
	}
	return tag >= ifd.XPTitle && tag <= ifd.XPSubject
}
