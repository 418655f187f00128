package engine

import (
	"context"
	"math"

	"golang.org/x/sync/semaphore"
)

// rowMemory bounds the memory of images that stream at once. There are two pools,
// for large and for small images, so that small images never queue behind large
// ones. Each has the size that one image may use. It may be used concurrently.
type rowMemory struct{ large, small *semaphore.Weighted }

const (
	// memoryUnits are the units of a pool.
	memoryUnits = 1 << 10
	// smallPixels is the largest small image, as in the lanes of the server.
	smallPixels = 2_000_000
)

func newRowMemory() *rowMemory {
	return &rowMemory{semaphore.NewWeighted(memoryUnits), semaphore.NewWeighted(memoryUnits)}
}

// reserve waits until a share of the memory for an image is available, in the order
// of the calls. It fails with the context's error only. An image must not reserve
// twice: it would wait for itself. The caller calls release once.
func (m *rowMemory) reserve(ctx context.Context, share float64, pixels int) (release func(), err error) {
	of := m.large
	//guard:small-images TestRowMemory
	if pixels <= smallPixels {
		of = m.small
	}
	units := max(1, int64(math.Ceil(min(share, 1)*memoryUnits)))
	if err := of.Acquire(ctx, units); err != nil {
		return nil, err
	}
	return func() { of.Release(units) }, nil
}
