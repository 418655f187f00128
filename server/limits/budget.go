package limits

import (
	"sync/atomic"

	"upscaled/models/fault"
)

// Budget bounds how many bytes of requests' bodies are held at once, of all
// requests together, from their arrival until their jobs are accepted. The
// zero value bounds nothing. It may be used concurrently.
type Budget struct {
	// Most is in bytes; 0 is no bound.
	Most int64
	held atomic.Int64
}

// errCrowded is what a client reads for whose body there is no room.
var errCrowded error = fault.New(fault.Busy, "The server is receiving too many pictures at once. Please try again.")

// take asks for room; what was taken is given back by give whether there was
// room or not.
func (b *Budget) take(bytes int64) bool {
	//guard:upload-memory TestEndlessChunks TestBudget => b.held.Add(bytes) >= 0
	return b.held.Add(bytes) <= b.Most || b.Most == 0
}

func (b *Budget) give(bytes int64) { b.held.Add(-bytes) }

// Held is how many bytes are held now.
func (b *Budget) Held() int64 { return b.held.Load() }
