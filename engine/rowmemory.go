package engine

import (
	"context"
	"math"

	"golang.org/x/sync/semaphore"
)

// rowMemory bounds what the pictures that stream at once hold between them:
// the large ones together no more than one alone may, and as much again the
// small ones, which so do not wait for large ones. It may be used concurrently.
type rowMemory struct{ large, small *semaphore.Weighted }

const (
	// memoryUnits make up what one picture may hold.
	memoryUnits = 1 << 10
	// smallPixels is how many a small picture has at most, as in the
	// lines of the server.
	smallPixels = 2_000_000
)

func newRowMemory() *rowMemory {
	return &rowMemory{semaphore.NewWeighted(memoryUnits), semaphore.NewWeighted(memoryUnits)}
}

// reserve waits until such a share for a picture fits, in the order of asking,
// and fails only with the context's error. A picture must not reserve twice: it
// would wait for itself. The caller releases once.
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
