package native

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
)

// eventStream writes server-sent events (HTML Standard, section 9.2). After the
// first error it writes nothing.
type eventStream struct {
	c       echo.Context
	control *http.ResponseController
	count   int
	err     error
}

// open starts a stream without events.
func open(c echo.Context) *eventStream {
	s := &eventStream{c: c, control: http.NewResponseController(c.Response())}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would buffer events
	c.Response().WriteHeader(http.StatusOK)
	s.write("retry: 2000\n\n") // milliseconds until browsers reconnect
	return s
}

// send writes one event. A new stream begins with the current state, so the
// server ignores Last-Event-ID.
func (s *eventStream) send(event string, data any) {
	if s.err != nil {
		return
	}
	text, err := dialect.Marshal(data)
	if err != nil {
		s.err = fmt.Errorf("encode event: %w", err)
		return
	}
	s.count++
	s.write(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n", s.count, event, text))
}

// comment writes a line that clients ignore.
func (s *eventStream) comment(text string) { s.write(": " + text + "\n\n") }

func (s *eventStream) write(text string) {
	if s.err != nil {
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(dialect.WriteLimit)) // test recorders have none
	if _, s.err = s.c.Response().Write([]byte(text)); s.err == nil {
		s.err = s.control.Flush()
	}
}
