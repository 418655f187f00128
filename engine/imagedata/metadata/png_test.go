package metadata_test

import (
	"bytes"
	"compress/zlib"
	"testing"

	"upscaled/engine/imagedata/metadata"
)

func deflated(raw []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(raw)
	_ = w.Close()
	return out.Bytes()
}

func TestPNGPayloads(t *testing.T) {
	t.Parallel()
	if got := metadata.PNGProfile(append([]byte("name\x00\x00"), deflated([]byte("profile"))...)); string(got) != "profile" {
		t.Errorf("profile = %q", got)
	}
	for name, payload := range map[string][]byte{
		"no name": []byte("abc"), "no stream": []byte("a\x00\x00"), "method": []byte("a\x00\x01abc"),
		"bomb": append([]byte("n\x00\x00"), deflated(make([]byte, 17<<20))...),
	} {
		if got := metadata.PNGProfile(payload); got != nil {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
	const keyword = "XML:com.adobe.xmp\x00"
	if got := metadata.PNGPacket([]byte(keyword + "\x00\x00en\x00key\x00<a/>")); string(got) != "<a/>" {
		t.Errorf("packet = %q", got)
	}
	for _, payload := range []string{"Comment\x00\x00\x00\x00\x00<a/>", keyword, keyword + "\x00\x00en", keyword + "\x01\x00\x00\x00abc"} {
		if got := metadata.PNGPacket([]byte(payload)); got != nil {
			t.Errorf("%q: %q", payload, got)
		}
	}
}
