package decode

import (
	"fmt"
	"strings"

	"upscaled/engine/imagedata/icc"
	"upscaled/engine/imagedata/metadata/ifd"
)

// Photometric interpretations of TIFF 6.0, section 8.
const (
	whiteIsZero = 0
	blackIsZero = 1
	rgbColor    = 2
	paletted    = 3
	inks        = 5
	luminance   = 6 // YCbCr
	cieLab      = 8
	iccLab      = 9
)

// Compressions, by their tag's value.
const (
	uncompressed = 1
	faxRLE       = 2
	faxG3        = 3
	faxG4        = 4
	lzwStrips    = 5
	oldJPEG      = 6
	jpegStrips   = 7
	adobeDeflate = 8
	pkDeflate    = 32946
	faxRLEWords  = 32771 // rows start at 16-bit words
	packBits     = 32773
	lzmaStrips   = 34925
	zstdStrips   = 50000
)

// floats is the sample format of IEEE floating-point numbers.
const floats = 3

// tiffPage is the layout of a page's pixels. They are stored in chunks: strips, or
// tiles of which those at the edges are padded.
type tiffPage struct {
	ifd.File
	ifd.Directory
	width, height           int
	bits, samples           int
	photometric             uint64
	compression, format     uint64
	predictor               uint64
	planar                  bool // a chunk holds one sample of its pixels
	alpha, premultiplied    bool
	reversed                bool // bits are stored from the lowest
	chunkWidth, chunkHeight int
	across, down            int // in chunks
	offsets, counts         ifd.Entry
	inks                    *icc.SRGB // converts CMYK; nil without a profile
}

// maxCompressed is the compressed data that a file may have beyond four times its
// own size. Sparse maps share their empty tiles; a hostile file has the same MiB
// in each of its thousands of strips.
const maxCompressed = 64 << 20

// maxRow bounds the bytes of a row, of which each worker holds one.
const maxRow = 256 << 20

func (p *tiffPage) number(tag uint16, absent uint64) uint64 {
	return p.Number(p.Directory, tag, absent)
}

func (p *tiffPage) parse() error {
	const maxSide = 1<<31 - 1
	width, height := p.number(ifd.ImageWidth, 0), p.number(ifd.ImageLength, 0)
	p.width, p.height = int(min(width, maxSide)), int(min(height, maxSide))
	p.bits = int(min(p.number(ifd.BitsPerSample, 1), 255))
	p.samples = int(min(p.number(ifd.SamplesPerPixel, 1), 255))
	if depths, ok := p.Find(ifd.BitsPerSample); ok {
		p.samples = max(p.samples, int(min(depths.Count, 255)))
		for i := range int(min(depths.Count, 255)) {
			if bits, ok := p.Uint(depths, i); ok && int(bits) != p.bits {
				return unsupportedError("TIFF files whose channels differ in their bits cannot be read")
			}
		}
	}
	p.photometric = p.number(ifd.Photometric, blackIsZero)
	p.compression = p.number(ifd.Compression, uncompressed)
	p.format = p.number(ifd.SampleFormat, 1)
	p.predictor = p.number(ifd.Predictor, 1)
	p.planar = p.number(ifd.PlanarConfig, 1) == 2 && p.samples > 1
	p.reversed = p.number(ifd.FillOrder, 1) == 2 && p.compression != jpegStrips && p.compression != oldJPEG
	if p.samples > p.colors() {
		// Kind 1 is premultiplied alpha, 2 straight alpha; an unspecified sample
		// that is the only further one is alpha as well.
		kind := p.number(ifd.ExtraSamples, 0)
		p.alpha = kind == 1 || kind == 2 || kind == 0 && p.samples == p.colors()+1
		p.premultiplied = kind == 1 && p.photometric != paletted
	}
	if err := p.check(); err != nil {
		return err
	}
	return p.divide()
}

// colors returns the number of samples that are color.
func (p *tiffPage) colors() int {
	switch p.photometric {
	case whiteIsZero, blackIsZero, paletted:
		return 1
	case inks:
		return 4
	}
	return 3
}

// channels and depth describe the decoded page.
func (p *tiffPage) channels() int {
	if p.colors() == 1 && p.photometric != paletted {
		return 1
	}
	return 3
}

func (p *tiffPage) depth() int {
	if p.bits > 8 {
		return 16
	}
	return 8
}

// check rejects variants that cannot be read.
func (p *tiffPage) check() error {
	switch p.photometric {
	case whiteIsZero, blackIsZero, rgbColor, paletted, inks, luminance, cieLab, iccLab:
	default:
		return unsupportedError(fmt.Sprintf("TIFF files in the color model %d cannot be read", p.photometric))
	}
	switch p.compression {
	case uncompressed, lzwStrips, adobeDeflate, pkDeflate, packBits, lzmaStrips, zstdStrips:
	case oldJPEG, jpegStrips:
		if p.bits != 8 || p.format != 1 {
			return unsupportedError("TIFF files of JPEG with other than 8 bits per sample cannot be read")
		}
	case faxRLE, faxRLEWords, faxG3, faxG4:
		if p.bits != 1 || p.samples != 1 {
			return damaged("fax compression of other than bilevel pixels")
		}
	default:
		name := map[uint64]string{
			32766: "NeXT", 32809: "ThunderScan", 32909: "PixarLog", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv",
			33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34887: "LERC", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
		}[p.compression]
		return unsupportedError(strings.TrimSpace(fmt.Sprintf("TIFF files of compression %d %s", p.compression, name)) + " cannot be read")
	}
	switch {
	case p.samples < p.colors():
		return damaged("too few samples")
	case p.format == floats && p.bits != 16 && p.bits != 32 && p.bits != 64,
		p.format != floats && (p.bits < 1 || p.bits > 32):
		return unsupportedError(fmt.Sprintf("TIFF files with %d bits per sample cannot be read", p.bits))
	case p.format != 1 && p.format != 4 && p.format != floats:
		return unsupportedError("TIFF files with signed or complex samples cannot be read")
	case p.photometric == inks && p.number(ifd.InkSet, 1) != 1:
		return unsupportedError("TIFF files of inks other than CMYK cannot be read")
	case p.photometric == paletted && p.bits > 8:
		return unsupportedError("TIFF files with more than 256 palette colors cannot be read")
	case p.photometric >= cieLab && p.bits != 8 && p.bits != 16,
		p.photometric == luminance && (p.bits != 8 || p.planar || p.samples != 3):
		return unsupportedError("TIFF files in this form of Lab or YCbCr cannot be read")
	case p.predictor == 2 && p.bits != 8 && p.bits != 16 && p.bits != 32 && p.bits != 64, p.predictor == 3 && p.format != floats, p.predictor > 3:
		return unsupportedError("TIFF files with this predictor cannot be read")
	}
	return nil
}

// divide finds the chunks. There are none of a page without pixels, which checkLimits
// reports.
func (p *tiffPage) divide() error {
	if p.width < 1 || p.height < 1 {
		return nil
	}
	p.chunkWidth, p.chunkHeight = p.width, p.rowsPerStrip()
	p.offsets, _ = p.Find(ifd.StripOffsets)
	p.counts, _ = p.Find(ifd.StripByteCounts)
	if tiles, ok := p.Find(ifd.TileOffsets); ok {
		const maxTile = 1 << 16
		width, height := p.number(ifd.TileWidth, 0), p.number(ifd.TileLength, 0)
		if width < 1 || height < 1 || width > maxTile || height > maxTile {
			return damaged("size of tiles")
		}
		p.chunkWidth, p.chunkHeight = int(width), int(height)
		p.offsets = tiles
		if p.counts, ok = p.Find(ifd.TileByteCounts); !ok {
			p.counts, _ = p.Find(ifd.StripByteCounts)
		}
	}
	if p.compression == oldJPEG {
		p.chunkWidth, p.chunkHeight = p.width, p.height
	}
	p.across = (p.width + p.chunkWidth - 1) / p.chunkWidth
	p.down = (p.height + p.chunkHeight - 1) / p.chunkHeight
	if p.rowBytes() > maxRow {
		return unsupportedError("TIFF files with rows of this size cannot be read")
	}
	sum := int64(0)
	for i := 0; ; i++ {
		count, ok := p.Uint(p.counts, i)
		if !ok {
			break
		}
		sum += int64(min(count, uint64(len(p.Data))))
	}
	//guard:tiff-strips TestHostileFiles/TIFF_whose_strips_share_10_MiB
	if sum > maxCompressed+4*int64(len(p.Data)) {
		return damaged("overlapping strips or tiles")
	}
	return nil
}

func (p *tiffPage) rowsPerStrip() int {
	rows := p.number(ifd.RowsPerStrip, 0)
	if rows == 0 || rows > uint64(p.height) {
		return p.height
	}
	return int(rows)
}

// rowBytes returns the size of a row of a chunk.
func (p *tiffPage) rowBytes() int { return (p.chunkWidth*p.stored()*p.bits + 7) / 8 }

// suffices reports whether the chunks can hold the pixels, which avoids allocating for
// a page that is not there: these compressions have a bound.
func (p *tiffPage) suffices() bool {
	//guard:tiff-size TestHostileFiles/TIFF_9999x9999_of_4_bytes
	most := map[uint64]int{uncompressed: 1, packBits: 64, adobeDeflate: maxDeflate, pkDeflate: maxDeflate}[p.compression]
	if p.compression == oldJPEG {
		return true
	}
	chunks := p.across * p.down
	for i := range chunks * (p.samples / p.stored()) {
		data, err := p.chunk(i)
		rows := min(p.chunkHeight, p.height-i%chunks/p.across*p.chunkHeight)
		if err != nil || most > 0 && p.photometric != luminance && len(data)*most/p.rowBytes() < rows {
			return false
		}
	}
	return true
}

// chunk returns the compressed bytes of the i-th chunk.
func (p *tiffPage) chunk(i int) ([]byte, error) {
	offset, ok := p.Uint(p.offsets, i)
	if !ok || offset > uint64(len(p.Data)) {
		return nil, errTruncated
	}
	rest := p.Data[offset:]
	if count, ok := p.Uint(p.counts, i); ok && count > 0 {
		rest = rest[:min(count, uint64(len(rest)))]
	} else if p.compression == uncompressed && p.photometric != luminance { // old writers leave sizes out
		rest = rest[:min(p.rowBytes()*p.chunkHeight, len(rest))]
	} else if p.across*p.down > 1 || p.planar {
		return nil, errTruncated
	}
	if p.reversed {
		rest = reverseBits(rest)
	}
	return rest, nil
}
