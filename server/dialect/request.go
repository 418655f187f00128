package dialect

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/limits"
	"upscaled/server/upload"
)

// Bearer returns the key of "Authorization: Bearer KEY", or "" if the header is
// missing or has another form. The scheme is case-insensitive (RFC 9110).
func Bearer(r *http.Request) string {
	scheme, key, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// PasswordOrBearer returns the password of HTTP Basic, under any user name, or a
// bearer token.
func PasswordOrBearer(r *http.Request) string {
	if _, password, basic := r.BasicAuth(); basic {
		return password
	}
	return Bearer(r)
}

// limitBody limits a request's body. It returns an *http.MaxBytesError at once
// if the client declares a longer one.
func limitBody(c echo.Context, limit int64) error {
	r := c.Request()
	if r.ContentLength > limit {
		return &http.MaxBytesError{Limit: limit}
	}
	r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
	return nil
}

// IsBodyTooLarge reports whether a body was longer than its limit.
func IsBodyTooLarge(err error) bool { return errors.As(err, new(*http.MaxBytesError)) }

// ReadJSON reads a request's JSON body of at most limit bytes, within limits.JSON,
// without parsing it. IsBodyTooLarge recognizes the error of longer ones; other
// errors mean an incomplete or excessive body.
func ReadJSON(c echo.Context, limit int64) ([]byte, error) {
	if err := limitBody(c, limit); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(limits.JSON(c.Request().Context(), c.Request().Body))
	if err != nil && !IsBodyTooLarge(err) && fault.KindOf(err) == fault.Internal {
		return nil, fault.Wrap(fault.Invalid, err, "The request body is incomplete.")
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // .NET's StreamWriter begins UTF-8 with one; RFC 8259 allows ignoring it
	if k := keyedOf(c.Request().Context()); k != nil {
		k.note(string(body))
	}
	return body, err
}

// ReadObject reads a JSON body that has to be an object, as ReadJSON does, and
// returns the values of its fields. Names are matched exactly.
func ReadObject(c echo.Context, limit int64) (map[string]json.RawMessage, error) {
	body, err := ReadJSON(c, limit)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil { // null is no object either
		return nil, fault.New(fault.Invalid, "The request body must be a JSON object.")
	}
	return fields, nil
}

// FormSlack is how far a form may exceed the largest file. A file that is too
// large is read up to here, because most clients read the response only after
// they have sent everything.
const FormSlack = 64 << 20

// ReadForm reads a multipart form of at most limit bytes; see upload.Read.
// IsBodyTooLarge recognizes the error of longer ones. The caller closes the form, also
// after an error.
func ReadForm(c echo.Context, limit int64, most upload.Limits, fileFields ...string) (upload.Form, error) {
	if err := limitBody(c, limit); err != nil {
		return upload.Form{}, err
	}
	form, err := upload.Read(c.Request(), most, fileFields...)
	if err != nil && !IsBodyTooLarge(err) {
		_, _ = io.Copy(io.Discard, c.Request().Body) // for the same clients as FormSlack
	}
	if k := keyedOf(c.Request().Context()); k != nil {
		k.noteForm(form)
	}
	return form, err
}

// maxNameBytes is the limit of most file systems for a file name.
const maxNameBytes = 255

// DisplayName returns a client's file name in the form that records keep: valid
// UTF-8 of at most 255 bytes.
func DisplayName(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxNameBytes)], "")
}

// Absent reports whether a JSON value is missing or null.
func Absent(value json.RawMessage) bool {
	return len(value) == 0 || bytes.Equal(value, []byte("null"))
}

// Random returns n unguessable characters of [a-z0-9].
func Random(n int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	text := make([]byte, 0, n)
	for buffer := make([]byte, 2*n); len(text) < n; {
		_, _ = rand.Read(buffer) // never fails, see crypto/rand
		for _, b := range buffer {
			// 252 is the largest multiple of 36 in a byte: all characters are equally likely.
			if b < 252 && len(text) < n {
				text = append(text, alphabet[b%36])
			}
		}
	}
	return string(text)
}

// NewUUID returns an unguessable UUID of a version of RFC 9562: 4 is random, 8
// the vendor's own.
func NewUUID(version byte) string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	id[6], id[8] = id[6]&0x0f|version<<4, id[8]&0x3f|0x80
	return FormatUUID(id)
}

// FormatUUID returns a UUID in its canonical form.
func FormatUUID(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
