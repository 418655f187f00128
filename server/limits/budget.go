package limits

import (
	"sync/atomic"

	"upscaled/models/fault"
)

// Budget limits the memory held by the bodies of all requests together, from
// their arrival until their jobs are accepted. The zero value is unlimited. It
// may be used concurrently.
type Budget struct {
	// Most is in bytes; 0 is unlimited.
	Most int64
	held atomic.Int64
}

// errCrowded is returned to a client whose body exceeds the budget.
var errCrowded error = fault.New(fault.Busy, "The server is receiving too many images at once. Please try again.")

// take charges memory and reports whether it was available. The charge must be
// released in either case.
func (b *Budget) take(bytes int64) bool {
	//guard:upload-memory TestEndlessChunks TestBudget => b.held.Add(bytes) >= 0
	return b.held.Add(bytes) <= b.Most || b.Most == 0
}

func (b *Budget) release(bytes int64) { b.held.Add(-bytes) }

// Held returns how many bytes are held.
func (b *Budget) Held() int64 { return b.held.Load() }
