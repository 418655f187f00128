package film

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
)

func newBytesReader(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }

// packet is an encoded frame in a file of Matroska.
type packet struct {
	time     int64 // counts up in the order of display; its unit does not matter
	key      bool
	flags    byte
	at, size int64 // of the frame's bytes
	more     []byte
	length   int64 // as its block states it
}

// span is when a frame is shown, in nanoseconds.
type span struct{ from, length int64 }

// chunkFile is the parsed output of an encoder.
type chunkFile struct {
	r       *bufio.Reader
	at      int64 // of r
	tracks  []byte
	packets []packet
}

// readChunk finds the packets in what an encoder wrote.
func readChunk(file *os.File) (*chunkFile, error) {
	c := &chunkFile{}
	c.r = bufio.NewReaderSize(&counting{file, &c.at}, 1<<16)
	if err := c.elements(unknownSize, 0); err != nil {
		return nil, err
	}
	if len(c.tracks) == 0 {
		return nil, errEBML
	}
	return c, nil
}

// counting counts the bytes that it reads.
type counting struct {
	r  io.Reader
	at *int64
}

// Read implements io.Reader.
func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.at += int64(n)
	return n, err
}

// position is where the next byte of r is in the file.
func (c *chunkFile) position() int64 { return c.at - int64(c.r.Buffered()) }

// elements reads elements up to an end. cluster is the time of the cluster that they
// are in.
func (c *chunkFile) elements(end, cluster int64) error {
	for c.position() < end {
		id, size, err := readHeader(c.r)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch id {
		case idSegment, idCluster:
			inner := int64(unknownSize)
			if size != unknownSize {
				inner = c.position() + size
			}
			err = c.elements(inner, 0)
		case idTracks:
			c.tracks, err = c.take(size)
		case idTimestamp:
			var data []byte
			data, err = c.take(size)
			cluster = int64(number(data))
		case idSimpleBlock:
			err = c.block(cluster, size, packet{}, true)
		case idBlockGroup:
			err = c.group(cluster, c.position()+size)
		default:
			err = c.skip(size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxElement bounds elements that are held in memory: headers and the alpha of a frame.
const maxElement = 1 << 28

func (c *chunkFile) take(size int64) ([]byte, error) {
	if size > maxElement {
		return nil, errEBML
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(c.r, data); err != nil {
		return nil, fmt.Errorf("%w: %w", errEBML, err)
	}
	return data, nil
}

func (c *chunkFile) skip(size int64) error {
	if _, err := io.CopyN(io.Discard, c.r, size); err != nil {
		return fmt.Errorf("%w: %w", errEBML, err)
	}
	return nil
}

// group reads a BlockGroup: a block and what belongs to it.
func (c *chunkFile) group(cluster, end int64) error {
	p := packet{key: true}
	for c.position() < end {
		id, size, err := readHeader(c.r)
		if err != nil {
			return fmt.Errorf("%w: %w", errEBML, err)
		}
		var data []byte
		switch id {
		case idBlock:
			err = c.block(cluster, size, packet{}, false)
		case idReference:
			p.key = false
			err = c.skip(size)
		case idBlockDuration:
			data, err = c.take(size)
			p.length = int64(number(data))
		default: // such as BlockAdditions, which hold the alpha
			data, err = c.take(size)
			p.more = append(append(p.more, header(id, size)...), data...)
		}
		if err != nil {
			return err
		}
	}
	if len(c.packets) == 0 {
		return errEBML
	}
	last := &c.packets[len(c.packets)-1]
	last.key, last.more, last.length = p.key, p.more, p.length
	return nil
}

// block reads a block's header: track, time in its cluster, flags.
func (c *chunkFile) block(cluster, size int64, p packet, simple bool) error {
	_, length, err := readNumber(c.r)
	if err != nil {
		return err
	}
	var fixed [3]byte
	if _, err := io.ReadFull(c.r, fixed[:]); err != nil {
		return fmt.Errorf("%w: %w", errEBML, err)
	}
	const keyframe = 0x80
	p.time = cluster + int64(int16(binary.BigEndian.Uint16(fixed[:])))
	p.flags, p.key = fixed[2]&^keyframe, simple && fixed[2]&keyframe != 0
	p.at, p.size = c.position(), size-int64(length)-int64(len(fixed))
	c.packets = append(c.packets, p)
	return c.skip(p.size)
}

// retime copies an encoded chunk with new timestamps: those of shown, for the frames in
// display order. It writes a Tracks element, which adapt may change, unless that is nil,
// and one cluster for each frame, whose timestamps are in nanoseconds.
func retime(file *os.File, w io.Writer, shown []span, adapt func(tracks *element)) error {
	c, err := readChunk(file)
	if err != nil {
		return err
	}
	if len(c.packets) != len(shown) {
		return fmt.Errorf("the encoder wrote %d frames of %d", len(c.packets), len(shown))
	}
	if adapt != nil {
		inside, err := parse(c.tracks, idTrackEntry, idVideo, idColor)
		if err != nil {
			return err
		}
		tracks := element{id: idTracks, children: inside}
		adapt(&tracks)
		if _, err := w.Write(tracks.bytes()); err != nil {
			return err
		}
	}
	order := make([]int, len(c.packets)) // of display
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.packets[a].time, c.packets[b].time) })
	times := make([]span, len(order))
	for rank, i := range order {
		times[i] = shown[rank]
	}
	for i, p := range c.packets {
		if err := p.write(w, file, times[i]); err != nil {
			return err
		}
	}
	return nil
}

// write writes a packet as a cluster of its own.
func (p packet) write(w io.Writer, file io.ReaderAt, shown span) error {
	timestamp := unsigned(idTimestamp, uint64(shown.from))
	length := unsigned(idBlockDuration, uint64(shown.length))
	rest := append(bytes.Clone(p.more), length.bytes()...)
	if !p.key {
		reference := element{id: idReference, data: []byte{0xff}} // -1: a frame before
		rest = append(rest, reference.bytes()...)
	}
	const blockHeader = 4 // track 1, time 0 in the cluster, flags
	start := append(header(idBlock, p.size+blockHeader), 0x81, 0, 0, p.flags)
	group := header(idBlockGroup, int64(len(start))+p.size+int64(len(rest)))
	head := timestamp.bytes()
	cluster := header(idCluster, int64(len(head)+len(group)+len(start))+p.size+int64(len(rest)))
	if _, err := w.Write(slices.Concat(cluster, head, group, start)); err != nil {
		return err
	}
	if _, err := io.Copy(w, io.NewSectionReader(file, p.at, p.size)); err != nil {
		return err
	}
	_, err := w.Write(rest)
	return err
}

// beginning returns what precedes the Tracks element in a file of clusters whose
// timestamps are in nanoseconds.
func beginning() []byte {
	scale := unsigned(idTimestampScale, 1)
	head := element{id: idEBML, children: []element{{id: idDocType, data: []byte("matroska")}}}
	info := element{id: idInfo, children: []element{scale}}
	return slices.Concat(head.bytes(), header(idSegment, unknownSize), info.bytes())
}
