package encode

import (
	"upscaled/engine/imagedata/metadata"
	"upscaled/engine/imagedata/metadata/ifd"
)

// directory returns the image's IFD and the data it refers to, for the current
// offset; at is the offset of the IFD itself.
func (e *tiffEncoder) directory() (data []byte, at uint32) {
	const deflate, horizontal, straightAlpha, blackIsZero, rgb = 8, 2, 2, 1, 2
	h, samples, photometric := e.header, e.layout.channels, uint16(blackIsZero)
	if e.layout.channels == 3 {
		photometric = rgb
	}
	if h.Alpha {
		samples++
	}
	depths := make([]uint16, samples)
	for i := range depths {
		depths[i] = uint16(h.Depth)
	}
	fields := []ifd.Field{
		e.long(ifd.ImageWidth, uint32(h.Width)), e.long(ifd.ImageLength, uint32(h.Height)),
		e.short(ifd.BitsPerSample, depths...), e.short(ifd.Compression, deflate),
		e.short(ifd.Photometric, photometric), e.long(ifd.StripOffsets, e.offsets...),
		e.short(ifd.SamplesPerPixel, uint16(samples)), e.long(ifd.RowsPerStrip, uint32(e.rows.height)),
		e.long(ifd.StripByteCounts, e.lengths...), e.short(ifd.Predictor, horizontal),
	}
	if e.pages != nil {
		const ofSeveral = 2
		fields = append(fields, e.long(ifd.NewSubfileType, ofSeveral))
	}
	if h.Alpha {
		fields = append(fields, e.short(ifd.ExtraSamples, straightAlpha))
	}
	if h.Meta.XMP != nil {
		fields = append(fields, raw(ifd.XMP, ifd.Byte, h.Meta.XMP))
	}
	if h.Meta.ICC != nil {
		fields = append(fields, raw(ifd.ICC, ifd.Undefined, h.Meta.ICC))
	}
	if h.Meta.IPTC != nil {
		fields = append(fields, raw(ifd.IPTC, ifd.Undefined, h.Meta.IPTC))
	}
	if r := h.Meta.Resolution; r.X > 0 && r.Y > 0 {
		const inch = 2
		fields = append(fields, e.rational(ifd.XResolution, r.X), e.rational(ifd.YResolution, r.Y), e.short(ifd.ResolutionUnit, inch))
	}
	described, exif, gps := e.exif()
	return ifd.At(uint32(e.offset), e.order, append(fields, described...), exif, gps)
}

// exif returns the fields of the EXIF block for the page, its EXIF and its GPS
// directory.
func (e *tiffEncoder) exif() (page, exif, gps []ifd.Field) {
	file, main, ok := ifd.ParseFirst(e.header.Meta.EXIF)
	if !ok {
		return nil, nil, nil
	}
	page, exif, gps = metadata.Descriptive(file, main)
	//guard:page-byte-order TestPages
	if file.Order != e.order { // that of the first page
		for _, fields := range [][]ifd.Field{page, exif, gps} {
			ifd.Swap(fields)
		}
	}
	return page, exif, gps
}

func (e *tiffEncoder) short(tag uint16, values ...uint16) ifd.Field {
	out := make([]byte, 2*len(values))
	for i, v := range values {
		e.order.PutUint16(out[2*i:], v)
	}
	return ifd.Field{Tag: tag, Type: ifd.Short, Count: uint32(len(values)), Value: out}
}

func (e *tiffEncoder) long(tag uint16, values ...uint32) ifd.Field {
	out := make([]byte, 4*len(values))
	for i, v := range values {
		e.order.PutUint32(out[4*i:], v)
	}
	return ifd.Field{Tag: tag, Type: ifd.Long, Count: uint32(len(values)), Value: out}
}

func (e *tiffEncoder) rational(tag uint16, v float64) ifd.Field {
	const denominator = 1000
	f := e.long(tag, uint32(min(v*denominator+0.5, 1<<32-1)), denominator)
	f.Type, f.Count = ifd.Rational, 1
	return f
}

func raw(tag, kind uint16, value []byte) ifd.Field {
	return ifd.Field{Tag: tag, Type: kind, Count: uint32(len(value)), Value: value}
}
