package openapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Routes registers the document at /openapi.json and its page at /docs/api.
// Both need no key: they tell nothing of this server but its version.
func (d *Document) Routes(e *echo.Echo) {
	document, page := fixed(d.text, "application/json"), fixed(d.page, "text/html; charset=utf-8")
	policy := "default-src 'none'; style-src '" + digest(stylesheet) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	e.GET("/openapi.json", func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderAccessControlAllowOrigin, "*") // for tools that run in browsers
		return document(c)
	})
	e.GET("/docs/api", func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderContentSecurityPolicy, policy)
		c.Response().Header().Set(echo.HeaderReferrerPolicy, "no-referrer")
		return page(c)
	})
}

// digest is how a content security policy names an inline text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// fixed serves contents that change with the program only: browsers ask
// whether theirs are still the same.
func fixed(contents []byte, kind string) echo.HandlerFunc {
	sum := sha256.Sum256(contents)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set(echo.HeaderContentType, kind)
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		header.Set(echo.HeaderCacheControl, "no-cache")
		header.Set("ETag", tag)
		http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(contents))
		return nil
	}
}
