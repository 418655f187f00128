package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"upscaled/server/queue/blob"
)

// inputPart is the second part of an input's name; a result has its lease's
// token there.
const inputPart = "input"

// inputImage returns the name of a job's input.
func inputImage(id string) string { return id + "/" + inputPart }

// storeImage writes an image durably. What a failed try leaves is removed.
func (q *Queue) storeImage(ctx context.Context, name string, data []byte) error {
	const slowest = 10e6 // bytes a second
	limit := stepLimit + time.Duration(float64(len(data))/slowest*float64(time.Second))
	err := q.persistFor(ctx, limit, func(ctx context.Context) error { return q.images.Put(ctx, name, data) })
	if err != nil {
		cleanup, stop := context.WithTimeout(context.WithoutCancel(ctx), stepLimit)
		defer stop()
		_ = q.images.Delete(cleanup, name) // else it is collected as an orphan
		return fmt.Errorf("store image: %w", err)
	}
	return nil
}

// openImage returns a reader of an image, or missing. Requests that are lost
// with a node are repeated.
func (q *Queue) openImage(ctx context.Context, name string, missing error) (*blob.Reader, error) {
	r, err := q.images.Open(ctx, name, func(ctx context.Context, step func(context.Context) error) error {
		ctx, stop := context.WithTimeout(ctx, readPatience)
		defer stop()
		return q.persist(ctx, step)
	})
	if errors.Is(err, blob.ErrNotFound) {
		return nil, missing
	} else if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	return r, nil
}

// loadImage reads a whole image, or returns missing.
func (q *Queue) loadImage(ctx context.Context, name string, missing error) ([]byte, error) {
	r, err := q.openImage(ctx, name, missing)
	if err != nil {
		return nil, err
	}
	const trusted = 256 << 20 // bytes that are allocated before they are read
	var data bytes.Buffer
	data.Grow(int(min(r.Size(), trusted)))
	if _, err := data.ReadFrom(r); errors.Is(err, blob.ErrNotFound) {
		return nil, missing
	} else if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	return data.Bytes(), nil
}
