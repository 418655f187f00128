package fetch

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"

	"upscaled/models/fault"
)

// ParseDataURI decodes a base64 data URI (RFC 2397) of at most maxBytes. It
// ignores the media type: only the bytes decide the format.
func ParseDataURI(uri string, maxBytes int64) ([]byte, error) {
	header, body, found := strings.Cut(uri, ",")
	if !found || len(header) < 5 || !strings.EqualFold(header[:5], "data:") ||
		!strings.HasSuffix(strings.ToLower(header), ";base64") {
		return nil, fault.New(fault.Invalid, "The image is not a base64 data URI (data:image/png;base64,...).")
	}
	if int64(len(body)) > maxBytes*2 {
		return nil, tooLarge(maxBytes)
	}
	if plain, err := url.PathUnescape(body); err == nil { // RFC 2397: escapes are allowed as in every URI
		body = plain
	}
	return DecodeBase64([]byte(body), maxBytes)
}

// DecodeBase64 decodes base64 text of at most maxBytes decoded, which it
// modifies. It skips white space, since clients wrap lines, and accepts the
// URL-safe alphabet and missing padding.
func DecodeBase64(text []byte, maxBytes int64) ([]byte, error) {
	kept := text[:0]
	for _, b := range text {
		switch b {
		case ' ', '\t', '\r', '\n':
			continue
		case '-':
			b = '+'
		case '_':
			b = '/'
		}
		kept = append(kept, b)
	}
	kept = bytes.TrimRight(kept, "=")
	if int64(base64.RawStdEncoding.DecodedLen(len(kept))) > maxBytes {
		return nil, tooLarge(maxBytes)
	}
	data, err := base64.RawStdEncoding.AppendDecode(nil, kept)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The image's base64 text is damaged.")
	}
	return data, nil
}

func tooLarge(maxBytes int64) error {
	return fault.New(fault.TooLarge, "The image is larger than %d bytes.", maxBytes)
}
