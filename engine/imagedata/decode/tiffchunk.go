package decode

import (
	"bytes"
	stdlzw "compress/lzw"
	"errors"
	"io"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
	"golang.org/x/image/tiff/lzw"

	"upscaled/engine/imagedata/fax"
	"upscaled/engine/parallel"
)

// maxDictionary bounds the memory of zstd and LZMA, whose usual levels need less.
const maxDictionary = 64 << 20

// rowReader reads the next row of a chunk.
type rowReader func(row []byte) error

// stored returns the number of samples that a row of a chunk interleaves.
func (p *tiffPage) stored() int {
	if p.planar {
		return 1
	}
	return p.samples
}

// tiffDecoder decodes the chunks of a page. T is the type of its depth.
type tiffDecoder[T sample] struct {
	*tiffPage
	color, alpha []T
	convert      func(samples []T, color, alpha []T)
	fax          *fax.Tables
}

// decodeTIFF writes a page's stored pixels, chunks in parallel.
func decodeTIFF[T sample](p *tiffPage, color, alpha []T) error {
	d := &tiffDecoder[T]{tiffPage: p, color: color, alpha: alpha, convert: converter[T](p)}
	switch p.compression {
	case faxRLE, faxRLEWords, faxG3, faxG4:
		d.fax = fax.NewTables()
	}
	var failure error
	var mutex sync.Mutex
	work := func(i int) {
		mutex.Lock()
		failed := failure != nil
		mutex.Unlock()
		if failed {
			return
		}
		if err := d.chunkPixels(i); err != nil {
			mutex.Lock()
			failure = err
			mutex.Unlock()
		}
	}
	if p.compression == lzmaStrips || p.compression == zstdStrips {
		for i := range p.across * p.down { // one dictionary at a time
			work(i)
		}
		return failure
	}
	parallel.For(p.across*p.down, work)
	return failure
}

// chunkPixels decodes the i-th chunk, in planar files the i-th of each sample.
func (d *tiffDecoder[T]) chunkPixels(i int) error {
	left, top := i%d.across*d.chunkWidth, i/d.across*d.chunkHeight
	width, height := min(d.chunkWidth, d.width-left), min(d.chunkHeight, d.height-top)
	planes := d.samples / d.stored()
	readers := make([]rowReader, planes)
	for s := range readers {
		var err error
		if readers[s], err = d.open(s*d.across*d.down + i); err != nil {
			return err
		}
	}
	raw := make([]byte, d.rowBytes())
	samples := make([]T, width*d.samples)
	channels := d.channels()
	for y := top; y < top+height; y++ {
		for s, read := range readers {
			if err := read(raw); err != nil {
				return err
			}
			unpack(d.tiffPage, raw, samples[s:], width*d.stored(), planes)
		}
		at := y*d.tiffPage.width + left
		var alpha []T
		if d.alpha != nil {
			alpha = d.alpha[at : at+width]
		}
		d.convert(samples, d.color[at*channels:(at+width)*channels], alpha)
	}
	return nil
}

// open returns a reader of the i-th chunk's rows.
func (d *tiffDecoder[T]) open(i int) (rowReader, error) {
	if d.compression == oldJPEG {
		data, err := d.oldStream()
		if err != nil {
			return nil, err
		}
		return d.openJPEG(data)
	}
	data, err := d.chunk(i)
	if err != nil {
		return nil, err
	}
	var in io.Reader
	switch d.compression {
	case faxRLE, faxRLEWords, faxG3, faxG4:
		scheme := map[uint64]fax.Scheme{faxRLE: fax.ModifiedHuffman, faxRLEWords: fax.ModifiedHuffmanWords, faxG3: fax.Group3, faxG4: fax.Group4}[d.compression]
		if d.compression == faxG3 && d.twoDimensions() {
			scheme = fax.Group3TwoD
		}
		return d.fax.NewReader(data, scheme, d.chunkWidth).ReadRow, nil
	case jpegStrips:
		return d.openJPEG(data)
	case lzwStrips:
		in = lzw.NewReader(bytes.NewReader(data), lzw.MSB, 8)
		if len(data) > 1 && data[0] == 0 && data[1]&1 == 1 {
			// The first code, to clear the table, from the lowest bit: TIFF before 5.0.
			in = stdlzw.NewReader(bytes.NewReader(data), stdlzw.LSB, 8)
		}
	case adobeDeflate, pkDeflate:
		in, err = zlib.NewReader(bytes.NewReader(data))
	case packBits:
		in = &packBitsReader{data: data}
	case lzmaStrips:
		in, err = xz.NewReader(bytes.NewReader(data), maxDictionary)
	case zstdStrips:
		in, err = zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDictionary))
	default:
		in = bytes.NewReader(data)
	}
	if err != nil {
		return nil, chunkError(err)
	}
	if d.photometric == luminance {
		return d.openYCbCr(in)
	}
	predict := d.predicts()
	return func(row []byte) error {
		if _, err := io.ReadFull(in, row); err != nil {
			return chunkError(err)
		}
		if predict {
			d.undoPredictor(row)
		}
		return nil
	}, nil
}

// chunkError makes errors of a chunk that ends early comparable.
func chunkError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return err
}

func reverseBits(data []byte) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[i] = bits.Reverse8(b)
	}
	return out
}

// packBitsReader decodes TIFF 6.0, section 9.
type packBitsReader struct {
	data    []byte
	literal int // bytes to copy
	repeat  int // times to repeat value
	value   byte
}

// Read implements io.Reader.
func (r *packBitsReader) Read(out []byte) (n int, err error) {
	for n < len(out) {
		switch {
		case r.repeat > 0:
			count := min(r.repeat, len(out)-n)
			for i := range count {
				out[n+i] = r.value
			}
			r.repeat -= count
			n += count
		case r.literal > 0:
			count := copy(out[n:], r.data[:min(r.literal, len(r.data))])
			if count == 0 {
				return n, io.ErrUnexpectedEOF
			}
			r.data, r.literal = r.data[count:], r.literal-count
			n += count
		case len(r.data) < 2:
			return n, io.ErrUnexpectedEOF
		default:
			head := int8(r.data[0])
			r.data = r.data[1:]
			if head >= 0 {
				r.literal = int(head) + 1
			} else if head != -128 {
				r.repeat, r.value = 1-int(head), r.data[0]
				r.data = r.data[1:]
			}
		}
	}
	return n, nil
}
