package engine

import (
	"context"
	"math"

	"golang.org/x/sync/semaphore"
)

// rowMemory bounds what the pictures that stream at once hold between them:
// the large ones together no more than one alone may, and beside them the small
// ones a quarter of that, so that they need not wait for large ones. It may be
// used concurrently.
type rowMemory struct{ large, small *semaphore.Weighted }

const (
	// memoryUnits make up what one picture may hold.
	memoryUnits = 1 << 10
	// smallShare is the most that a small picture holds, smallTotal all of them.
	smallShare, smallTotal = memoryUnits / 16, memoryUnits / 4
)

func newRowMemory() *rowMemory {
	return &rowMemory{semaphore.NewWeighted(memoryUnits), semaphore.NewWeighted(smallTotal)}
}

// reserve waits until a picture of such a share fits, in the order of asking,
// and fails only with the context's error. A picture must not reserve twice: it
// would wait for itself. The caller releases once.
func (m *rowMemory) reserve(ctx context.Context, share float64) (release func(), err error) {
	units := max(1, int64(math.Ceil(min(share, 1)*memoryUnits)))
	of := m.large
	if units <= smallShare {
		of = m.small
	}
	if err := of.Acquire(ctx, units); err != nil {
		return nil, err
	}
	return func() { of.Release(units) }, nil
}
