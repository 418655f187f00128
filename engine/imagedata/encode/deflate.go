package encode

import (
	"bytes"
	"encoding/binary"
	"hash/adler32"

	"github.com/klauspost/compress/flate"
)

const (
	// sampleBytes is how much of a piece decides how it is deflated.
	sampleBytes = 16 << 10
	// matching is the level that searches for repeated bytes. The residuals of
	// photos have almost none, so entropy coding alone suffices for them;
	// drawings and screenshots need the search. Package encode has the numbers.
	matching = 1
	seenBits = 11
)

// zlibHeader declares a window of 32 KiB and the fastest compression.
var zlibHeader = []byte{0x78, 0x01}

// deflater compresses pieces one at a time and owns about 1 MB of memory.
type deflater struct {
	entropy, matching *flate.Writer
	sample            bytes.Buffer
	seen              [1 << seenBits]uint64 // by hash; the top bit marks used slots
}

func newDeflater() *deflater {
	d := &deflater{}
	d.entropy, _ = flate.NewWriter(nil, flate.HuffmanOnly) // fails for unknown levels only
	d.matching, _ = flate.NewWriter(nil, matching)
	return d
}

// part compresses data that more data follows: the output ends on a byte boundary
// but does not end the stream.
func (d *deflater) part(out *bytes.Buffer, data []byte) {
	writer := d.better(data)
	writer.Reset(out)
	_, _ = writer.Write(data) // a bytes.Buffer never fails
	_ = writer.Flush()
}

// stream compresses data as a complete zlib stream.
func (d *deflater) stream(out *bytes.Buffer, data []byte) {
	out.Write(zlibHeader)
	d.part(out, data)
	out.Write(streamEnd(adler32.Checksum(data)))
}

// streamEnd returns an empty final block with fixed codes and the checksum.
func streamEnd(adler uint32) []byte {
	return []byte{3, 0, byte(adler >> 24), byte(adler >> 16), byte(adler >> 8), byte(adler)}
}

// better returns the writer that makes data smaller, judged by a sample from its
// middle. The search must save enough to be worth its time.
func (d *deflater) better(data []byte) *flate.Writer {
	middle := max(0, len(data)-sampleBytes) / 2
	data = data[middle:min(len(data), middle+sampleBytes)]
	if !d.repeats(data) {
		return d.entropy
	}
	size := func(writer *flate.Writer) int {
		d.sample.Reset()
		writer.Reset(&d.sample)
		_, _ = writer.Write(data)
		_ = writer.Flush()
		return d.sample.Len()
	}
	if size(d.matching) < size(d.entropy)*15/16 {
		return d.matching
	}
	return d.entropy
}

// repeats reports whether more than an eighth of data are sequences of six bytes
// that occurred before. It takes a tenth of the time of trying, and excludes
// photos.
func (d *deflater) repeats(data []byte) bool {
	const six = 1<<48 - 1
	clear(d.seen[:])
	repeated := 0
	for i := 0; i+8 <= len(data); {
		v := binary.LittleEndian.Uint64(data[i:]) & six
		slot := &d.seen[v*0x9e3779b97f4a7c15>>(64-seenBits)]
		found := *slot == v|1<<63
		*slot = v | 1<<63
		if i++; found {
			repeated += 6
			i += 5
		}
	}
	return repeated > len(data)/8
}

// adlerCombine returns the checksum of two concatenated parts, like zlib's
// adler32_combine: the first sums add up; the second sum also counts the first
// part's first sum once per byte of the second part.
func adlerCombine(first, second uint32, secondLength int) uint32 {
	const base = 65521
	n := uint64(secondLength) % base
	a1, b1 := uint64(first&0xffff), uint64(first>>16)
	a2, b2 := uint64(second&0xffff), uint64(second>>16)
	a := (a1 + a2 + base - 1) % base
	b := (b1 + b2 + n*(a1+base-1)) % base
	return uint32(b<<16 | a)
}
