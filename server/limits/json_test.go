package limits_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/labstack/echo/v4"

	"upscaled/server/limits"
)

// Values and levels are counted as a parser counts them, however the body
// arrives.
func TestJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"an image":          {`{"image":"` + strings.Repeat("A", 1<<20) + `","scale":2}`, ""},
		"few values":        {"[" + strings.Repeat("1,", 9_999) + "1]", ""},
		"many values":       {"[" + strings.Repeat("1,", 10_000) + "1]", "10000 values"},
		"many keys":         {`{"a":` + strings.Repeat(`1,"a":`, 10_000) + "1}", "10000 values"},
		"many objects":      {"[{}" + strings.Repeat(",{}", 5_000) + "]", "10000 values"},
		"64 levels":         {strings.Repeat("[", 64) + strings.Repeat("]", 64), ""},
		"65 levels":         {strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), "64 levels"},
		"within a string":   {`["` + strings.Repeat(`,[{\"`, 20_000) + `"]`, ""},
		"behind a string":   {`["\\",` + strings.Repeat("1,", 10_000) + "1]", "10000 values"},
		"levels in a row":   {"[" + strings.Repeat("[],", 1_000) + "1]", ""},
		"not JSON":          {"]]]]}}", ""},
		"an open string":    {`"` + strings.Repeat(",", 20_000), ""},
		"a bracket in keys": {`{"[[[":1}`, ""},
	} {
		for _, from := range []io.Reader{strings.NewReader(c.body), iotest.OneByteReader(strings.NewReader(c.body))} {
			read, err := io.ReadAll(limits.JSON(t.Context(), from))
			if c.want == "" && (err != nil || string(read) != c.body) {
				t.Errorf("%s: %v", name, err)
			} else if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
}

// A parsed body is charged beside its bytes until its image is stored.
func TestJSONIsChargedTwice(t *testing.T) {
	t.Parallel()
	budget := &limits.Budget{Most: 200_000}
	e := echo.New()
	e.Use(limits.Requests(limits.RateLimit{}, budget))
	e.POST("/", func(c echo.Context) error {
		ctx := c.Request().Context()
		n, err := io.Copy(io.Discard, limits.JSON(ctx, c.Request().Body))
		if err != nil {
			return err
		}
		if held := budget.Held(); held != 2*n {
			t.Errorf("%d bytes are charged for %d", held, n)
		}
		limits.Accepted(ctx, int(n)*3/4)
		if held := budget.Held(); held != 0 {
			t.Errorf("%d bytes are charged after the image was stored", held)
		}
		return c.NoContent(http.StatusNoContent)
	})
	for size, want := range map[int]int{90_000: http.StatusNoContent, 110_000: http.StatusInternalServerError} {
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`"`+strings.Repeat("A", size-2)+`"`)))
		if recorder.Code != want || budget.Held() != 0 {
			t.Errorf("%d bytes: %d, %d held at the end", size, recorder.Code, budget.Held())
		}
	}
}
