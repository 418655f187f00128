package decode

import "upscaled/engine/imagedata"

// SniffLength is the number of bytes that Sniff looks at.
const SniffLength = 1024

// Sniff detects the format from a file's first bytes. It fails like Probe if the
// file is not an image; a file that passes may still be damaged.
func Sniff(head []byte) (imagedata.Format, error) { return sniff(head) }
