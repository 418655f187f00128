package encode

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"

	"upscaled/engine/imagedata/jpeg"
	"upscaled/engine/imagedata/metadata"
)

// head returns everything before the coded pixels.
func (e *jpegEncoder) head() []byte {
	out := []byte{0xff, 0xd8}
	// JFIF 1.02, by default with square pixels; its YCbCr is the encoder's.
	unit, x, y := byte(0), uint16(1), uint16(1)
	if r := e.header.Meta.Resolution; r.X > 0 && r.Y > 0 {
		unit, x, y = 1, uint16(min(r.X+0.5, 65535)), uint16(min(r.Y+0.5, 65535))
	}
	out = segment(out, 0xe0, append([]byte("JFIF\x00\x01\x02"), unit, byte(x>>8), byte(x), byte(y>>8), byte(y), 0, 0))
	out = e.metadata(out)
	standard := jpeg.Standard()
	kinds := min(e.header.Channels, 2) // luma, chroma
	for k := range kinds {
		table := []byte{byte(k)}
		for _, at := range jpeg.Zigzag {
			table = append(table, byte(e.tables.quantizer[k][at]))
		}
		out = segment(out, 0xdb, table)
	}
	frame := []byte{8}
	frame = binary.BigEndian.AppendUint16(frame, uint16(e.header.Height))
	frame = binary.BigEndian.AppendUint16(frame, uint16(e.header.Width))
	frame = append(frame, byte(e.header.Channels))
	scan := []byte{byte(e.header.Channels)}
	for c := range e.header.Channels {
		factors, table := byte(0x11), byte(min(c, 1))
		if c == 0 {
			factors = byte(e.sampling<<4 | e.sampling)
		}
		frame = append(frame, byte(c+1), factors, table)
		scan = append(scan, byte(c+1), table<<4|table)
	}
	out = segment(out, 0xc0, frame)
	for i, spec := range standard[:2*kinds] {
		class, kind := i%2, i/2
		table := append([]byte{byte(class<<4 | kind)}, spec.Counts[:]...)
		out = segment(out, 0xc4, append(table, spec.Values...))
	}
	interval := (e.header.Width + e.side() - 1) / e.side()
	out = segment(out, 0xdd, binary.BigEndian.AppendUint16(nil, uint16(interval)))
	return segment(out, 0xda, append(scan, 0, 63, 0))
}

func segment(out []byte, marker byte, data []byte) []byte {
	out = append(out, 0xff, marker)
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)+2))
	return append(out, data...)
}

// segmentBytes is the capacity of a segment without marker and length.
const segmentBytes = 65533

// metadata adds EXIF, XMP, IPTC, a comment and ICC as segments. EXIF and IPTC must fit
// one segment and are omitted otherwise, which Lost says; XMP and ICC are split.
func (e *jpegEncoder) metadata(out []byte) []byte {
	m := e.header.Meta
	if exif := append([]byte("Exif\x00\x00"), m.EXIF...); m.EXIF != nil && len(exif) <= segmentBytes {
		out = segment(out, 0xe1, exif)
	}
	if m.XMP != nil {
		out = xmpSegments(out, m.XMP)
	}
	if captions := metadata.APP13(m.IPTC); m.IPTC != nil && len(captions) <= segmentBytes {
		out = segment(out, 0xed, captions)
	}
	if len(m.Comment) > 0 {
		out = segment(out, 0xfe, m.Comment)
	}
	// ICC.1:2022, annex B.4: a name, the part's number from 1, the part count.
	const part = segmentBytes - 14
	count := (len(m.ICC) + part - 1) / part
	for i := 0; i < count && count <= 255; i++ {
		data := append([]byte("ICC_PROFILE\x00"), byte(i+1), byte(count))
		out = segment(out, 0xe2, append(data, m.ICC[i*part:min((i+1)*part, len(m.ICC))]...))
	}
	return out
}

// xmpSegments adds a packet; a large one as extended XMP: a short packet that
// refers to the large one by its MD5, and the large one in parts (XMP
// specification, part 3, section 1.1.3.1).
func xmpSegments(out, packet []byte) []byte {
	const standard, extension = "http://ns.adobe.com/xap/1.0/\x00", "http://ns.adobe.com/xmp/extension/\x00"
	if len(standard)+len(packet) <= segmentBytes {
		return segment(out, 0xe1, append([]byte(standard), packet...))
	}
	name := fmt.Sprintf("%X", md5.Sum(packet))
	short := standard + `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="` + name +
		`"/></rdf:RDF></x:xmpmeta>`
	out = segment(out, 0xe1, []byte(short))
	const part = 65400
	for at := 0; at < len(packet); at += part {
		data := binary.BigEndian.AppendUint32([]byte(extension+name), uint32(len(packet)))
		data = binary.BigEndian.AppendUint32(data, uint32(at))
		out = segment(out, 0xe1, append(data, packet[at:min(at+part, len(packet))]...))
	}
	return out
}
