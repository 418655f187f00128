// Package metadata reads, validates and edits the data beside the pixels of an
// image: ICC profiles, EXIF blocks and XMP packets. Malformed metadata is
// dropped and never an error: the image is worth more than its labels.
package metadata

import (
	"upscaled/engine/imagedata"
)

// maxBytes bounds each kind of metadata after decompression. Real profiles reach
// about 4 MiB; larger blocks are treated as bombs and dropped.
const maxBytes = 16 << 20

// Fit returns the metadata for an upright output of a size in pixels: EXIF and XMP
// orientation become 1, existing size fields get the new size, embedded thumbnails
// are dropped, everything else is unchanged. The argument is not changed; the
// result shares the unchanged parts.
func Fit(m imagedata.Metadata, width, height int) imagedata.Metadata {
	m.XMP = fitXMP(m.XMP, width, height)
	m.EXIF = fitEXIF(m.EXIF, width, height)
	return m
}
