// Package ifd reads and writes the directories of TIFF structures, which TIFF
// files and EXIF blocks share (TIFF 6.0, section 2; EXIF 2.32, section 4.6). It
// allocates in proportion to the data, never to the sizes that the data states,
// so hostile input costs no more than its own size.
package ifd

import (
	"encoding/binary"
	"errors"
)

// The tags used for images and their metadata.
const (
	NewSubfileType      = 0x00fe
	ImageWidth          = 0x0100
	ImageLength         = 0x0101
	BitsPerSample       = 0x0102
	Compression         = 0x0103
	Photometric         = 0x0106
	FillOrder           = 0x010a
	DocumentName        = 0x010d
	ImageDescription    = 0x010e
	Make                = 0x010f
	Model               = 0x0110
	StripOffsets        = 0x0111
	Orientation         = 0x0112
	SamplesPerPixel     = 0x0115
	StripByteCounts     = 0x0117
	XResolution         = 0x011a
	YResolution         = 0x011b
	RowsPerStrip        = 0x0116
	PlanarConfig        = 0x011c
	PageName            = 0x011d
	T4Options           = 0x0124
	ResolutionUnit      = 0x0128
	Software            = 0x0131
	DateTime            = 0x0132
	Artist              = 0x013b
	HostComputer        = 0x013c
	Predictor           = 0x013d
	ColorMap            = 0x0140
	InkSet              = 0x014c
	TileWidth           = 0x0142
	TileLength          = 0x0143
	TileOffsets         = 0x0144
	TileByteCounts      = 0x0145
	SubIFDs             = 0x014a
	ExtraSamples        = 0x0152
	SampleFormat        = 0x0153
	JPEGTables          = 0x015b
	ThumbnailOffset     = 0x0201 // also of the stream of old-style JPEG compression
	ThumbnailLength     = 0x0202
	JPEGQTables         = 0x0207
	JPEGDCTables        = 0x0208
	JPEGACTables        = 0x0209
	YCbCrCoefficients   = 0x0211
	YCbCrSubSampling    = 0x0212
	ReferenceBlackWhite = 0x0214
	XMP                 = 0x02bc
	IPTC                = 0x83bb
	Rating              = 0x4746
	Copyright           = 0x8298
	Photoshop           = 0x8649 // image resources
	PhotoshopLayers     = 0x935c
	ICC                 = 0x8773
	EXIF                = 0x8769
	GPS                 = 0x8825
	SubjectArea         = 0x9214
	MakerNote           = 0x927c
	PixelXDimension     = 0xa002
	PixelYDimension     = 0xa003
	Interoperability    = 0xa005
	FocalPlaneX         = 0xa20e // pixels per unit
	FocalPlaneY         = 0xa20f
	SubjectLocation     = 0xa214
	RelatedImageWidth   = 0x1001 // of the interoperability directory
	RelatedImageLength  = 0x1002
	XPTitle             = 0x9c9b
	XPSubject           = 0x9c9f
	DNGVersion          = 0xc612
)

// Field types of TIFF 6.0, and those that BigTIFF adds.
const (
	Byte      = 1
	ASCII     = 2
	Short     = 3
	Long      = 4
	Rational  = 5
	Undefined = 7
	Long8     = 16
	Offset8   = 18
)

// recordSize is the size of one directory entry in bytes, bigRecordSize in BigTIFF.
const (
	recordSize    = 12
	bigRecordSize = 20
)

var errHeader = errors.New("not a TIFF structure")

// File is a TIFF structure. It shares the bytes it was parsed from.
type File struct {
	Data  []byte
	Order binary.ByteOrder
	// First is the offset of the first directory.
	First uint64
	// big reports 64-bit offsets and counts.
	big bool
}

// Entry is one field of a directory.
type Entry struct {
	Tag, Type uint16
	Count     uint32
	// At is the offset of the entry's 12-byte record.
	At int
	// Start and End bound the value in the file; both are 0 if it is outside the
	// file or has an unknown type.
	Start, End int
}

// Directory is one list of fields.
type Directory struct {
	// Start and End bound the directory itself, without its values.
	Start, End int
	Entries    []Entry
	// Next is the offset of the next directory, 0 for none.
	Next uint64
}

// Parse reads the header. It fails if data is not a TIFF structure; BigTIFF, which
// is in no EXIF block, is not one.
func Parse(data []byte) (File, error) {
	if len(data) < 8 {
		return File{}, errHeader
	}
	f := File{Data: data}
	switch string(data[:4]) {
	case "II*\x00":
		f.Order = binary.LittleEndian
	case "MM\x00*":
		f.Order = binary.BigEndian
	default:
		return File{}, errHeader
	}
	f.First = uint64(f.Order.Uint32(data[4:]))
	return f, nil
}

// ParseFirst is Parse followed by reading the first directory.
func ParseFirst(data []byte) (File, Directory, bool) {
	f, err := Parse(data)
	if err != nil {
		return File{}, Directory{}, false
	}
	d, ok := f.Directory(f.First)
	return f, d, ok
}

// ParseBig is Parse for TIFF files, which may be BigTIFF.
func ParseBig(data []byte) (File, error) {
	if len(data) < 16 || data[2]|data[3] != 43 {
		return Parse(data)
	}
	f := File{Data: data, Order: binary.LittleEndian, big: true}
	if data[0] == 'M' {
		f.Order = binary.BigEndian
	}
	if f.Order.Uint16(data[2:]) != 43 || f.Order.Uint16(data[4:]) != 8 {
		return File{}, errHeader
	}
	f.First = f.Order.Uint64(data[8:])
	return f, nil
}

// Directory reads the directory at an offset. It reports false if the directory
// runs past the end of the file.
func (f File) Directory(offset uint64) (Directory, bool) {
	size, head, record, link := uint64(len(f.Data)), uint64(2), uint64(recordSize), uint64(4)
	if f.big {
		head, record, link = 8, bigRecordSize, 8
	}
	if offset < 8 || offset > size || size-offset < head {
		return Directory{}, false
	}
	count := f.word(f.Data[offset:], head)
	if count == 0 || count > (size-offset-head)/record {
		return Directory{}, false
	}
	end := offset + head + count*record
	d := Directory{Start: int(offset), End: int(end), Entries: make([]Entry, count)}
	for i := range d.Entries {
		d.Entries[i] = f.entry(int(offset+head) + i*int(record))
	}
	// Some writers omit the last link; such a directory has no next.
	if end+link <= size {
		d.Next = f.word(f.Data[end:], link)
		d.End += int(link)
	}
	return d, true
}

// word reads a number of 2, 4 or 8 bytes.
func (f File) word(data []byte, size uint64) uint64 {
	switch size {
	case 2:
		return uint64(f.Order.Uint16(data))
	case 4:
		return uint64(f.Order.Uint32(data))
	}
	return f.Order.Uint64(data)
}

func (f File) entry(at int) Entry {
	record, word := f.Data[at:], uint64(4)
	if f.big {
		word = 8
	}
	e := Entry{Tag: f.Order.Uint16(record), Type: f.Order.Uint16(record[2:]), At: at}
	count, size := f.word(record[4:], word), uint64(len(f.Data))
	e.Count = uint32(min(count, 1<<32-1))
	unit := uint64(typeSize(e.Type))
	if unit == 0 || count == 0 || count > size/unit {
		return e
	}
	length, start := count*unit, uint64(at)+4+word
	if length > word {
		start = f.word(record[4+word:], word)
	}
	if start <= size && length <= size-start {
		e.Start, e.End = int(start), int(start+length)
	}
	return e
}

// typeSize returns the bytes per value of a field type, 0 for unknown types.
func typeSize(kind uint16) int64 {
	switch kind {
	case Byte, ASCII, 6, Undefined:
		return 1
	case Short, 8:
		return 2
	case Long, 9, 11, 13:
		return 4
	case Rational, 10, 12, Long8, 17, Offset8:
		return 8
	}
	return 0
}

// Find returns the first entry with a tag.
func (d Directory) Find(tag uint16) (Entry, bool) {
	for _, e := range d.Entries {
		if e.Tag == tag {
			return e, true
		}
	}
	return Entry{}, false
}

// Rational returns the i-th value of an entry of unsigned fractions.
func (f File) Rational(e Entry, i int) (float64, bool) {
	if e.Type != Rational || i < 0 || i >= (e.End-e.Start)/8 {
		return 0, false
	}
	value := f.Data[e.Start+8*i:]
	denominator := f.Order.Uint32(value[4:])
	return float64(f.Order.Uint32(value)) / float64(denominator), denominator != 0
}

// Value returns the entry's bytes in the file's byte order, sharing its memory.
func (f File) Value(e Entry) []byte { return f.Data[e.Start:e.End:e.End] }

// Uint returns the i-th value of an entry of an unsigned integer type.
func (f File) Uint(e Entry, i int) (uint64, bool) {
	size := int(typeSize(e.Type))
	if i < 0 || i >= (e.End-e.Start)/max(size, 1) {
		return 0, false
	}
	value := f.Data[e.Start+i*size:]
	switch e.Type {
	case Byte, Undefined:
		return uint64(value[0]), true
	case Short:
		return uint64(f.Order.Uint16(value)), true
	case Long, 13:
		return uint64(f.Order.Uint32(value)), true
	case Long8, Offset8:
		return f.Order.Uint64(value), true
	}
	return 0, false
}

// Number returns the first value of a tag, or absent if there is none or it is
// malformed.
func (f File) Number(d Directory, tag uint16, absent uint64) uint64 {
	if e, ok := d.Find(tag); ok {
		if value, ok := f.Uint(e, 0); ok {
			return value
		}
	}
	return absent
}
