package encode

import (
	"slices"
	"strings"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
)

// Fate is how an output format keeps a part of a file's metadata.
type Fate string

// The fates.
const (
	Kept      Fate = "kept"
	Converted Fate = "converted"
	Dropped   Fate = "dropped"
)

// Part is a kind of metadata.
type Part struct {
	Name string
	// Kept and Converted list formats; the others drop the part.
	Kept, Converted []imagedata.Format
	// How describes a conversion.
	How     string
	present func(imagedata.Metadata) bool
}

// Parts returns the fates of metadata in all formats, as the table in the user's guide.
func Parts() []Part {
	const jpeg, png, webp, tiff, bmp, gif = imagedata.JPEG, imagedata.PNG, imagedata.WebP, imagedata.TIFF, imagedata.BMP, imagedata.GIF
	const avif, jxl = imagedata.AVIF, imagedata.JXL
	blocks := []imagedata.Format{jpeg, png, webp, tiff, avif, jxl}
	return []Part{
		{Name: "color profile (ICC)", Kept: blocks, Converted: []imagedata.Format{bmp, gif}, How: "pixels to sRGB",
			present: func(m imagedata.Metadata) bool { return m.ICC != nil }},
		{Name: "EXIF data", Kept: blocks, present: func(m imagedata.Metadata) bool { return m.EXIF != nil }},
		{Name: "maker notes in EXIF data", Kept: slices.DeleteFunc(slices.Clone(blocks), func(f imagedata.Format) bool { return f == tiff }),
			present: func(m imagedata.Metadata) bool { return metadata.HasMakerNote(m.EXIF) }},
		{Name: "XMP data", Kept: blocks, present: func(m imagedata.Metadata) bool { return m.XMP != nil }},
		{Name: "IPTC captions", Kept: []imagedata.Format{jpeg, tiff}, present: func(m imagedata.Metadata) bool { return m.IPTC != nil }},
		{Name: "PNG text", Kept: []imagedata.Format{png}, present: func(m imagedata.Metadata) bool { return m.Text != nil }},
		{Name: "a comment", Kept: []imagedata.Format{jpeg, gif}, Converted: []imagedata.Format{png}, How: "to text",
			present: func(m imagedata.Metadata) bool { return len(m.Comment) > 0 }},
		{Name: "the resolution (dpi)", Kept: []imagedata.Format{jpeg, png, tiff, bmp},
			present: func(m imagedata.Metadata) bool { return m.Resolution.Stated() }},
		{Name: "HDR color coding (cICP)", Kept: []imagedata.Format{png, avif, jxl}, Converted: []imagedata.Format{jpeg, webp, tiff, bmp, gif},
			How: "pixels to sRGB", present: imagedata.Metadata.Coded},
		{Name: "HDR mastering data (mDCV, cLLI)", Kept: []imagedata.Format{png, avif},
			present: func(m imagedata.Metadata) bool {
				return slices.ContainsFunc(m.HDR, func(c imagedata.Chunk) bool { return c.Kind != "cICP" })
			}},
	}
}

// Fate returns the fate of the part in a format.
func (p Part) Fate(f imagedata.Format) Fate {
	switch {
	case slices.Contains(p.Kept, f):
		return Kept
	case slices.Contains(p.Converted, f):
		return Converted
	}
	return Dropped
}

// Lost returns a sentence about the metadata that a file of a format will lack, "" if
// there is none.
func Lost(m imagedata.Metadata, f imagedata.Format) string {
	var names []string
	for _, part := range Parts() {
		if part.present(m) && part.Fate(f) == Dropped {
			names = append(names, part.Name)
		}
	}
	if f == imagedata.JPEG {
		if len(m.EXIF)+len("Exif\x00\x00") > segmentBytes {
			names = append(names, "EXIF data of more than 64 KiB")
		}
		if m.IPTC != nil && len(metadata.APP13(m.IPTC)) > segmentBytes {
			names = append(names, "IPTC captions of more than 64 KiB")
		}
	}
	if names == nil {
		return ""
	}
	return "Left out, because " + string(f) + " files cannot hold it: " + strings.Join(names, ", ") + "."
}

// HoldsCoding reports whether a format states colors by code points (cICP).
func HoldsCoding(f imagedata.Format) bool {
	return f == imagedata.PNG || f == imagedata.AVIF || f == imagedata.JXL
}
