package file_test

import (
	"mime"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"upscaled/server/file"
)

// FuzzDisposition turns names of strangers into headers that every client
// reads as one plain file name.
func FuzzDisposition(f *testing.F) {
	for _, name := range []string{"a.jpg", "../../etc/passwd", "a\r\nSet-Cookie: b.png", `"; filename="x.exe`, "größe.png", "ä=b@c:d;e.png", "\xff\xfe.png", "a\u202egnp.exe", ".", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		plain := file.Stem(name) + ".png"
		header := file.Disposition("attachment", plain)
		for _, r := range header {
			if r < ' ' || r > '~' {
				t.Fatalf("%q becomes the header %q", name, header)
			}
		}
		kind, parameters, err := mime.ParseMediaType(header)
		if err != nil || kind != "attachment" {
			t.Fatalf("%q: %q, %v", header, kind, err)
		}
		got := parameters["filename"]
		if !strings.HasSuffix(got, ".png") || path.Base(got) != got || strings.ContainsAny(got, `\"`) {
			t.Fatalf("%q becomes the file %q", name, got)
		}
		if utf8.ValidString(plain) && got != plain && !strings.Contains(plain, "%") {
			t.Fatalf("%q becomes %q, not %q", name, got, plain)
		}
	})
}
