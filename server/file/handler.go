package file

import (
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

// Handler answers GET and HEAD of /v1/files/{id}: ranges, conditional
// requests, the picture's own content type and name. Everything that is not a
// live, genuinely signed result looks the same from outside: status and body
// come from refuse, which knows the dialect that the ID belongs to.
type Handler struct {
	Queue  job.Queue
	Signer Signer
	// WriteError answers a request whose signature is wrong or expired (genuine
	// false) or whose result is gone (genuine true).
	WriteError func(c echo.Context, id string, genuine bool) error
}

// Serve is the route's handler; the path parameter is "id".
func (h Handler) Serve(c echo.Context) error {
	id := c.Param("id")
	if !h.Signer.Valid(id, c.QueryParam("expires"), c.QueryParam("sig")) {
		return h.WriteError(c, id, false)
	}
	content, j, err := h.Queue.Open(c.Request().Context(), id)
	if fault.KindOf(err) == fault.NotFound {
		return h.WriteError(c, id, true)
	} else if err != nil {
		return err
	}
	defer content.Close()
	format := imagedata.Format(j.Result.Format)
	header := c.Response().Header()
	header.Set("Content-Type", format.ContentType())
	header.Set("Content-Disposition", Disposition("inline", Stem(j.InputName)+format.Extension()))
	// A result never changes and an ID is never used again.
	header.Set("ETag", `"`+id+`"`)
	header.Set("Cache-Control", "private, max-age=86400, immutable")
	header.Set("X-Content-Type-Options", "nosniff")
	if restorer := j.Result.Faces.Header(); restorer != "" {
		header.Set(job.FaceHeader, restorer)
	}
	http.ServeContent(c.Response(), c.Request(), "", j.Finished, content)
	return nil
}

// Disposition is the header of that name, of type "inline" or "attachment". It
// quotes a file name as clients expect it (RFC 6266): plain, with what is not
// ASCII replaced, and where that lost something once more in full. The name is
// one that Stem made.
func Disposition(kind, name string) string {
	plain := strings.Map(func(r rune) rune {
		if r > '~' {
			return '_'
		}
		return r
	}, name)
	header := kind + `; filename="` + plain + `"`
	if plain != name {
		// What paths may have and parameters may not (RFC 8187, section 3.2.1).
		escape := strings.NewReplacer("=", "%3D", "@", "%40", ":", "%3A")
		//guard:disposition FuzzDisposition => "; filename*=UTF-8''" + url.PathEscape(escape.Replace(name))
		header += "; filename*=UTF-8''" + escape.Replace(url.PathEscape(name))
	}
	return header
}

// longestStem is in bytes; most file systems take 255 for a whole name.
const longestStem = 200

// Stem is a client's own file name without folder and extension; what could
// break out of a header or a folder is dropped, and what is not seen, such as
// marks that turn the direction of writing. It is never empty.
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
