package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"time"

	"github.com/labstack/echo/v4"
)

// Asset is a response body that changes only with the program. The guide's pages
// are assets too.
type Asset struct {
	contentType string
	body        []byte
	etag        string
}

// NewAsset returns an asset whose content type follows from the file name's
// extension.
func NewAsset(name string, body []byte) (Asset, error) {
	contentType := contentType(name)
	if contentType == "" {
		return Asset{}, fmt.Errorf("the file %s has no known content type", name)
	}
	sum := sha256.Sum256(body)
	return Asset{contentType, body, `"` + hex.EncodeToString(sum[:12]) + `"`}, nil
}

// contentType returns the type of a file, or "". It does not use the system's MIME
// table, since browsers reject scripts and styles of a wrong type.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".json":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".jpg":
		return "image/jpeg"
	case ".webmanifest":
		return "application/manifest+json"
	}
	return ""
}

// Serve answers a GET or HEAD request, with a Content-Security-Policy.
func (a Asset) Serve(c echo.Context, policy string) error {
	header := c.Response().Header()
	header.Set("Content-Type", a.contentType)
	header.Set("ETag", a.etag)
	// File names have no version, so browsers have to revalidate them.
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY") // for browsers without frame-ancestors
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(a.body))
	return nil
}
