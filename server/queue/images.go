package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"upscaled/server/queue/blob"
)

// putImage stores an image durably. What a failed call leaves is deleted.
func (s *store) putImage(ctx context.Context, name string, data []byte) error {
	const slowest = 10e6 // bytes a second
	limit := stepLimit + time.Duration(float64(len(data))/slowest*float64(time.Second))
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
