package decode

import (
	"bytes"
	"encoding/binary"
	"io"

	"upscaled/engine/imagedata/metadata"
)

// parse walks the blocks. A file that ends between blocks is accepted, because
// many lack their trailer.
func (f *gifFile) parse(data []byte) error {
	if len(data) < 13 {
		return errTruncated
	}
	f.width = int(binary.LittleEndian.Uint16(data[6:]))
	f.height = int(binary.LittleEndian.Uint16(data[8:]))
	rest := data[13:]
	if data[10]&0x80 != 0 {
		size := 3 << (data[10]&7 + 1)
		if len(rest) < size {
			return errTruncated
		}
		f.palette, rest = rest[:size], rest[size:]
	}
	control := gifControl{transparent: -1}
	for len(rest) > 0 {
		var err error
		switch rest[0] {
		case 0x21:
			rest, err = f.extension(rest, &control)
		case 0x2c:
			rest, err = f.image(rest, control)
			control = gifControl{transparent: -1}
		case 0x3b:
			return nil
		case 0: // stray terminators are common
			rest = rest[1:]
		default:
			// Garbage after a complete image is ignored.
			if len(f.frames) > 0 {
				return nil
			}
			return damaged("unknown block")
		}
		if err != nil {
			return err
		}
	}
	if len(f.frames) == 0 {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (f *gifFile) extension(rest []byte, control *gifControl) ([]byte, error) {
	if len(rest) < 2 {
		return nil, errTruncated
	}
	label := rest[1]
	blocks, after, err := chain(rest[2:])
	if err != nil {
		return nil, err
	}
	first := blocks[1 : 1+int(blocks[0])]
	switch label {
	case 0xf9:
		*control = parseGIFControl(first)
	case 0xfe:
		if f.meta.Comment == nil {
			f.meta.Comment = payload(blocks, maxComment)
		}
	case 0xff:
		second := blocks[1+len(first):]
		if name := string(first); (name == "NETSCAPE2.0" || name == "ANIMEXTS1.0") && len(second) >= 4 && second[0] >= 3 && second[1] == 1 {
			f.plays = plays(int(binary.LittleEndian.Uint16(second[2:])))
		} else if name == "XMP DataXMP" && f.meta.XMP == nil {
			// The packet is in the file as it is, before bytes that a reader of blocks
			// skips it by: 1, then 255 down to 0.
			packet := second
			if end := bytes.LastIndex(second, []byte("\x01\xff\xfe\xfd")); end >= 0 {
				packet = second[:end]
			}
			f.meta.XMP = f.notes.intact("XMP data", metadata.XMP, packet)
		} else if name == "ICCRGBG1012" && f.meta.ICC == nil {
			const most = 4 << 20
			f.meta.ICC = payload(second, most)
		}
	}
	return after, nil
}

// payload returns the bytes of a chain of sub-blocks.
func payload(blocks []byte, most int64) []byte {
	// Chains end with an error that says no more.
	out, _ := io.ReadAll(io.LimitReader(&subBlocks{rest: blocks}, most))
	return out
}

// plays converts the extension's count of repetitions, 0 for endless, to the
// number of times the animation plays.
func plays(repetitions int) int {
	if repetitions == 0 {
		return 0
	}
	return repetitions + 1
}

func (f *gifFile) image(rest []byte, control gifControl) ([]byte, error) {
	if len(rest) < 10 {
		return nil, errTruncated
	}
	number := func(at int) int { return int(binary.LittleEndian.Uint16(rest[at:])) }
	frame := gifFrame{
		patch: patch{
			x: number(1), y: number(3), width: number(5), height: number(7),
			delay: control.delay, after: control.after, over: true,
		},
		storedWidth: number(5), storedHeight: number(7),
		interlaced:  rest[9]&0x40 != 0,
		transparent: control.transparent,
		palette:     f.palette,
	}
	flags := rest[9]
	rest = rest[10:]
	if flags&0x80 != 0 {
		size := 3 << (flags&7 + 1)
		if len(rest) < size {
			return nil, errTruncated
		}
		frame.palette, rest = rest[:size], rest[size:]
	}
	if len(rest) < 2 {
		return nil, errTruncated
	}
	frame.codeSize = int(rest[0])
	if frame.codeSize < 2 || frame.codeSize > 8 {
		return nil, damaged("code size")
	}
	blocks, after, err := chain(rest[1:])
	if err != nil {
		return nil, err
	}
	frame.data = blocks
	if f.width == 0 || f.height == 0 {
		f.width, f.height = 0, 0
	}
	if len(f.frames) == 0 || f.width == 0 {
		// Browsers enlarge the canvas for the first image and clip all others.
		f.width, f.height = max(f.width, frame.x+frame.width), max(f.height, frame.y+frame.height)
	}
	f.frames = append(f.frames, frame)
	return after, checkFrames(len(f.frames))
}

// chain splits a chain of sub-blocks, including its terminator, from the rest.
func chain(rest []byte) (blocks, after []byte, err error) {
	at := 0
	for at < len(rest) {
		length := int(rest[at])
		at += 1 + length
		if length == 0 {
			return rest[:at], rest[at:], nil
		}
	}
	//guard:gif-end => rest, nil, nil
	return nil, nil, errTruncated
}
