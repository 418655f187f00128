// Package limits keeps clients that are slow, many or hostile from holding what
// others need: connections, memory and jobs of people who open another site's
// page. It knows no API.
package limits

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"upscaled/models/fault"
)

// RateLimit is how fast a client must send its request and take its answer. The
// zero value lets it take any time.
type RateLimit struct {
	// Stall is how long it may neither send nor take anything.
	Stall time.Duration
	// Rate in bytes a second is what it must reach in the long run; a pause may
	// be made up for, but no credit is gathered beyond Stall. With 0 any byte
	// makes up for a pause.
	Rate int64
}

// timeBudget is how long one direction of a request may still be waited for:
// waiting uses it up, bytes fill it again to Stall at most.
type timeBudget struct {
	pace RateLimit
	left time.Duration
}

func (p RateLimit) begin() timeBudget { return timeBudget{p, p.Stall} }

func (a *timeBudget) spent(took time.Duration, bytes int) {
	if bytes > 0 && a.pace.Rate == 0 {
		a.left = a.pace.Stall
		return
	}
	a.left += a.pace.takes(bytes) - took
	//guard:allowance TestAllowance
	a.left = min(a.left, a.pace.Stall)
}

// takes is how long so many bytes last at the least rate, 0 where there is none.
func (p RateLimit) takes(bytes int) time.Duration {
	if p.Rate == 0 {
		return 0
	}
	return time.Duration(float64(bytes) / float64(p.Rate) * float64(time.Second))
}

// bounded says whether there is any bound.
func (p RateLimit) bounded() bool { return p.Stall > 0 }

// errSlow is what a client reads that sent its request too slowly.
var errSlow error = fault.New(fault.Invalid, "The request came too slowly and was cut; send it over a faster connection.")

// limitedReader reads a request's body. It sets no deadline where the connection
// has none to set, as in tests of handlers.
type limitedReader struct {
	from    io.Reader
	control *http.ResponseController
	left    timeBudget
}

func (r *limitedReader) Read(p []byte) (int, error) {
	if !r.left.pace.bounded() {
		return r.from.Read(p)
	}
	started := time.Now()
	//guard:slow-body TestSlowUploads TestSlowloris TestSlowHTTP2Upload
	//guard:body-pace => r.control.SetReadDeadline(started.Add(r.left.pace.Stall))
	_ = r.control.SetReadDeadline(started.Add(r.left.left))
	n, err := r.from.Read(p)
	r.left.spent(time.Since(started), n)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow
	//guard:body-pace TestSlowUploads
	case err == nil && r.left.left <= 0:
		err = errSlow
	case err != nil:
		_ = r.control.SetReadDeadline(time.Time{}) // the server listens on for a client that leaves
	}
	return n, err
}

// piece is how much of an answer is written at once: so much a client must
// take within the allowance.
const piece = 32 << 10

// limitedWriter writes an answer. It hides that net/http could copy files by
// itself, which no answer here is made of.
type limitedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	left    timeBudget
}

// Unwrap lets http.ResponseController find the connection.
func (w *limitedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *limitedWriter) Write(p []byte) (written int, err error) {
	if !w.left.pace.bounded() {
		return w.ResponseWriter.Write(p)
	}
	for first := true; first || err == nil && len(p) > 0; first = false {
		part := p[:min(len(p), piece)]
		p = p[len(part):]
		started := time.Now()
		//guard:slow-reader TestSlowReaders
		_ = w.control.SetWriteDeadline(started.Add(max(0, w.left.left) + w.left.pace.takes(len(part))))
		var n int
		n, err = w.ResponseWriter.Write(part)
		written += n
		w.left.spent(time.Since(started), n)
	}
	return written, err
}
