package decode

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/adler32"
	"io"

	"github.com/klauspost/compress/flate"
)

// repacked returns compressed pixels as chunks of stored blocks, so that the
// standard decoder does not inflate: that takes three quarters of its time, is
// faster in another library, and here runs concurrently with the unfiltering.
// Only two blocks of 64 KiB are held, and no more than the size that the image
// requires is inflated, which also ignores spare data.
//
// sound reports whether the checksums of the pieces are right. stop ends the work
// and waits for it; it must be called before the next image. It returns a note for
// the user and panics with the value of a panic in the work.
func (r *repacker) repacked(pieces [][]byte, size int64, sound bool) (chunks io.Reader, stop func() string) {
	readers := make([]io.Reader, len(pieces))
	for i, piece := range pieces {
		readers[i] = bytes.NewReader(piece)
	}
	r.reset(io.MultiReader(readers...), size, sound)
	//guard:small-frames TestCostOfFrames => false
	if size <= storedBytes {
		// A goroutine and a pipe would cost more than the image.
		r.small.Reset()
		r.out = &r.small
		err := r.run()
		return io.MultiReader(&r.small, failed{err}), func() string { return r.note }
	}
	from, to := io.Pipe()
	done := make(chan struct{})
	var failure any
	r.out = to
	go func() {
		defer close(done)
		defer func() { failure = recover() }()
		// After a panic the reader must not wait; only the first close counts.
		defer to.CloseWithError(errTruncated)
		_ = to.CloseWithError(r.run())
	}()
	return bufio.NewReaderSize(from, 2*storedBytes), func() string {
		_ = from.Close()
		<-done
		if failure != nil {
			panic(failure)
		}
		return r.note
	}
}

// failed is a reader that fails with an error, or ends if it is nil.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, cmp.Or(f.err, io.EOF) }

// storedBytes is the maximum size of a stored block (RFC 1951, section 3.2.4).
const storedBytes = 1<<16 - 1

// repacker repacks images one after the other; an animation may have thousands. The
// zero value is ready.
type repacker struct {
	in     *bufio.Reader
	pixels io.ReadCloser // also a flate.Resetter
	out    io.Writer
	left   int64 // bytes still to inflate
	sound  bool
	note   string
	// Memory for the next image.
	block, packet []byte
	small         bytes.Buffer
}

func (r *repacker) reset(in io.Reader, size int64, sound bool) {
	if r.in == nil {
		r.in = bufio.NewReader(in)
		r.pixels = flate.NewReader(r.in)
	}
	r.in.Reset(in)
	r.left, r.sound, r.note = size, sound, ""
	if length := min(size, storedBytes); int64(len(r.block)) < length {
		r.block, r.packet = make([]byte, length), make([]byte, 0, length+32)
	}
}

// run writes IDAT chunks of one block each until the stream, its reader or the
// image ends.
func (r *repacker) run() error {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r.in, head); err != nil {
		return errTruncated
	}
	// RFC 1950, section 2.2; PNG allows no dictionary.
	if head[0]&0x0f != 8 || head[0]>>4 > 7 || head[1]&0x20 != 0 || binary.BigEndian.Uint16(head)%31 != 0 {
		return damaged("header of the compressed pixels")
	}
	if err := r.pixels.(flate.Resetter).Reset(r.in, nil); err != nil {
		return err
	}
	pixels, block, packet := r.pixels, r.block, r.packet
	sum := adler32.New()
	head = []byte{0x78, 0x01} // the zlib header
	for last := false; !last; head = nil {
		n, err := io.ReadFull(pixels, block[:min(r.left, storedBytes)])
		r.left -= int64(n)
		last = err == nil && r.left == 0 || err == io.EOF || err == io.ErrUnexpectedEOF && ended(pixels)
		if err != nil && !last {
			return err
		}
		_, _ = sum.Write(block[:n]) // hashes take everything
		kind := byte(0)
		if last {
			kind = 1
		}
		packet = append(append(packet[:0], head...), kind)
		packet = binary.LittleEndian.AppendUint16(packet, uint16(n))
		packet = binary.LittleEndian.AppendUint16(packet, ^uint16(n))
		packet = append(packet, block[:n]...)
		if last {
			if err := r.checkEnd(pixels, sum.Sum32()); err != nil {
				return err
			}
			packet = sum.Sum(packet)
		}
		if _, err := io.Copy(r.out, chunkReader("IDAT", packet)); err != nil {
			return err
		}
	}
	return nil
}

// checkEnd checks the data after the pixels. Either the stream's checksum or the chunks'
// must be right.
func (r *repacker) checkEnd(pixels io.Reader, sum uint32) error {
	stored := make([]byte, 4)
	if r.left == 0 && !ended(pixels) {
		r.note = "The PNG file has more pixel data than its size requires; the rest was ignored."
	} else if _, err := io.ReadFull(r.in, stored); err != nil {
		r.note = "The pixel data of the PNG file lacks its end; all pixels were there."
	} else if binary.BigEndian.Uint32(stored) != sum {
		return errPixelSum
	}
	//guard:png-sums TestPNGDamagedPixels
	if r.note != "" && !r.sound {
		return errPixelSum
	}
	return nil
}

const errPixelSum = damaged("checksum of the pixels")

// ended distinguishes the end of a stream, after which a reader keeps returning
// io.EOF, from a truncated stream.
func ended(r io.Reader) bool {
	_, err := io.ReadFull(r, make([]byte, 1))
	return err == io.EOF
}
