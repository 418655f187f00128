// Package metadata reads, checks and edits what travels beside the pixels of
// a picture: ICC profiles, EXIF blocks and XMP packets. Malformed metadata is
// dropped and never an error, for a picture is worth more than its labels.
package metadata

import (
	"upscaled/engine/imagedata"
)

// maxBytes bounds each kind of metadata after decompression. Real profiles
// reach about 4 MiB; larger blocks are taken for bombs and dropped.
const maxBytes = 16 << 20

// Fit gives the metadata for an upright output of a size in pixels: the EXIF
// and XMP orientation become 1 and the size fields that exist take the new
// size, embedded thumbnails are dropped, everything else stays as it was. The
// argument is not changed; the result shares its profile.
func Fit(m imagedata.Metadata, width, height int) imagedata.Metadata {
	return imagedata.Metadata{
		ICC:  m.ICC,
		EXIF: fitEXIF(m.EXIF, width, height),
		XMP:  fitXMP(m.XMP, width, height),
	}
}
