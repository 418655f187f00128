package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// seeker reads an object from any position. Objects are streams, so a jump
// opens the object anew and skips: a Range costs what lies before it, and the
// usual whole read from the start costs nothing more and holds one chunk.
type seeker struct {
	ctx     context.Context // of who reads
	open    func(ctx context.Context) (io.ReadCloser, error)
	stop    context.CancelFunc // ends what open began
	size    int64
	wanted  int64 // where the next Read begins
	stream  io.ReadCloser
	release context.CancelFunc // ends what stream waits for
	at      int64              // where stream stands
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
	n, err := s.patiently(p)
	s.at += int64(n)
	s.wanted = s.at
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read result: %w", err)
	}
	return n, err
}

const (
	// readStep is how often a read that waits for the store looks whether its
	// caller has gone: the library's reads notice nothing but their deadline.
	readStep = 250 * time.Millisecond
	// readPatience is how long the store may be silent.
	readPatience = time.Minute
	// openStep bounds one try to open an object: the answer may be lost with a
	// node.
	openStep = 5 * time.Second
)

// stepping is a context whose deadline is always near.
type stepping struct{ context.Context }

// Deadline implements context.Context.
func (stepping) Deadline() (time.Time, bool) { return time.Now().Add(readStep), true }

// patiently reads, again after each step that brought nothing.
func (s *seeker) patiently(p []byte) (int, error) {
	for began := time.Now(); ; {
		n, err := s.stream.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if gone := s.ctx.Err(); gone != nil {
			return 0, gone
		}
		if time.Since(began) > readPatience {
			return 0, fmt.Errorf("the store is silent: %w", err)
		}
	}
}

func (s *seeker) reopen() error {
	if err := s.closeStream(); err != nil {
		return err
	}
	if err := s.openPatiently(); err != nil {
		return fmt.Errorf("open result: %w", err)
	}
	s.at = 0
	skipped, err := io.CopyN(io.Discard, reading(s.patiently), s.wanted)
	s.at = skipped
	if err != nil {
		return fmt.Errorf("skip to byte %d of result: %w", s.wanted, err)
	}
	return nil
}

// openPatiently begins the stream, again where a try is not answered.
func (s *seeker) openPatiently() (err error) {
	for began := time.Now(); ; {
		trying, giveUp := context.WithCancel(s.ctx)
		late := time.AfterFunc(openStep, giveUp)
		stream, failed := s.open(stepping{trying})
		if late.Stop() && failed == nil {
			s.stream, s.release = stream, giveUp
			return nil
		}
		if failed == nil {
			_ = stream.Close() // it is given up already
			failed = context.DeadlineExceeded
		}
		unanswered := trying.Err() != nil
		giveUp()
		if !unanswered || s.ctx.Err() != nil || time.Since(began) > readPatience {
			return failed
		}
	}
}

// reading is a function as an io.Reader.
type reading func([]byte) (int, error)

func (r reading) Read(p []byte) (int, error) { return r(p) }

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
	s.release()
	s.stream = nil
	return err
}
