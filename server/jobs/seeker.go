package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// seeker reads an object from any position. Objects are streams, so a jump
// opens the object anew and skips: a Range costs what lies before it, and the
// usual whole read from the start costs nothing more and holds one chunk.
type seeker struct {
	open   func() (io.ReadCloser, error)
	stop   context.CancelFunc // ends what open began
	size   int64
	wanted int64 // where the next Read begins
	stream io.ReadCloser
	at     int64 // where stream stands
}

func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.wanted
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start of the result")
	}
	s.wanted = offset
	return offset, nil
}

func (s *seeker) Read(p []byte) (int, error) {
	if s.wanted >= s.size {
		return 0, io.EOF
	}
	if s.stream == nil || s.at != s.wanted {
		if err := s.reopen(); err != nil {
			return 0, err
		}
	}
	n, err := s.stream.Read(p)
	s.at += int64(n)
	s.wanted = s.at
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read result: %w", err)
	}
	return n, err
}

func (s *seeker) reopen() error {
	if err := s.closeStream(); err != nil {
		return err
	}
	stream, err := s.open()
	if err != nil {
		return fmt.Errorf("open result: %w", err)
	}
	s.stream, s.at = stream, 0
	skipped, err := io.CopyN(io.Discard, stream, s.wanted)
	s.at = skipped
	if err != nil {
		return fmt.Errorf("skip to byte %d of result: %w", s.wanted, err)
	}
	return nil
}

// Close implements io.Closer.
func (s *seeker) Close() error {
	defer s.stop()
	return s.closeStream()
}

func (s *seeker) closeStream() error {
	if s.stream == nil {
		return nil
	}
	err := s.stream.Close()
	s.stream = nil
	return err
}
