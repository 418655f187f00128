package metadata

import (
	"bytes"
	"slices"

	"upscaled/engine/imagedata/metadata/ifd"
)

// EXIF validates a block from a file, with or without JPEG's "Exif\0\0" prefix,
// and returns the TIFF structure in it, or nil if there is no readable one. The
// result shares the argument's memory.
func EXIF(block []byte) []byte {
	if len(block) >= 6 && string(block[:5]) == "Exif\x00" {
		block = block[6:]
	}
	if _, _, ok := ifd.ParseFirst(block); !ok || len(block) > maxBytes {
		return nil
	}
	return block
}

// Orientation returns the orientation of the stored pixels, 1 to 8 as in TIFF
// 6.0's tag 274; 1 (upright) if the block does not state it.
func Orientation(exif []byte) int {
	file, directory, _ := ifd.ParseFirst(exif)
	entry, _ := directory.Find(ifd.Orientation)
	if value, ok := file.Uint(entry, 0); ok && isNumber(entry) && value >= 1 && value <= 8 {
		return int(value)
	}
	return 1
}

// isNumber reports whether set can write the field: an orientation that is
// followed must be reset afterwards.
func isNumber(e ifd.Entry) bool {
	return e.Count == 1 && e.End > e.Start && (e.Type == ifd.Byte || e.Type == ifd.Short || e.Type == ifd.Long)
}

// fitEXIF edits a copy in place, so that all offsets stay valid, including those
// in maker notes.
func fitEXIF(exif []byte, width, height int) []byte {
	if EXIF(exif) == nil {
		return nil
	}
	file, err := ifd.Parse(bytes.Clone(exif))
	if err != nil {
		return nil
	}
	const header = 8
	editor := &editor{File: file, width: uint32(width), height: uint32(height), orientation: Orientation(exif), used: []span{{0, header}}}
	main, ok := editor.directory(file.First)
	if !ok {
		return nil
	}
	editor.movePlaces()
	return editor.withoutThumbnail(main)
}

// maxFields bounds the fields of an EXIF block; real blocks have some hundred.
// It keeps comparing every span with every other cheap.
const maxFields = 4096

// editor walks the directories that describe the image itself, each once, and
// records the bytes they use.
type editor struct {
	ifd.File
	width, height uint32
	orientation   int
	used          []span
	places        []place
}

// span is the byte range [start, end).
type span struct{ start, end int }

func (e *editor) directory(offset uint64) (ifd.Directory, bool) {
	d, ok := e.Directory(offset)
	//guard:exif-circle TestHostileFiles/PNG_with_EXIF_directories_in_a_circle => !ok
	if !ok || len(e.used)+len(d.Entries) > maxFields || e.overlaps(span{d.Start, d.Start + 1}) {
		return d, false
	}
	e.used = append(e.used, span{d.Start, d.End})
	e.findPlaces(d)
	for _, entry := range d.Entries {
		e.used = append(e.used, span{entry.Start, entry.End})
		switch entry.Tag {
		case ifd.Orientation:
			e.set(entry, 1)
		case ifd.ImageWidth, ifd.PixelXDimension, ifd.RelatedImageWidth:
			e.set(entry, e.width)
		case ifd.ImageLength, ifd.PixelYDimension, ifd.RelatedImageLength:
			e.set(entry, e.height)
		case ifd.EXIF, ifd.GPS, ifd.Interoperability:
			if sub, ok := e.Uint(entry, 0); ok {
				e.directory(sub)
			}
		}
	}
	return d, true
}

// set writes a single number. A 16-bit field that cannot hold it becomes a 32-bit
// one, which both size tags allow and which fits the same record.
func (e *editor) set(entry ifd.Entry, value uint32) {
	if !isNumber(entry) {
		return
	}
	record := e.Data[entry.At : entry.At+12]
	switch {
	case entry.Type == ifd.Byte && value <= 0xff:
		record[8] = byte(value)
	case entry.Type == ifd.Short && value <= 0xffff:
		e.Order.PutUint16(record[8:], uint16(value))
	case entry.Type == ifd.Short || entry.Type == ifd.Long:
		e.Order.PutUint16(record[2:], ifd.Long)
		e.Order.PutUint32(record[8:], value)
	}
}

// withoutThumbnail unlinks the directories after the main one, which describe a
// thumbnail of the old image, and erases their bytes: by cutting the block if
// they are at its end, otherwise with zeros.
func (e *editor) withoutThumbnail(main ifd.Directory) []byte {
	if main.Next == 0 {
		return e.Data
	}
	e.Order.PutUint32(e.Data[main.End-4:], 0)
	var erased []span
	if thumbnail, ok := e.Directory(main.Next); ok && len(thumbnail.Entries) <= maxFields {
		erased = append(erased, span{thumbnail.Start, thumbnail.End})
		for _, entry := range thumbnail.Entries {
			if entry.End > entry.At+12 || entry.End <= entry.At {
				erased = append(erased, span{entry.Start, entry.End})
			}
		}
		erased = append(erased, e.thumbnailData(thumbnail)...)
	}
	end := 0
	for _, s := range e.used {
		end = max(end, s.end)
	}
	cut := len(e.Data)
	for _, s := range erased {
		if s.end > s.start && !e.overlaps(s) {
			clear(e.Data[s.start:s.end])
			if s.start >= end {
				cut = min(cut, s.start)
			}
		}
	}
	return e.Data[:cut]
}

// thumbnailData returns the location of a thumbnail's JPEG stream or strip.
func (e *editor) thumbnailData(d ifd.Directory) []span {
	var found []span
	for _, tags := range [][2]uint16{
		{ifd.ThumbnailOffset, ifd.ThumbnailLength},
		{ifd.StripOffsets, ifd.StripByteCounts},
	} {
		start := int64(e.Number(d, tags[0], 0))
		end := min(start+int64(e.Number(d, tags[1], 0)), int64(len(e.Data)))
		if start >= 8 && start < end {
			found = append(found, span{int(start), int(end)})
		}
	}
	return found
}

func (e *editor) overlaps(s span) bool {
	return slices.ContainsFunc(e.used, func(u span) bool { return s.start < u.end && u.start < s.end })
}
