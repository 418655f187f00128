package limits_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/limits"
)

// pipes is a listener whose connections stay in the process, so that their
// deadlines go by the clock of a synctest bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, open := <-p
	if !open {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(t *testing.T) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	p <- far
	t.Cleanup(func() { _ = near.Close() })
	return near
}

// bounded is a server whose handler runs under the limits; errors are written
// with their kind.
func bounded(t *testing.T, pace limits.RateLimit, budget *limits.Budget, handle echo.HandlerFunc) pipes {
	t.Helper()
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if c.Request().Context().Err() == nil {
			_ = c.String(http.StatusTeapot, string(fault.KindOf(err)))
		}
	}
	e.Use(limits.Requests(pace, budget))
	e.POST("/", handle)
	web, listener := &http.Server{Handler: e}, make(pipes)
	go func() { _ = web.Serve(listener) }()
	t.Cleanup(func() { _ = web.Shutdown(context.Background()) })
	return listener
}

func answerOf(t *testing.T, c net.Conn) (status int, body string, closes bool) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), answer.Close
}

// readAll is a handler as the APIs have them: it answers nothing when the
// request's context is over.
func readAll(c echo.Context) error {
	n, err := io.Copy(io.Discard, c.Request().Body)
	if c.Request().Context().Err() != nil {
		return nil
	}
	if err != nil {
		return c.String(http.StatusBadRequest, "half a body")
	}
	return c.String(http.StatusOK, fmt.Sprint(n))
}

const quick = 50 * time.Millisecond

// A client that stops sending gets a response and is cut, also one that sends a byte
// now and then.
func TestSlowUploads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := bounded(t, limits.RateLimit{Stall: 20 * quick, Rate: 1 << 10}, &limits.Budget{}, readAll)
		for name, drip := range map[string]bool{"silent": false, "dripping": true} {
			c := server.dial(t)
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
			ended := make(chan struct{})
			if drip {
				go func() {
					defer close(ended)
					for err := error(nil); err == nil; _, err = c.Write([]byte("x")) {
						time.Sleep(quick)
					}
				}()
			} else {
				close(ended)
			}
			status, text, closes := answerOf(t, c)
			_ = c.Close()
			<-ended
			if status != http.StatusTeapot || text != string(fault.Invalid) || !closes {
				t.Errorf("%s: %d %q, closes %v", name, status, text, closes)
			}
		}
	})
}

// Chunks may go on for ever; they are cut all the same.
func TestEndlessChunks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := &limits.Budget{Most: 1 << 20}
		server := bounded(t, limits.RateLimit{Stall: 10 * time.Second, Rate: 1}, budget, readAll)
		c := server.dial(t)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
			for chunk := strings.Repeat("x", 0x1000); err == nil; {
				_, err = fmt.Fprintf(c, "1000\r\n%s\r\n", chunk)
			}
		}()
		status, text, _ := answerOf(t, c)
		_ = c.Close()
		<-ended
		if status != http.StatusTeapot || text != string(fault.Busy) || budget.Held() != 0 {
			t.Errorf("%d %q, %d bytes held", status, text, budget.Held())
		}
	})
}

// Waiting for the answer is not slowness, however long: the pace is that of
// bytes.
func TestLongAnswersAreWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := bounded(t, limits.RateLimit{Stall: quick, Rate: 1 << 10}, &limits.Budget{}, func(c echo.Context) error {
			if _, err := io.ReadAll(c.Request().Body); err != nil {
				return err
			}
			select {
			case <-c.Request().Context().Done():
				return nil
			case <-time.After(4 * quick):
				return c.NoContent(http.StatusNoContent)
			}
		})
		c := server.dial(t)
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
		if status, _, _ := answerOf(t, c); status != http.StatusNoContent {
			t.Errorf("status %d", status)
		}
	})
}

// The answer to a client that takes nothing of it ends.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wrote := make(chan error, 1)
		server := bounded(t, limits.RateLimit{Stall: quick, Rate: 1 << 20}, &limits.Budget{}, func(c echo.Context) error {
			c.Response().WriteHeader(http.StatusOK)
			var err error
			for part := make([]byte, 1<<20); err == nil; {
				_, err = c.Response().Write(part)
			}
			wrote <- err
			return nil
		})
		c := server.dial(t)
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		var timeout net.Error
		if err := <-wrote; !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("writing ended with %v", err)
		}
	})
}

// One that takes what comes gets all of a large answer.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const size = 300_000
		server := bounded(t, limits.RateLimit{Stall: time.Second, Rate: 1 << 16}, &limits.Budget{}, func(c echo.Context) error {
			return c.Blob(http.StatusOK, "x/x", make([]byte, size))
		})
		c := server.dial(t)
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		if _, text, _ := answerOf(t, c); len(text) != size {
			t.Errorf("%d bytes", len(text))
		}
	})
}

// Bodies have a bound together, until what they bring is stored.
func TestBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := &limits.Budget{Most: 1000}
		stored, taken, leave := make(chan bool), make(chan struct{}), make(chan struct{})
		server := bounded(t, limits.RateLimit{}, budget, func(c echo.Context) error {
			n, err := io.Copy(io.Discard, c.Request().Body)
			if err != nil {
				return nil // the guard answers
			}
			if c.QueryParam("hold") != "" {
				taken <- struct{}{}
				if <-stored {
					limits.Accepted(c.Request().Context(), int(n))
				}
				taken <- struct{}{}
				<-leave
			}
			return c.NoContent(http.StatusNoContent)
		})
		send := func(query string, bytes int) net.Conn {
			c := server.dial(t)
			fmt.Fprintf(c, "POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", query, bytes, strings.Repeat("x", bytes))
			return c
		}
		first := send("?hold=1", 800)
		<-taken
		if status, text, _ := answerOf(t, send("", 300)); status != http.StatusTeapot || text != string(fault.Busy) {
			t.Errorf("beyond the bound: %d %q", status, text)
		}
		if status, _, _ := answerOf(t, send("", 200)); status != http.StatusNoContent {
			t.Errorf("within the bound: %d", status)
		}
		stored <- true
		<-taken
		if status, _, _ := answerOf(t, send("", 1000)); status != http.StatusNoContent {
			t.Errorf("with the first one stored: %d", status)
		}
		close(leave)
		if status, _, _ := answerOf(t, first); status != http.StatusNoContent || budget.Held() != 0 {
			t.Errorf("at the end: %d, %d bytes held", status, budget.Held())
		}
	})
}

// A rejected request gets a response although its body never comes.
func TestRefusedWithoutBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := bounded(t, limits.RateLimit{Stall: quick, Rate: 1}, &limits.Budget{}, func(echo.Context) error {
			return fault.New(fault.Unauthorized, "No.")
		})
		c := server.dial(t)
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
		if status, text, _ := answerOf(t, c); status != http.StatusTeapot || text != string(fault.Unauthorized) {
			t.Errorf("%d %q", status, text)
		}
	})
}
