package file_test

import (
	"mime"
	"strings"
	"testing"
	"unicode"

	"upscaled/server/file"
)

// Whatever a client calls its file, the header of its result has one name, as
// plain text, that stays in its folder and reads as it is.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"a\r\nX-Injected: 1.png", "a\r\n\r\n<script>.png", `a"; filename="evil.exe`, "../../etc/passwd", `..\..\boot.ini`, "/", "..", ".", "",
		"a\x00b.png", "photo\u202egnp.exe", "a\u2028b\u0085c.png", "a%0d%0ab.png", "a;b=c@d:e.png", strings.Repeat("ü", 5000) + ".png",
		"\xff\xfe.png", "CON:.png", "a|b*c?.png", "~/.ssh/id_rsa", "zero\u200bwidth.png",
	} {
		header := file.Disposition("attachment", file.Stem(name)+".png")
		for _, r := range header {
			if r < ' ' || r > '~' {
				t.Errorf("%q: not plain: %q", name, header)
			}
		}
		kind, parameters, err := mime.ParseMediaType(header)
		got := parameters["filename"]
		hidden := func(r rune) bool { return !unicode.IsPrint(r) }
		switch {
		case err != nil || kind != "attachment" || len(parameters) != 1:
			t.Errorf("%q: not one name: %q", name, header)
		case len(got) > 255 || !strings.HasSuffix(got, ".png") || got == ".png":
			t.Errorf("%q: no usable name: %q", name, got)
		case strings.ContainsAny(got, `/\":|*?<>`) || strings.ContainsFunc(got, hidden):
			t.Errorf("%q: a dangerous name: %q", name, got)
		}
	}
}
