package metadata

import (
	"bytes"
	"encoding/binary"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata/ifd"
)

// perMeter converts dots per meter to dots per inch.
const perMeter = 0.0254

// DotsPerMeter returns a resolution that a file states per meter. Whole numbers of
// dots per inch are found again although the file rounds them.
func DotsPerMeter(x, y uint32) imagedata.Resolution {
	inch := func(v uint32) float64 {
		dots := float64(v) * perMeter
		if whole := float64(int(dots + 0.5)); whole-dots < 0.02 && dots-whole < 0.02 {
			return whole
		}
		return dots
	}
	return imagedata.Resolution{X: inch(x), Y: inch(y)}
}

// PerMeter returns a resolution in dots per meter.
func PerMeter(r imagedata.Resolution) (x, y uint32) {
	meter := func(v float64) uint32 { return uint32(min(v/perMeter+0.5, 1<<31-1)) }
	return meter(r.X), meter(r.Y)
}

// JFIF returns the resolution of a JPEG file's APP0 segment.
func JFIF(payload []byte) imagedata.Resolution {
	if len(payload) < 12 {
		return imagedata.Resolution{}
	}
	x, y := float64(binary.BigEndian.Uint16(payload[8:])), float64(binary.BigEndian.Uint16(payload[10:]))
	switch payload[7] {
	case 1:
		return imagedata.Resolution{X: x, Y: y}
	case 2: // per centimeter
		return imagedata.Resolution{X: x * 2.54, Y: y * 2.54}
	}
	return imagedata.Resolution{}
}

// Resolution returns the resolution that an EXIF block states.
func Resolution(exif []byte) imagedata.Resolution {
	file, directory, _ := ifd.ParseFirst(exif)
	return resolution(file, directory)
}

func resolution(file ifd.File, directory ifd.Directory) imagedata.Resolution {
	x, _ := directory.Find(ifd.XResolution)
	y, _ := directory.Find(ifd.YResolution)
	across, ok := file.Rational(x, 0)
	down, both := file.Rational(y, 0)
	unit := map[uint64]float64{2: 1, 3: 2.54}[file.Number(directory, ifd.ResolutionUnit, 2)]
	if !ok || !both {
		return imagedata.Resolution{}
	}
	return imagedata.Resolution{X: across * unit, Y: down * unit}
}

const (
	photoshop    = "Photoshop 3.0\x00"
	resourceMark = "8BIM"
	iptcResource = 0x0404
)

// IPTC returns the captions in a JPEG file's APP13 segment, nil if there are none.
// Photoshop's other resources describe its own view of the file, except for paths.
func IPTC(payload []byte) []byte {
	return resource(payload, func(kind uint16) bool { return kind == iptcResource })
}

// HasPath reports whether an APP13 segment holds a named path, such as the outline that
// a print shop cuts an image along.
func HasPath(payload []byte) bool {
	return resource(payload, func(kind uint16) bool { return kind >= 2000 && kind <= 2997 }) != nil
}

// resource returns the first of Photoshop's resources of a kind, unless it is empty.
func resource(payload []byte, wanted func(kind uint16) bool) []byte {
	rest, ok := bytes.CutPrefix(payload, []byte(photoshop))
	for ok && len(rest) >= 12 && string(rest[:4]) == resourceMark {
		kind, name := binary.BigEndian.Uint16(rest[4:]), (int(rest[6])+2)&^1
		if len(rest) < 10+name {
			break
		}
		size := int64(binary.BigEndian.Uint32(rest[6+name:]))
		rest = rest[10+name:]
		if size > int64(len(rest)) {
			break
		}
		if wanted(kind) && size > 0 {
			return rest[:size:size]
		}
		rest = rest[min(size+size&1, int64(len(rest))):]
	}
	return nil
}

// APP13 returns the payload of the segment that holds captions.
func APP13(iptc []byte) []byte {
	out := append([]byte(photoshop+resourceMark), iptcResource>>8, iptcResource&0xff, 0, 0)
	out = append(binary.BigEndian.AppendUint32(out, uint32(len(iptc))), iptc...)
	if len(iptc)%2 == 1 {
		out = append(out, 0)
	}
	return out
}
