// Package limits protects the server from slow, numerous and hostile clients. It
// limits rates, connections and memory, and blocks cross-site requests. It is
// independent of the APIs.
package limits

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"upscaled/models/fault"
)

// RateLimit is the minimum rate at which a client must send its request and
// receive its response. The zero value is no limit.
type RateLimit struct {
	// Stall is the longest pause.
	Stall time.Duration
	// Rate is the long-term minimum in bytes per second. A client may make up
	// for a pause, but accumulates no credit beyond Stall. With 0, any byte makes
	// up for a pause.
	Rate int64
}

// timeBudget is the remaining time of one direction of a request. Waiting consumes
// it, bytes refill it, up to Stall.
type timeBudget struct {
	rate RateLimit
	left time.Duration
}

func (r RateLimit) begin() timeBudget { return timeBudget{r, r.Stall} }

func (b *timeBudget) spend(took time.Duration, bytes int) {
	if bytes > 0 && b.rate.Rate == 0 {
		b.left = b.rate.Stall
		return
	}
	b.left += b.rate.duration(bytes) - took
	//guard:allowance TestAllowance
	b.left = min(b.left, b.rate.Stall)
}

// duration returns how long bytes take at the minimum rate, 0 if there is none.
func (r RateLimit) duration(bytes int) time.Duration {
	if r.Rate == 0 {
		return 0
	}
	return time.Duration(float64(bytes) / float64(r.Rate) * float64(time.Second))
}

// enabled reports whether there is a limit.
func (r RateLimit) enabled() bool { return r.Stall > 0 }

// errSlow is returned to clients that send too slowly.
var errSlow error = fault.New(fault.Invalid, "The request was too slow and was aborted; send it over a faster connection.")

// limitedReader reads a request's body. Connections without deadlines, as in tests
// of handlers, are not limited.
type limitedReader struct {
	from    io.Reader
	control *http.ResponseController
	left    timeBudget
}

func (r *limitedReader) Read(p []byte) (int, error) {
	if !r.left.rate.enabled() {
		return r.from.Read(p)
	}
	started := time.Now()
	//guard:slow-body TestSlowUploads TestSlowloris TestSlowHTTP2Upload
	//guard:body-pace => r.control.SetReadDeadline(started.Add(r.left.rate.Stall))
	_ = r.control.SetReadDeadline(started.Add(r.left.left))
	n, err := r.from.Read(p)
	r.left.spend(time.Since(started), n)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow
	//guard:body-pace TestSlowUploads
	case err == nil && r.left.left <= 0:
		err = errSlow
	case err != nil:
		_ = r.control.SetReadDeadline(time.Time{}) // the server keeps reading to notice a client that disconnects
	}
	return n, err
}

// chunkSize is how much of a response is written at once: a client must receive
// it within its time budget.
const chunkSize = 32 << 10

// limitedWriter writes a response. It hides io.ReaderFrom, which only responses
// from files would use.
type limitedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	left    timeBudget
}

// Unwrap exposes the connection to http.ResponseController.
func (w *limitedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *limitedWriter) Write(p []byte) (written int, err error) {
	if !w.left.rate.enabled() {
		return w.ResponseWriter.Write(p)
	}
	for first := true; first || err == nil && len(p) > 0; first = false {
		part := p[:min(len(p), chunkSize)]
		p = p[len(part):]
		started := time.Now()
		//guard:slow-reader TestSlowReaders
		_ = w.control.SetWriteDeadline(started.Add(max(0, w.left.left) + w.left.rate.duration(len(part))))
		var n int
		n, err = w.ResponseWriter.Write(part)
		written += n
		w.left.spend(time.Since(started), n)
	}
	return written, err
}
