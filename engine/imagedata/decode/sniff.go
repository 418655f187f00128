package decode

import (
	"bytes"
	"encoding/binary"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// SniffLength is the number of bytes that Sniff looks at.
const SniffLength = 1024

// Sniff detects the format from a file's first bytes. It fails like Probe if the
// file is not an image; a file that passes may still be damaged.
func Sniff(data []byte) (imagedata.Format, error) {
	at := func(offset int, mark string) bool {
		return len(data) >= offset+len(mark) && string(data[offset:offset+len(mark)]) == mark
	}
	switch {
	case len(data) == 0:
		return "", fault.New(fault.Invalid, "The file is empty.")
	case at(0, "\xff\xd8\xff"):
		return imagedata.JPEG, nil
	//guard:polyglot TestHostileFiles/HTML_with_a_PNG_inside => bytes.Contains(data, []byte("\x89PNG\r\n\x1a\n"))
	case at(0, "\x89PNG\r\n\x1a\n"):
		return imagedata.PNG, nil
	case at(0, "GIF87a"), at(0, "GIF89a"):
		return imagedata.GIF, nil
	case at(0, "RIFF") && at(8, "WEBP"):
		return imagedata.WebP, nil
	case at(0, "\xff\x0a"), at(0, "\x00\x00\x00\x0cJXL "):
		return imagedata.JXL, nil
	case at(0, "\xff\x4f\xff\x51"), at(0, "\x00\x00\x00\x0cjP  "):
		return imagedata.JP2, nil
	}
	if iso := isoImage(data); iso != "" && at(4, "ftyp") {
		return iso, nil
	}
	known := foreign(data, at)
	switch {
	case known == film:
		return "", fault.New(fault.Unsupported, "This is a film, and only images are read here.")
	case known != "":
		return "", fault.New(fault.Unsupported,
			"%s files cannot be read; convert the image to PNG or JPEG first.", known)
	}
	switch {
	case at(0, "BM"):
		return imagedata.BMP, nil
	case at(0, "II*\x00"), at(0, "MM\x00*"), at(0, "II+\x00"), at(0, "MM\x00+"):
		return imagedata.TIFF, nil
	}
	return "", fault.New(fault.Invalid,
		"This is not an image in a known format; %s can be read.", imagedata.Names())
}

// film is the name of files that package engine/film opens.
const film = "Film"

// foreign names common formats that are not supported.
func foreign(data []byte, at func(int, string) bool) string {
	for _, mark := range []struct {
		offset     int
		mark, name string
	}{
		{0, "%PDF", "PDF"},
		{0, "8BPS", "Photoshop"},
		{0, "\x00\x00\x01\x00", "Windows icon"},
		{0, "\x76\x2f\x31\x01", "OpenEXR"},
		{0, "#?RADIANCE", "Radiance HDR"},
		{0, "DDS ", "DirectDraw surface"},
		{0, "qoif", "QOI"},
		{0, "gimp xcf", "GIMP"},
		{0, "FUJIFILMCCD-RAW", "Fujifilm RAW"},
		{0, "IIRO", "Olympus RAW"},
		{0, "IIRS", "Olympus RAW"},
		{0, "IIU\x00", "Panasonic RAW"},
		{8, "CR\x02\x00", "Canon RAW"},
		{0, "\x1a\x45\xdf\xa3", film},
		{8, "AVI LIST", film},
	} {
		if at(mark.offset, mark.mark) {
			return mark.name
		}
	}
	if at(4, "ftyp") {
		if at(8, "crx ") {
			return "Canon RAW"
		}
		return film
	}
	head := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(data[:min(len(data), SniffLength)], []byte("\ufeff"))))
	switch {
	case bytes.HasPrefix(head, []byte("<svg")),
		bytes.HasPrefix(head, []byte("<?xml")) && bytes.Contains(head, []byte("<svg")):
		return "SVG"
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.HasPrefix(head, []byte("<html")):
		return "HTML"
	}
	return ""
}

// isoImage returns the image format of a file in the ISO base media format, "" for
// others. The generic brands of images defer to the compatible ones.
func isoImage(data []byte) imagedata.Format {
	if len(data) < 16 {
		return ""
	}
	switch string(data[8:12]) {
	case "avif", "avis":
		return imagedata.AVIF
	case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "mif2", "msf1":
		end := min(len(data), int(min(binary.BigEndian.Uint32(data), 256)))
		if end > 16 && (bytes.Contains(data[16:end], []byte("avif")) || bytes.Contains(data[16:end], []byte("avis"))) {
			return imagedata.AVIF
		}
		return imagedata.HEIC
	}
	return ""
}
