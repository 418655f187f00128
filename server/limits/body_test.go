package limits_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"upscaled/server/limits"
)

// What is read of a body after its request has ended holds nothing for ever:
// the budget of all requests would shrink by it.
func TestLateReadsHoldNothing(t *testing.T) {
	t.Parallel()
	from, to := io.Pipe()
	budget := &limits.Budget{Most: 1 << 20}
	ended := make(chan error, 1)
	begun := make(chan struct{})
	e := echo.New()
	e.Use(limits.Requests(limits.RateLimit{}, budget))
	e.POST("/", func(c echo.Context) error {
		body := c.Request().Body
		go func() {
			close(begun)
			_, err := io.Copy(io.Discard, body)
			ended <- err
		}()
		<-begun
		return c.NoContent(http.StatusOK)
	})
	e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", from))
	_, _ = to.Write(make([]byte, 1000))
	_ = to.Close()
	if err := <-ended; err == nil {
		t.Error("a body was read after its request")
	}
	if held := budget.Held(); held != 0 {
		t.Errorf("%d bytes are held by nobody", held)
	}
}
