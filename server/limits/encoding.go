package limits

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
)

// Decode is middleware that decodes request bodies in gzip. Limits on a body's
// length apply to the decoded bytes, which are charged to the budget too. Other
// encodings are rejected with 415, which names them.
func Decode(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		encoding := strings.ToLower(strings.TrimSpace(r.Header.Get(echo.HeaderContentEncoding)))
		switch encoding {
		case "", "identity":
			return next(c)
		case "gzip", "x-gzip":
		default:
			c.Response().Header().Set(echo.HeaderAcceptEncoding, "gzip") // RFC 9110, 15.5.16
			return echo.NewHTTPError(http.StatusUnsupportedMediaType,
				fmt.Sprintf("The request's Content-Encoding %.40q is not supported; send gzip, or no encoding.", encoding))
		}
		b, _ := r.Context().Value(bodyKey{}).(*body)
		r.Body = &gzipBody{Closer: r.Body, from: countingReader{r.Body, new(int64)}, body: b}
		r.ContentLength = -1
		r.Header.Del(echo.HeaderContentEncoding)
		r.Header.Del(echo.HeaderContentLength)
		return next(c)
	}
}

// gzipBody is a decoded body. The decoder is made on the first Read, since it reads
// the header.
type gzipBody struct {
	io.Closer
	from    countingReader
	decoder *gzip.Reader
	decoded int64
	body    *body // nil outside of Requests
}

// Bodies that expand more than mostExpansion times are refused from freeExpansion
// decoded bytes on: neither images nor their base64 come near.
const (
	mostExpansion = 50
	freeExpansion = 1 << 20
)

var errExpansion error = fault.New(fault.TooLarge, "The request's body expands more than %d times; send it without an encoding.", mostExpansion)

// countingReader counts the bytes that are read.
type countingReader struct {
	io.Reader
	count *int64
}

// Read implements io.Reader.
func (r countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	*r.count += int64(n)
	return n, err
}

// Read implements io.Reader.
func (g *gzipBody) Read(p []byte) (n int, err error) {
	if g.decoder == nil {
		if g.decoder, err = gzip.NewReader(g.from); err != nil {
			g.decoder = nil
			return 0, err
		}
	}
	n, err = g.decoder.Read(p)
	g.decoded += int64(n)
	if g.body != nil {
		if crowded := g.body.chargeCopy(int64(n), false); crowded != nil {
			return 0, crowded
		}
	}
	//guard:expansion TestExpandingBodies
	if g.decoded > max(freeExpansion, mostExpansion**g.from.count) {
		if g.body != nil {
			g.body.refuse(errExpansion)
		}
		return 0, errExpansion
	}
	return n, err
}
