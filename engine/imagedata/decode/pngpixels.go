package decode

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/adler32"
	"io"

	"github.com/klauspost/compress/zlib"
)

// repacked returns compressed pixels as chunks of stored blocks, so that the
// standard decoder does not inflate: that takes three quarters of its time, is
// faster in another library, and here runs concurrently with the unfiltering.
// Only two blocks of 64 KiB are held, so a bomb is inflated no further than the
// image's size requires.
//
// stop ends the work and waits for it; it must be called. It panics with the
// value of a panic in the work.
func repacked(pieces [][]byte) (chunks io.Reader, stop func()) {
	from, to := io.Pipe()
	done := make(chan struct{})
	var failure any
	go func() {
		defer close(done)
		defer func() { failure = recover() }()
		// After a panic the reader must not wait; only the first close counts.
		defer to.CloseWithError(errTruncated)
		_ = to.CloseWithError(repack(to, pieces))
	}()
	return bufio.NewReaderSize(from, 2*storedBytes), func() {
		_ = from.Close()
		<-done
		if failure != nil {
			panic(failure)
		}
	}
}

// storedBytes is the maximum size of a stored block (RFC 1951, section 3.2.4).
const storedBytes = 1<<16 - 1

// repack writes IDAT chunks of one block each until the stream or its reader
// ends.
func repack(out io.Writer, pieces [][]byte) error {
	readers := make([]io.Reader, len(pieces))
	for i, piece := range pieces {
		readers[i] = bytes.NewReader(piece)
	}
	pixels, err := zlib.NewReader(bufio.NewReader(io.MultiReader(readers...)))
	if err != nil {
		return err
	}
	sum := adler32.New()
	//guard:png-tail TestHostileFiles/PNG_1x1,_128_MiB_behind_its_pixel => make([]byte, 256<<20), make([]byte, 0, 256<<20)
	block, packet := make([]byte, storedBytes), make([]byte, 0, storedBytes+32)
	head := []byte{0x78, 0x01} // the zlib header
	for {
		n, err := io.ReadFull(pixels, block)
		last := err == io.EOF || err == io.ErrUnexpectedEOF && ended(pixels)
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
			packet = sum.Sum(packet)
		}
		if _, err := io.Copy(out, chunkReader("IDAT", packet)); err != nil || last {
			return err
		}
		head = nil
	}
}

// ended distinguishes the end of a stream, after which a reader keeps returning
// io.EOF, from a truncated stream.
func ended(r io.Reader) bool {
	_, err := r.Read(make([]byte, 1))
	return err == io.EOF
}
