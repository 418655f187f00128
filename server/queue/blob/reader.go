package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// Retry runs a step until it succeeds or the caller gives up.
type Retry func(ctx context.Context, step func(context.Context) error) error

// Reader reads a blob from any position. It holds one chunk in memory, and
// nothing on the server.
type Reader struct {
	fetch    func(index int) (*jetstream.RawStreamMsg, error)
	identity string
	size     int64
	offset   int64 // of the next Read
	// current is the chunk that was read last, at index; the first one's length
	// is the length of all but the last.
	current []byte
	index   int
	length  int64
}

// Open returns a reader of a blob, which reads within the context, or
// ErrNotFound. Every request to the server is a step for retry.
func (s *Store) Open(ctx context.Context, name string, retry Retry) (*Reader, error) {
	prefix, err := subject(name)
	if err != nil {
		return nil, err
	}
	return newReader(func(index int) (m *jetstream.RawStreamMsg, err error) {
		err = retry(ctx, func(ctx context.Context) error {
			m, err = s.read(ctx, prefix, index)
			return err
		})
		return m, err
	})
}

func newReader(fetch func(int) (*jetstream.RawStreamMsg, error)) (*Reader, error) {
	first, err := fetch(0)
	if err != nil {
		return nil, err
	}
	r := &Reader{fetch: fetch, identity: first.Header.Get(identityHeader), current: first.Data, length: int64(len(first.Data))}
	r.size, err = strconv.ParseInt(first.Header.Get(sizeHeader), 10, 64)
	if err != nil || r.size < r.length || r.size > 0 && r.length == 0 {
		return nil, fmt.Errorf("size of %s: %w", first.Subject, ErrDamaged)
	}
	return r, nil
}

// Size returns the blob's length in bytes.
func (r *Reader) Size() int64 { return r.size }

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start of the blob")
	}
	r.offset = offset
	return offset, nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if r.offset >= r.size {
		return 0, io.EOF
	}
	index := int(r.offset / r.length)
	if err := r.load(index); err != nil {
		return 0, fmt.Errorf("read blob: %w", err)
	}
	n := copy(p, r.current[r.offset-int64(index)*r.length:])
	r.offset += int64(n)
	return n, nil
}

// load makes a chunk the current one.
func (r *Reader) load(index int) error {
	if index == r.index {
		return nil
	}
	m, err := r.fetch(index)
	if err != nil {
		return err
	}
	if want := min(r.length, r.size-int64(index)*r.length); int64(len(m.Data)) != want || m.Header.Get(identityHeader) != r.identity {
		return fmt.Errorf("chunk %s: %w", m.Subject, ErrDamaged)
	}
	r.current, r.index = m.Data, index
	return nil
}

// Close implements io.Closer.
func (r *Reader) Close() error { return nil }
