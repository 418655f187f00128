package film

import (
	"bytes"
	"errors"
	"io"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// source passes the frames of one chunk to the engine. Equal neighbors are one frame,
// whose Delay counts how many it stands for, a nanosecond each.
type source struct {
	frames *reader
	limit  int
	// shown are the times of the frames, starts those of the frames that were passed on,
	// both in units of Film.Base.
	shown, starts []int64
}

// Info implements engine.Source. The number of frames is that of a full chunk.
func (s *source) Info() imagedata.Info {
	f := s.frames.film
	return imagedata.Info{Width: f.Width, Height: f.Height, Channels: 3, Depth: f.Depth, Alpha: f.Alpha, Frames: s.limit}
}

// Notes implements engine.Source.
func (s *source) Notes() []string { return nil }

// Next implements engine.Source.
func (s *source) Next() (imagedata.Frame, error) {
	first, err := s.take(nil)
	if err != nil {
		return imagedata.Frame{}, err
	}
	if first == nil {
		return imagedata.Frame{}, io.EOF
	}
	same := 1
	for {
		again, err := s.take(first)
		if err != nil {
			return imagedata.Frame{}, err
		}
		if again == nil {
			break
		}
		same++
	}
	s.starts = append(s.starts, s.shown[len(s.shown)-same])
	frame := s.frames.film.frame(first)
	frame.Delay = time.Duration(same)
	return frame, nil
}

// take returns the next frame of the chunk, if it equals another one unless that is
// nil.
func (s *source) take(equal []byte) ([]byte, error) {
	if len(s.shown) == s.limit {
		return nil, nil
	}
	p, err := s.frames.peek()
	if err != nil || p == nil || equal != nil && !bytes.Equal(p.raw, equal) {
		return nil, err
	}
	s.shown = append(s.shown, p.time)
	s.frames.next = nil
	return p.raw, nil
}

// errEncoder reports that an encoder does not take frames any more; its own error
// says why.
var errEncoder = errors.New("the encoder has ended")

// sink passes the frames that the engine makes to an encoder.
type sink struct {
	w      io.Writer
	keep   bool        // alpha
	once   bool        // whether frames are never repeated
	yuv    *subsampler // converts, unless it is nil
	same   int         // how often the frame is written
	whole  []byte
	buffer []byte
}

// BeginFrame implements encode.Encoder.
func (s *sink) BeginFrame(same time.Duration) error {
	err := s.repeat()
	if s.same = int(same); s.once {
		s.same = 1
	}
	return err
}

// WriteBand implements encode.Encoder.
func (s *sink) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	raw := color.Pix
	if alpha != nil || raw == nil {
		s.buffer = appendRaw(s.buffer[:0], color, alpha, s.keep)
		raw = s.buffer
	}
	if s.yuv != nil {
		raw = s.yuv.convert(raw)
	}
	if s.same > 1 {
		s.whole = append(s.whole, raw...)
	}
	return s.write(raw)
}

// repeat writes the frame before again.
func (s *sink) repeat() error {
	for ; s.same > 1; s.same-- {
		if err := s.write(s.whole); err != nil {
			return err
		}
	}
	s.whole = s.whole[:0]
	return nil
}

// Close implements encode.Encoder.
func (s *sink) Close() error { return s.repeat() }

func (s *sink) write(raw []byte) error {
	if _, err := s.w.Write(raw); err != nil {
		return fault.Wrap(fault.Internal, errors.Join(errEncoder, err), "The film could not be encoded.")
	}
	return nil
}
