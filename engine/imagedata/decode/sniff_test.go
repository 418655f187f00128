package decode_test

import (
	"strings"
	"testing"

	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
)

// A server, which upscales images only, says of a film that it is one.
func TestFilmsAreNamed(t *testing.T) {
	t.Parallel()
	for _, head := range []string{"\x1a\x45\xdf\xa3", "\x00\x00\x00\x20ftypisom\x00\x00", "RIFF\x00\x00\x00\x00AVI LIST"} {
		if _, err := decode.Sniff([]byte(head)); fault.KindOf(err) != fault.Unsupported || !strings.HasPrefix(fault.Sentence(err), "This is a film") {
			t.Errorf("%q: %v", head, err)
		}
	}
}
