package metadata_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"strings"
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

func TestWithPNGText(t *testing.T) {
	t.Parallel()
	chunk := func(kind, data string) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(data)))) + kind + data + "sum."
	}
	head := "\x89PNG\r\n\x1a\n" + chunk("IHDR", "0123456789abc")
	tail := chunk("tEXt", "parameters\x00a cat") + chunk("IDAT", "x") + chunk("tEXt", "key\x00behind")
	got := string(metadata.WithPNGText([]byte(head+chunk("iTXt", "key\x00old")+tail), "key", "new"))
	if !strings.HasPrefix(got, head+"\x00\x00\x00\x07tEXtkey\x00new") || !strings.HasSuffix(got, tail) || strings.Contains(got, "old") {
		t.Errorf("%q", got)
	}
	for _, damaged := range []string{"", head[:20], head + "\xff\xff\xff\xffIDAT"} {
		if got := metadata.WithPNGText([]byte(damaged), "key", "ä"); !strings.HasPrefix(string(got), damaged[:min(len(damaged), len(head))]) {
			t.Errorf("%q became %q", damaged, got)
		}
	}
}
