package file

import (
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/job"
)

// Handler handles GET and HEAD of /v1/files/{id} with ranges and conditional
// requests.
type Handler struct {
	Queue  job.Queue
	Signer Signer
	// WriteError writes the error of the dialect that an ID belongs to. genuine
	// is false if the signature is invalid or expired, true if the result is
	// gone.
	WriteError func(c echo.Context, id string, genuine bool) error
}

// Serve is the route's handler. The path parameters are "id" and, if the URL ends
// with a file name, "name".
func (h Handler) Serve(c echo.Context) error {
	id := c.Param("id")
	if !h.Signer.Valid(id, c.QueryParam("expires"), c.QueryParam("sig")) {
		return h.WriteError(c, id, false)
	}
	//guard:file-paths TestPathsBelowFiles
	if strings.Contains(c.Param("name"), "/") { // the router lets the last parameter hold the rest of the path
		return h.WriteError(c, id, true)
	}
	content, j, err := h.Queue.Open(c.Request().Context(), id)
	if fault.KindOf(err) == fault.NotFound {
		return h.WriteError(c, id, true)
	} else if err != nil {
		return err
	}
	defer content.Close()
	name := Stem(j.InputName) + imagedata.Format(j.Result.Format).Extension()
	ServeResult(c, j, content, Disposition("inline", name))
	return nil
}

// ServeResult serves the image of a succeeded job, whole or in ranges.
func ServeResult(c echo.Context, j job.Job, content io.ReadSeeker, disposition string) {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, imagedata.Format(j.Result.Format).ContentType())
	header.Set(echo.HeaderContentDisposition, disposition)
	// Results are immutable and IDs are never reused.
	header.Set("ETag", `"`+j.ID+`"`)
	header.Set(echo.HeaderCacheControl, "private, max-age=86400, immutable")
	header.Set(echo.HeaderXContentTypeOptions, "nosniff")
	if restorer := j.Result.Faces.Header(); restorer != "" {
		header.Set(job.FaceHeader, restorer)
	}
	http.ServeContent(c.Response(), c.Request(), "", j.Finished, content)
}

// Disposition returns a Content-Disposition header of type "inline" or
// "attachment" (RFC 6266): the name with non-ASCII characters replaced, followed
// by the full name if that lost any. The name must come from Stem.
func Disposition(kind, name string) string {
	plain := strings.Map(func(r rune) rune {
		if r > '~' {
			return '_'
		}
		return r
	}, name)
	header := kind + `; filename="` + plain + `"`
	if plain != name {
		// Allowed in paths but not in parameters (RFC 8187, section 3.2.1).
		escape := strings.NewReplacer("=", "%3D", "@", "%40", ":", "%3A")
		//guard:disposition FuzzDisposition => "; filename*=UTF-8''" + url.PathEscape(escape.Replace(name))
		header += "; filename*=UTF-8''" + escape.Replace(url.PathEscape(name))
	}
	return header
}

// longestStem is in bytes; most file systems allow 255 for a whole name.
const longestStem = 200

// Stem returns a client's file name without folder and extension. It drops
// characters that could break out of a header or a folder, and invisible ones
// such as bidirectional marks. It is never empty.
func Stem(inputName string) string {
	base := path.Base(strings.ReplaceAll(inputName, `\`, "/"))
	base = strings.TrimSuffix(base, path.Ext(base))
	base = strings.Map(func(r rune) rune {
		//guard:file-names TestHostileNames => strings.ContainsRune(`"/\:*?<>|`, r)
		if !unicode.IsPrint(r) || strings.ContainsRune(`"/\:*?<>|`, r) {
			return -1
		}
		return r
	}, base)
	base = strings.ToValidUTF8(base[:min(len(base), longestStem)], "")
	if base == "" || base == "." {
		base = "result"
	}
	return base
}
