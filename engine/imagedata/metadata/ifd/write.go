package ifd

import (
	"encoding/binary"
	"slices"
)

// Field is an entry to write. Value holds Count values of Type in the structure's
// byte order.
type Field struct {
	Tag, Type uint16
	Count     uint32
	Value     []byte
}

// Fields copies the entries of a directory that keep accepts and whose values are
// in the file. Offsets inside values, as in maker notes and subdirectories, are
// not adjusted: keep must reject such tags. Types of BigTIFF are left out.
func (f File) Fields(d Directory, keep func(tag uint16) bool) []Field {
	var fields []Field
	for _, e := range d.Entries {
		if e.End > e.Start && e.Type < Long8 && keep(e.Tag) {
			fields = append(fields, Field{e.Tag, e.Type, e.Count, f.Value(e)})
		}
	}
	return fields
}

// Swap changes the byte order of fields. Values of undefined types have none.
func Swap(fields []Field) {
	const signedRational = 10
	for i, field := range fields {
		unit := int(typeSize(field.Type))
		if field.Type == Rational || field.Type == signedRational {
			unit /= 2
		}
		value := slices.Clone(field.Value)
		for at := 0; unit > 1 && at+unit <= len(value); at += unit {
			slices.Reverse(value[at:][:unit])
		}
		fields[i].Value = value
	}
}

// NextLink returns the position, in a written directory, of the offset of the next.
func NextLink(order binary.ByteOrder, directory []byte) int64 {
	return 2 + recordSize*int64(order.Uint16(directory))
}

// Build returns a TIFF structure of one directory and the EXIF and GPS
// subdirectories that have fields, or nil if there are no fields at all. Fields
// are sorted by tag; of equal tags the first is kept.
func Build(order binary.ByteOrder, main, exif, gps []Field) []byte {
	if len(main)+len(exif)+len(gps) == 0 {
		return nil
	}
	mark := "II*\x00"
	if order == binary.ByteOrder(binary.BigEndian) {
		mark = "MM\x00*"
	}
	out := append([]byte(mark), 0, 0, 0, 0)
	directories, at := At(uint32(len(out)), order, main, exif, gps)
	order.PutUint32(out[4:], at)
	return append(out, directories...)
}

// At returns the directories of Build for data placed at offset base of a file,
// which must be even; at is the offset of the main directory.
func At(base uint32, order binary.ByteOrder, main, exif, gps []Field) (data []byte, at uint32) {
	for _, sub := range []struct {
		tag    uint16
		fields []Field
	}{{EXIF, exif}, {GPS, gps}} {
		if len(sub.fields) == 0 {
			continue
		}
		pointer := make([]byte, 4)
		order.PutUint32(pointer, base+uint32(len(data)))
		data = appendDirectory(data, base, order, sub.fields)
		main = append(main[:len(main):len(main)], Field{sub.tag, Long, 1, pointer})
	}
	at = base + uint32(len(data))
	return appendDirectory(data, base, order, main), at
}

// appendDirectory writes a directory followed by the values that do not fit into
// their records. Everything starts at an even offset, as TIFF requires.
func appendDirectory(out []byte, base uint32, order binary.ByteOrder, fields []Field) []byte {
	fields = slices.Clone(fields)
	slices.SortStableFunc(fields, func(a, b Field) int { return int(a.Tag) - int(b.Tag) })
	fields = slices.CompactFunc(fields, func(a, b Field) bool { return a.Tag == b.Tag })
	start := len(out)
	out = append(out, make([]byte, 2+len(fields)*recordSize+4)...)
	order.PutUint16(out[start:], uint16(len(fields)))
	for i, field := range fields {
		record := start + 2 + i*recordSize
		order.PutUint16(out[record:], field.Tag)
		order.PutUint16(out[record+2:], field.Type)
		order.PutUint32(out[record+4:], field.Count)
		if len(field.Value) <= 4 {
			copy(out[record+8:], field.Value)
			continue
		}
		order.PutUint32(out[record+8:], base+uint32(len(out)))
		out = append(out, field.Value...)
		if len(out)%2 == 1 {
			out = append(out, 0)
		}
	}
	return out
}
