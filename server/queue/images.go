package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"upscaled/server/queue/blob"
)

// putImage stores an image durably. The remains of a failed call are deleted.
func (s *store) putImage(ctx context.Context, name string, data []byte) error {
	return s.putContent(ctx, name, bytes.NewReader(data))
}

// putContent is putImage for contents that are too large for memory.
func (s *store) putContent(ctx context.Context, name string, data blob.Content) error {
	const slowest = 10e6 // bytes a second
	limit := stepLimit + time.Duration(float64(data.Size())/slowest*float64(time.Second))
	err := s.persistFor(ctx, limit, func(ctx context.Context) error { return s.images.Put(ctx, name, data) })
	if err != nil {
		s.dropImage(context.WithoutCancel(ctx), name)
		return fmt.Errorf("store image: %w", err)
	}
	return nil
}

// dropImage deletes an image; if that fails, the collector finds it.
func (s *store) dropImage(ctx context.Context, name string) {
	ctx, stop := context.WithTimeout(ctx, stepLimit)
	defer stop()
	if err := s.images.Delete(ctx, name); err != nil {
		s.options.Log.Warn("image is deleted later", "image", name, "error", err)
	}
}

// eraseImage is dropImage for an image that must not be left in any file.
func (s *store) eraseImage(ctx context.Context, name string) {
	err := s.persist(ctx, func(ctx context.Context) error { return s.images.Erase(ctx, name) })
	if err != nil {
		s.options.Log.Warn("image is erased later", "image", name, "error", err)
	}
}

// openImage returns a reader of an image, or missing. Requests that are lost with
// a node are repeated.
func (s *store) openImage(ctx context.Context, name string, missing error) (*blob.Reader, error) {
	r, err := s.images.Open(ctx, name, s.persistRead)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, missing
	} else if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	return r, nil
}

// damaged reports whether an image that was stored at a time could not be read
// because it is damaged, or gone before its time.
func (s *store) damaged(err, missing error, stored time.Time) bool {
	gone := errors.Is(err, missing) || errors.Is(err, blob.ErrNotFound)
	most := s.options.Retention
	return errors.Is(err, blob.ErrDamaged) || gone && s.options.Now().Sub(stored) < most-min(submitLimit, most/10)
}

// soundImages are the images that this process has read from end to end. The zero
// value is empty.
type soundImages struct {
	mutex sync.Mutex
	names map[string]bool
}

func (s *soundImages) has(name string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.names[name]
}

func (s *soundImages) add(name string) {
	const most = 10_000
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.names == nil || len(s.names) >= most {
		s.names = map[string]bool{}
	}
	s.names[name] = true
}

// getImage returns a whole image, or missing.
func (s *store) getImage(ctx context.Context, name string, missing error) ([]byte, error) {
	r, err := s.openImage(ctx, name, missing)
	if err != nil {
		return nil, err
	}
	const trusted = 256 << 20 // bytes that are allocated before they are read
	var data bytes.Buffer
	data.Grow(int(min(r.Size(), trusted)) + bytes.MinRead)
	if _, err := data.ReadFrom(r); errors.Is(err, blob.ErrNotFound) {
		return nil, missing // it expires just now
	} else if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	return data.Bytes(), nil
}
