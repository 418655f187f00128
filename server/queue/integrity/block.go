package integrity

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/minio/highwayhash"
)

// A block is a file of records, oldest first: length (4 bytes, the highest bit
// marks headers), sequence number (8), time (8), length of the subject (2), subject,
// length of the headers (4, if any), headers, data, checksum (8). Numbers are
// little-endian. Records are only appended; the last one may be half written.
const (
	headerLength   = 22
	checksumLength = 8
	longestRecord  = 32 << 20
	hasHeaders     = 1 << 31
	// flags mark records of deleted messages: erased ones and tombstones.
	flags = 1<<63 | 1<<62
)

// contents summarizes the sound records at the beginning of a block.
type contents struct {
	first, last uint64 // sequence numbers, 0 if there are none
	sound       int64  // bytes
	size        int64  // of the file
}

// readBlock reads a block up to its end or its first damaged record. skim looks at
// the lengths of records only, for streams whose readers check the data.
func readBlock(path, stream string, index uint32, skim bool) (c contents, err error) {
	file, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return c, err
	}
	c.size = info.Size()
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", stream, index))
	digest, err := highwayhash.New64(key[:])
	if err != nil {
		return c, err
	}
	r := records{from: bufio.NewReaderSize(file, 64<<10), left: c.size, digest: digest, skim: skim}
	for r.left > 0 {
		sequence, length, ok := r.next()
		if !ok {
			break
		}
		c.sound += length
		if sequence == 0 {
			continue
		}
		c.first = cmp.Or(c.first, sequence)
		c.last = max(c.last, sequence)
	}
	return c, r.failed
}

// records reads the records of a block.
type records struct {
	from   *bufio.Reader
	left   int64 // bytes of the file
	digest hash.Hash64
	skim   bool
	failed error // of the disk
	body   []byte
}

// next returns the sequence number and length of the next record, ok if it is
// sound.
func (r *records) next() (sequence uint64, length int64, ok bool) {
	var head [headerLength]byte
	if r.left < headerLength+checksumLength || !r.fill(head[:]) {
		return 0, 0, false
	}
	marked := binary.LittleEndian.Uint32(head[:])
	length = int64(marked &^ hasHeaders)
	subject := int64(binary.LittleEndian.Uint16(head[20:]))
	if marked&hasHeaders != 0 {
		subject += 4
	}
	if length > longestRecord || length > r.left || length < headerLength+subject+checksumLength {
		return 0, 0, false
	}
	r.left -= length
	sequence = binary.LittleEndian.Uint64(head[4:]) &^ flags
	if r.skim {
		_, r.failed = r.from.Discard(int(length - headerLength))
		return sequence, length, r.failed == nil
	}
	return sequence, length, r.sound(head[4:20], int(length-headerLength), int(subject), marked&hasHeaders != 0)
}

// sound reads the rest of a record and reports whether its checksum is right. It
// covers everything but lengths.
func (r *records) sound(head []byte, length, subject int, headers bool) bool {
	if cap(r.body) < length {
		r.body = make([]byte, length)
	}
	r.body = r.body[:length]
	if !r.fill(r.body) {
		return false
	}
	name := r.body[:subject]
	if headers {
		name = name[:subject-4]
	}
	r.digest.Reset()
	for _, part := range [][]byte{head, name, r.body[subject : length-checksumLength]} {
		_, _ = r.digest.Write(part) // never fails
	}
	return bytes.Equal(r.digest.Sum(nil), r.body[length-checksumLength:])
}

func (r *records) fill(p []byte) bool {
	_, r.failed = io.ReadFull(r.from, p)
	return r.failed == nil
}
