package decode

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"upscaled/engine/imagedata/jpeg"
	"upscaled/engine/imagedata/metadata/ifd"
)

// openJPEG decodes a chunk that is a JPEG stream, abbreviated if the page has tables
// (TIFF technical note 2). Luma and chroma become RGB.
func (d *tiffDecoder[T]) openJPEG(data []byte) (rowReader, error) {
	var shared []byte
	if tables, ok := d.Find(ifd.JPEGTables); ok {
		shared = d.Value(tables)
	}
	f, err := jpeg.Parse(data, shared, nil)
	if err != nil {
		return nil, err
	}
	samples := d.stored()
	if len(f.Components) != samples || f.Width < min(d.chunkWidth, d.width) || f.Width > d.chunkWidth+16 || f.Height > d.chunkHeight+16 {
		return nil, damaged("JPEG stream of another size")
	}
	if !f.Arithmetic && f.Blocks() > 8*len(data) {
		return nil, errTruncated
	}
	planes, err := f.Decode()
	if err != nil {
		return nil, err
	}
	rows, y := upsampled(planes), 0
	var convert rowFunc[uint8]
	if d.photometric == luminance && samples == 3 {
		convert = ycbcrRows(planes, fullRange(), nil, 0)()
	}
	return func(row []byte) error {
		if y >= f.Height {
			return errTruncated
		}
		width := min(f.Width, d.chunkWidth)
		if convert != nil {
			convert(y, row[:3*width], nil)
		} else {
			for i := range rows {
				for x, v := range rows[i].row(y)[:width] {
					row[x*samples+i] = v
				}
			}
		}
		y++
		return nil
	}, nil
}

// oldStream returns the stream of old-style JPEG compression (TIFF 6.0, section 22):
// it is in the file as a whole, or only its tables and its coded strips are.
func (p *tiffPage) oldStream() ([]byte, error) {
	if start := p.number(ifd.ThumbnailOffset, 0); start > 0 && start < uint64(len(p.Data)) {
		stream := p.Data[start:]
		if bytes.HasPrefix(stream, []byte{0xff, 0xd8}) {
			return stream, nil
		}
	}
	out := []byte{0xff, 0xd8}
	segment := func(marker byte, payload ...byte) {
		out = binary.BigEndian.AppendUint16(append(out, 0xff, marker), uint16(len(payload)+2))
		out = append(out, payload...)
	}
	across, down := byte(1), byte(1)
	if p.photometric == luminance {
		across, down = p.subsampling()
	}
	frame := []byte{8, byte(p.height >> 8), byte(p.height), byte(p.width >> 8), byte(p.width), byte(p.samples)}
	scan := []byte{byte(p.samples)}
	for i := range byte(p.samples) {
		for _, tables := range []struct {
			tag          uint16
			marker, mark byte
		}{{ifd.JPEGQTables, 0xdb, i}, {ifd.JPEGDCTables, 0xc4, i}, {ifd.JPEGACTables, 0xc4, 0x10 | i}} {
			table, err := p.oldTable(tables.tag, int(i))
			if err != nil {
				return nil, err
			}
			segment(tables.marker, append([]byte{tables.mark}, table...)...)
		}
		factors := byte(0x11)
		if i == 0 {
			factors = across<<4 | down
		}
		frame = append(frame, i, factors, i)
		scan = append(scan, i, i<<4|i)
	}
	segment(0xc0, frame...)
	rows := p.rowsPerStrip()
	unit := 8 * int(across)
	interval := (p.width + unit - 1) / unit * ((rows + 8*int(down) - 1) / (8 * int(down)))
	segment(0xdd, byte(interval>>8), byte(interval))
	segment(0xda, append(scan, 0, 63, 0)...)
	for i := range (p.height + rows - 1) / rows {
		strip, err := p.chunk(i)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, 0xff, 0xd0+byte((i-1)&7))
		}
		out = append(out, strip...)
	}
	return append(out, 0xff, 0xd9), nil
}

// oldTable returns the table of a sample: 64 bytes of a quantizer, or the counts and
// values of a Huffman table.
func (p *tiffPage) oldTable(tag uint16, sample int) ([]byte, error) {
	entry, ok := p.Find(tag)
	offset, found := p.Uint(entry, sample)
	if !ok || !found || offset > uint64(len(p.Data)) {
		return nil, damaged("tables of JPEG")
	}
	table, size := p.Data[offset:], 64
	if tag != ifd.JPEGQTables {
		if size = 16; len(table) >= size {
			for _, count := range table[:16] {
				size += int(count)
			}
		}
	}
	if len(table) < size {
		return nil, errTruncated
	}
	return table[:size:size], nil
}

// subsampling returns how many pixels share a sample of chroma.
func (p *tiffPage) subsampling() (across, down byte) {
	entry, ok := p.Find(ifd.YCbCrSubSampling)
	h, _ := p.Uint(entry, 0)
	v, _ := p.Uint(entry, 1)
	if !ok {
		return 2, 2
	}
	return byte(h), byte(v)
}

// openYCbCr returns the rows of uncompressed luma and chroma as RGB. They are stored
// in units: the luma of a few pixels, then the chroma that they share.
func (d *tiffDecoder[T]) openYCbCr(in io.Reader) (rowReader, error) {
	across, down := d.subsampling()
	if !slices.Contains([]byte{1, 2, 4}, across) || !slices.Contains([]byte{1, 2, 4}, down) || d.samples != 3 {
		return nil, damaged("sampling of chroma")
	}
	h, v := int(across), int(down)
	size := h*v + 2
	units := make([]byte, (d.chunkWidth+h-1)/h*size)
	luma, cb, cr := make([]byte, d.chunkWidth), make([]byte, d.chunkWidth), make([]byte, d.chunkWidth)
	m, y := matrixOf(d.tiffPage), 0
	return func(row []byte) error {
		if y%v == 0 {
			// The last row of units may be shorter, which no row misses.
			if _, err := io.ReadFull(in, units); err != nil {
				return chunkError(err)
			}
		}
		for x := range luma {
			unit := units[x/h*size:]
			luma[x], cb[x], cr[x] = unit[y%v*h+x%h], unit[h*v], unit[h*v+1]
		}
		m.row(row, luma, cb, cr)
		y++
		return nil
	}, nil
}

// matrixOf returns the conversion that a page's fields state (TIFF 6.0, section 21).
func matrixOf(p *tiffPage) matrix {
	rational := func(tag uint16, i int, absent float64) float64 {
		entry, _ := p.Find(tag)
		if v, ok := p.Rational(entry, i); ok {
			return v
		}
		return absent
	}
	red, green := rational(ifd.YCbCrCoefficients, 0, 0.299), rational(ifd.YCbCrCoefficients, 1, 0.587)
	blue := rational(ifd.YCbCrCoefficients, 2, 0.114)
	black, white := rational(ifd.ReferenceBlackWhite, 0, 0), rational(ifd.ReferenceBlackWhite, 1, 255)
	chroma := rational(ifd.ReferenceBlackWhite, 3, 255) - 128
	if green <= 0 || white <= black || chroma <= 0 {
		return fullRange()
	}
	fixed := func(v float64) int32 { return int32(min(max(v, -8), 8) * 65536) }
	scale := 127 / chroma
	return matrix{
		black: int32(black), luma: fixed(255 / (white - black)),
		redFromCr: fixed(scale * (2 - 2*red)), blueFromCb: fixed(scale * (2 - 2*blue)),
		greenFromCb: fixed(scale * blue * (2 - 2*blue) / green), greenFromCr: fixed(scale * red * (2 - 2*red) / green),
	}
}

// twoDimensions reports whether rows of Group 3 may refer to the row above.
func (p *tiffPage) twoDimensions() bool { return p.number(ifd.T4Options, 0)&1 != 0 }
