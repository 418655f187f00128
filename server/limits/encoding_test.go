package limits_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"upscaled/server/limits"
)

// A body in gzip is decoded within the budget; other encodings are refused by
// name.
func TestDecodedBodies(t *testing.T) {
	t.Parallel()
	pack := func(text string) string {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		return packed.String()
	}
	const hello = "hello, hello"
	budget := &limits.Budget{Most: 1 << 20}
	e := echo.New()
	e.Use(limits.Requests(limits.RateLimit{}, budget), limits.Decode)
	e.POST("/", func(c echo.Context) error {
		text, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return c.String(http.StatusTeapot, err.Error())
		}
		return c.String(http.StatusOK, string(text))
	})
	for name, c := range map[string]struct {
		encoding, body string
		status         int
		want           string
	}{
		"plain":     {"", hello, 200, hello},
		"identity":  {"identity", hello, 200, hello},
		"gzip":      {"gzip", pack(hello), 200, hello},
		"upper":     {" GZIP", pack(hello), 200, hello},
		"members":   {"gzip", pack(hello) + pack("!"), 200, hello + "!"},
		"damaged":   {"gzip", hello, 418, "gzip: invalid header"},
		"cut":       {"gzip", pack(hello)[:20], 418, "unexpected EOF"},
		"bomb":      {"gzip", pack(strings.Repeat("0", 1<<21)), 418, "too many images at once"},
		"brotli":    {"br", hello, 415, "br"},
		"two steps": {"gzip, gzip", pack(pack(hello)), 415, "gzip, gzip"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
		if c.encoding != "" {
			r.Header.Set("Content-Encoding", c.encoding)
		}
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		if answer.Code != c.status || !strings.Contains(answer.Body.String(), c.want) || budget.Held() != 0 {
			t.Errorf("%s: %d %.200s, %d bytes held", name, answer.Code, answer.Body, budget.Held())
		}
	}
}

// A body of zeroes is refused long before it fills the memory.
func TestExpandingBodies(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(make([]byte, 64<<20))
	_ = w.Close()
	e := echo.New()
	e.Use(limits.Requests(limits.RateLimit{}, &limits.Budget{Most: 1 << 30}), limits.Decode)
	e.POST("/", func(c echo.Context) error {
		read, err := io.Copy(io.Discard, c.Request().Body)
		if read > 2<<20 {
			t.Errorf("%d bytes of %d in gzip are read", read, packed.Len())
		}
		return err
	})
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(packed.Bytes()))
	r.Header.Set("Content-Encoding", "gzip")
	e.HTTPErrorHandler = func(err error, c echo.Context) { _ = c.String(http.StatusBadRequest, err.Error()) }
	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, r)
	if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "expands more than 50 times") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}
