package pickle

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"upscaled/models/fault"
)

// input reads the operands of instructions.
type input struct {
	*bufio.Reader
	text int // bytes of strings so far
}

// unsigned reads a little-endian number of up to 8 bytes.
func (in *input) unsigned(width int) (uint64, error) {
	var raw [8]byte
	if _, err := io.ReadFull(in, raw[:width]); err != nil {
		return 0, unexpected(err)
	}
	return binary.LittleEndian.Uint64(raw[:]), nil
}

// take reads length bytes, within the limits, allocating only as they arrive.
func (in *input) take(length uint64) ([]byte, error) {
	if length > maxString || in.text+int(length) > maxText {
		return nil, fault.New(fault.Invalid, "The weights file contains a text of %d bytes; it is rejected.", length)
	}
	in.text += int(length)
	if buffered, err := in.Peek(min(int(length), in.Buffered())); err == nil && len(buffered) == int(length) {
		raw := append([]byte(nil), buffered...)
		_, err := in.Discard(len(raw))
		return raw, err
	}
	raw, err := io.ReadAll(io.LimitReader(in, int64(length)))
	if err == nil && len(raw) < int(length) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, unexpected(err)
	}
	return raw, nil
}

// line reads up to a newline, which is not part of the result.
func (in *input) line() (string, error) {
	var text []byte
	for len(text) <= maxName {
		c, err := in.ReadByte()
		if err != nil {
			return "", unexpected(err)
		}
		if c == '\n' {
			return string(text), nil
		}
		text = append(text, c)
	}
	return "", fmt.Errorf("pickle: a name is longer than %d bytes", maxName)
}

func unexpected(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("pickle: read: %w", err)
}
