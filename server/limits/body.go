package limits

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// body is a request's body, limited in rate and memory. Exceeding either limit
// cancels the request's context, so that no API responds to half a body.
type body struct {
	io.Closer
	from   limitedReader
	budget *Budget
	stop   context.CancelFunc

	mutex sync.Mutex
	held  int64
	cut   error
	over  bool // the request has been answered
	// parsed means that held counts a parsed copy too.
	parsed bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if cut := b.reason(); cut != nil {
		return 0, cut
	}
	n, err := b.from.Read(p)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.over {
		return 0, http.ErrBodyReadAfterClose
	}
	if crowded := b.charge(int64(n)); crowded != nil {
		return n, crowded
	}
	if err == errSlow {
		b.abort(err)
	}
	return n, err
}

// charge charges bytes to the budget. b.mutex is held.
func (b *body) charge(bytes int64) error {
	b.held += bytes
	if room := b.budget.take(bytes); !room && bytes > 0 {
		b.abort(errCrowded)
		return errCrowded
	}
	return nil
}

// abort cuts the body. b.mutex is held.
func (b *body) abort(cause error) {
	b.cut = cause
	b.stop()
}

// refuse cuts the body.
func (b *body) refuse(cause error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.abort(cause)
}

// chargeCopy charges a copy of bytes that were read: decoded, or parsed too.
func (b *body) chargeCopy(bytes int64, parsed bool) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.parsed = b.parsed || parsed
	if b.over {
		return http.ErrBodyReadAfterClose
	}
	//guard:copies TestJSONIsChargedTwice TestDecodedBodies => nil
	return b.charge(bytes)
}

// reason returns why the body was cut, or nil.
func (b *body) reason() error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.cut
}

// release returns memory to the budget, at most the held bytes.
func (b *body) release(bytes int64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.parsed {
		bytes *= 2
	}
	bytes = min(bytes, b.held)
	b.held -= bytes
	b.budget.release(bytes)
}

// end releases everything. Bytes read after the handler has returned are not
// charged: nothing would release them.
func (b *body) end() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.budget.release(b.held)
	//guard:late-reads TestLateReadsHoldNothing => 0, b.over
	b.held, b.over = 0, true
}

type bodyKey struct{}

// Accepted releases the memory of an image of the request that has been stored.
// Outside of requests it does nothing.
func Accepted(ctx context.Context, bytes int) {
	// The body is as long, or a third longer if it is base64.
	if b, ok := ctx.Value(bodyKey{}).(*body); ok {
		//guard:parsed-bytes TestBudget
		b.release(int64(bytes)*4/3 + 4<<10)
	}
}

// Written releases the memory of bytes of the request that were written to disk.
func Written(ctx context.Context, bytes int64) {
	if b, ok := ctx.Value(bodyKey{}).(*body); ok {
		b.release(bytes)
	}
}

const (
	// drainBytes and drainLimit limit the reading of a rejected upload.
	drainBytes = 64 << 20
	drainLimit = 10 * time.Second
)

// Requests returns middleware that enforces a minimum rate on every request's
// body and response, and a memory budget on bodies. A request whose body was cut
// fails with a fault, and its connection is closed.
//
// It drains the body of a rejected request, within limits: most clients read the
// response only after they have sent everything, and see a broken connection if
// the server closes it before. Clients that send Expect: 100-continue get their
// response without sending the body.
func Requests(rate RateLimit, budget *Budget) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, answer := c.Request(), c.Response()
			outer, control := r.Context(), http.NewResponseController(answer.Writer)
			answer.Writer = &limitedWriter{answer.Writer, control, rate.begin()}
			ctx, stop := context.WithCancel(outer)
			defer stop()
			b := &body{Closer: r.Body, from: limitedReader{r.Body, control, rate.begin()}, budget: budget, stop: stop}
			//guard:body-end FuzzRequests
			defer b.end()
			//guard:smuggling TestSmuggling
			if len(r.TransferEncoding) > 0 {
				// A proxy may disagree about the end of a request with both chunks
				// and a length: read nothing after it (RFC 9112, 6.1).
				answer.Header().Set(echo.HeaderConnection, "close")
			}
			if r.Body != nil && r.Body != http.NoBody {
				r = r.WithContext(context.WithValue(ctx, bodyKey{}, b))
				r.Body = b
				c.SetRequest(r)
			}
			err := next(c)
			// ctx ends here, although the client may still be connected.
			//guard:client-left TestOutcomesInTheLog
			c.SetRequest(c.Request().WithContext(outer))
			cut := b.reason()
			refused := err != nil || answer.Status >= http.StatusBadRequest
			if cut == nil && (!refused || outer.Err() != nil) {
				return err
			}
			// A slow client, or draining the body, may cancel the request's own
			// context although the client still waits for its response.
			c.SetRequest(c.Request().WithContext(context.WithoutCancel(outer)))
			if cut != nil && !answer.Committed {
				answer.Header().Set(echo.HeaderConnection, "close")
				return cut
			}
			if cut == nil && r.Header.Get("Expect") == "" {
				rate.drain(b.from.from, control)
			}
			return err
		}
	}
}

// drain discards the rest of a rejected upload, within limits.
func (r RateLimit) drain(from io.Reader, control *http.ResponseController) {
	limit := drainLimit
	if r.enabled() {
		limit = min(limit, r.Stall)
	}
	_ = control.SetReadDeadline(time.Now().Add(limit)) // not supported by test recorders
	//guard:drain TestRefusedUploadIsAnswered
	_, _ = io.CopyN(io.Discard, from, drainBytes) // failures do not matter
	if r.enabled() {
		_ = control.SetWriteDeadline(time.Now().Add(r.Stall)) // for the response written before
	}
}
