package decode

import "upscaled/engine/imagedata"

// SniffLength is how many bytes of a file Sniff wants to see at most.
const SniffLength = 1024

// Sniff tells the format from a file's first bytes, without reading more. It
// fails as Probe does for files that are no picture; a file that passes may
// still be damaged.
func Sniff(head []byte) (imagedata.Format, error) { return sniff(head) }
