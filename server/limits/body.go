package limits

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// body is a request's, read at a pace and within the budget. The first of
// those bounds that is broken ends the request's context, so that no API
// answers what it makes of half a body.
type body struct {
	io.Closer
	from   limitedReader
	budget *Budget
	stop   context.CancelFunc

	mutex sync.Mutex
	held  int64
	cut   error
	over  bool // the request has been answered
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
	b.held += int64(n)
	if room := b.budget.take(int64(n)); !room && n > 0 {
		err = errCrowded
	}
	if err == errSlow || err == errCrowded {
		b.cut = err
		b.stop()
	}
	return n, err
}

// reason is why the body was cut, or nil.
func (b *body) reason() error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.cut
}

// give returns room to the budget, at most what is held.
func (b *body) give(bytes int64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	bytes = min(bytes, b.held)
	b.held -= bytes
	b.budget.give(bytes)
}

// end returns all that is held. What somebody reads of the body behind the
// request's end is not counted, since nothing would ever return it.
func (b *body) end() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.budget.give(b.held)
	//guard:late-reads TestLateReadsHoldNothing => 0, b.over
	b.held, b.over = 0, true
}

type bodyKey struct{}

// Accepted says that a picture of so many bytes of the request was stored, so
// that its body takes no memory any more. Outside of requests it does nothing.
func Accepted(ctx context.Context, bytes int) {
	// The body is as long, or longer by a third where it is base64.
	if b, ok := ctx.Value(bodyKey{}).(*body); ok {
		//guard:parsed-bytes TestBudget
		b.give(int64(bytes)*4/3 + 4<<10)
	}
}

const (
	// drainBytes and drainLimit bound what is read of a refused upload.
	drainBytes = 64 << 20
	drainLimit = 10 * time.Second
)

// Requests has every request's body and answer go at a pace, and bodies within
// a budget. A request whose body was cut is answered with an error that has a
// kind, and its connection ends.
//
// What a refused request still sends is read, in bounds: most clients look for
// the answer only after they have sent everything, and see a broken connection
// where the server closes it before. Clients that ask first whether to send
// (Expect: 100-continue) are answered before they do.
func Requests(pace RateLimit, budget *Budget) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, answer := c.Request(), c.Response()
			outer, control := r.Context(), http.NewResponseController(answer.Writer)
			answer.Writer = &limitedWriter{answer.Writer, control, pace.begin()}
			ctx, stop := context.WithCancel(outer)
			defer stop()
			b := &body{Closer: r.Body, from: limitedReader{r.Body, control, pace.begin()}, budget: budget, stop: stop}
			//guard:body-end FuzzRequests
			defer b.end()
			//guard:smuggling TestSmuggling
			if len(r.TransferEncoding) > 0 {
				// A request with chunks and a length may end elsewhere for a proxy
				// than here: nothing behind it is read (RFC 9112, 6.1).
				answer.Header().Set(echo.HeaderConnection, "close")
			}
			if r.Body != nil && r.Body != http.NoBody {
				r = r.WithContext(context.WithValue(ctx, bodyKey{}, b))
				r.Body = b
				c.SetRequest(r)
			}
			err := next(c)
			cut := b.reason()
			refused := err != nil || answer.Status >= http.StatusBadRequest
			if cut == nil && (!refused || outer.Err() != nil) {
				return err
			}
			// Too slow a client, or what is read now, may end the request's own
			// context though the client still waits for its answer.
			c.SetRequest(c.Request().WithContext(context.WithoutCancel(outer)))
			if cut != nil && !answer.Committed {
				answer.Header().Set(echo.HeaderConnection, "close")
				return cut
			}
			if cut == nil && r.Header.Get("Expect") == "" {
				limit := drainLimit
				if pace.bounded() {
					limit = min(limit, pace.Stall)
				}
				_ = control.SetReadDeadline(time.Now().Add(limit)) // test recorders have none
				//guard:drain TestRefusedUploadIsAnswered
				_, _ = io.CopyN(io.Discard, b.from.from, drainBytes) // what fails was of no use anyway
				if pace.bounded() {
					_ = control.SetWriteDeadline(time.Now().Add(pace.Stall)) // for what was written before
				}
			}
			return err
		}
	}
}
