package fetch

import (
	"encoding/base64"
	"strings"

	"upscaled/models/fault"
)

// ParseDataURI decodes a base64 data URI (RFC 2397) of at most maxBytes. The
// media type is ignored: what the bytes are is decided by the bytes. White
// space inside is skipped, since clients wrap lines, and the URL-safe alphabet
// and missing padding are accepted.
func ParseDataURI(uri string, maxBytes int64) ([]byte, error) {
	header, body, found := strings.Cut(uri, ",")
	if !found || len(header) < 5 || !strings.EqualFold(header[:5], "data:") ||
		!strings.HasSuffix(strings.ToLower(header), ";base64") {
		return nil, fault.New(fault.Invalid, "The image is not a base64 data URI (data:image/png;base64,...).")
	}
	if int64(len(body)) > maxBytes*2 {
		return nil, tooLarge(maxBytes)
	}
	body = strings.NewReplacer(" ", "", "\n", "", "\r", "", "\t", "", "-", "+", "_", "/").Replace(body)
	body = strings.TrimRight(body, "=")
	if int64(base64.RawStdEncoding.DecodedLen(len(body))) > maxBytes {
		return nil, tooLarge(maxBytes)
	}
	data, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The image's base64 text is damaged.")
	}
	return data, nil
}

func tooLarge(maxBytes int64) error {
	return fault.New(fault.TooLarge, "The image is larger than %d bytes.", maxBytes)
}
