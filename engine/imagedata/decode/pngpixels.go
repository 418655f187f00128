package decode

import (
	"bufio"
	"bytes"
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
// and waits for it; it must be called. It returns a note for the user and panics
// with the value of a panic in the work.
func repacked(pieces [][]byte, size int64, sound bool) (chunks io.Reader, stop func() string) {
	from, to := io.Pipe()
	done := make(chan struct{})
	var failure any
	readers := make([]io.Reader, len(pieces))
	for i, piece := range pieces {
		readers[i] = bytes.NewReader(piece)
	}
	r := repacker{in: bufio.NewReader(io.MultiReader(readers...)), out: to, left: size, sound: sound}
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

// storedBytes is the maximum size of a stored block (RFC 1951, section 3.2.4).
const storedBytes = 1<<16 - 1

type repacker struct {
	in    *bufio.Reader
	out   io.Writer
	left  int64 // bytes still to inflate
	sound bool
	note  string
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
	pixels := flate.NewReader(r.in)
	sum := adler32.New()
	block, packet := make([]byte, storedBytes), make([]byte, 0, storedBytes+32)
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

// checkEnd looks at what follows the pixels. One of the two checksums must vouch
// for them: that of the stream or those of the chunks.
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
