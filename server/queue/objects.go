package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// inputPart is the second part of an input's name; a result has its lease's
// token there.
const inputPart = "input"

// inputObject names a job's input in the object store.
func inputObject(id string) string { return id + "/" + inputPart }

// store writes an object, in place of any of that name.
func (q *Queue) store(ctx context.Context, name string, data []byte) error {
	const slowest = 10e6 // bytes a second
	limit := stepLimit + time.Duration(float64(len(data))/slowest*float64(time.Second))
	return q.persistFor(ctx, limit, func(ctx context.Context) error {
		if err := q.put(ctx, name, data); err != nil {
			return fmt.Errorf("store picture: %w", err)
		}
		return nil
	})
}

// load reads a whole object, or answers gone.
func (q *Queue) load(ctx context.Context, name string, gone error) (data []byte, err error) {
	err = q.persistFor(ctx, inputLimit, func(ctx context.Context) error {
		if data, err = q.pictures.GetBytes(ctx, name); errors.Is(err, jetstream.ErrObjectNotFound) {
			return gone
		} else if err != nil {
			return fmt.Errorf("read picture: %w", err)
		}
		return nil
	})
	return data, err
}
