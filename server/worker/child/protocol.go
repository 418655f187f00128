package child

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// version of the protocol, which the child sends first: parent and child are the
// same file, but it can be replaced while it runs.
const version = 2

// Both directions carry frames: one byte for the kind, eight for the request's ID,
// four for the payload's length (big endian), and the payload. ID 0 belongs to no
// request.
const frameHeader = 1 + 8 + 4

const (
	// maxPayload bounds the payload of a frame in bytes; images take several. A
	// longer one is a protocol error.
	maxPayload = 1 << 20
	// maxImage bounds an image file in bytes, so that a broken peer cannot exhaust
	// the memory.
	maxImage = 2 << 30
)

// kind of a frame.
type kind byte

const (
	// To the child. A request's payload is JSON; its input follows in frames of its
	// own. Every request is answered by one result or one failure, canceled ones
	// too.
	kindRequest kind = iota + 1
	kindInput
	kindCancel
	kindDevices
	// To the parent. Ready has the JSON of a greeting and follows the opening of
	// the engine; a failure with ID 0 in its place is why it could not be opened.
	kindReady
	kindProgress
	kindOutput
	kindResult
	kindFailure
	kindDeviceList
)

// frame is one message. The receiver owns its payload.
type frame struct {
	kind    kind
	id      uint64
	payload []byte
}

var errTooLong = errors.New("a frame is longer than any can be")

// readFrame reads one frame; io.EOF is an end between frames.
func readFrame(r io.Reader) (frame, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return frame{}, err
	}
	f := frame{kind: kind(header[0]), id: binary.BigEndian.Uint64(header[1:])}
	length := binary.BigEndian.Uint32(header[9:])
	//guard:child-frame-size FuzzReadFrame TestBrokenChild
	if length > maxPayload {
		return frame{}, errTooLong
	}
	f.payload = make([]byte, length)
	if _, err := io.ReadFull(r, f.payload); err != nil {
		return frame{}, fmt.Errorf("read %d bytes of a frame: %w", length, err)
	}
	return f, nil
}

// frames writes whole frames; it may be used concurrently.
type frames struct {
	mutex sync.Mutex
	to    io.Writer
}

// write sends a payload of at most maxPayload bytes and keeps no reference.
func (f *frames) write(k kind, id uint64, payload []byte) error {
	if len(payload) > maxPayload {
		return errTooLong
	}
	header := make([]byte, frameHeader, frameHeader+min(len(payload), smallPayload))
	header[0] = byte(k)
	binary.BigEndian.PutUint64(header[1:], id)
	binary.BigEndian.PutUint32(header[9:], uint32(len(payload)))
	if len(payload) <= smallPayload {
		header, payload = append(header, payload...), nil
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if _, err := f.to.Write(header); err != nil {
		return err
	}
	if len(payload) == 0 {
		return nil
	}
	_, err := f.to.Write(payload)
	return err
}

// smallPayload is copied behind its header, which is cheaper than a second system
// call.
const smallPayload = 4 << 10

// pieces is an io.Writer that sends frames of a request.
type pieces struct {
	frames *frames
	kind   kind
	id     uint64
}

func (p pieces) Write(data []byte) (int, error) {
	for sent := 0; sent < len(data); {
		end := min(sent+maxPayload, len(data))
		if err := p.frames.write(p.kind, p.id, data[sent:end]); err != nil {
			return sent, err
		}
		sent = end
	}
	return len(data), nil
}
