package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// FuzzSettingsFile checks that any file gives settings or problems in words,
// that what is no setting is told, and never a panic.
func FuzzSettingsFile(f *testing.F) {
	for _, seed := range []string{
		"listen = \"127.0.0.1:0\"\njobs = 3\n", "lease = \"30s\"\ntrusted-proxies = [\"10.0.0.0/8\"]", "max-pixels = -1", "jobs = 1e400",
		"nothing = 1", "[jobs]\na = 1", "config = \"/etc/passwd\"", "jobs = [[], [[]]]", "listen = 2020-01-01", "\xff\xfe", "a.b.c = {d = 1}",
	} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "settings.toml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		root := newRootCommand(bare())
		serve, _, err := root.Find([]string{"serve"})
		if err != nil {
			t.Fatal(err)
		}
		if err := serve.Flags().Set(configFlag, path); err != nil {
			t.Fatal(err)
		}
		problems := applyFile(serve)
		for _, problem := range problems {
			if problem == "" {
				t.Errorf("a problem without words: %q", problems)
			}
		}
		// The reader skips a mark of byte order, which alone is an empty file.
		rest := bytes.TrimPrefix(bytes.TrimPrefix(text, []byte("\xff\xfe")), []byte("\xfe\xff"))
		if !utf8.Valid(rest) && len(problems) == 0 {
			t.Error("a file that is no text is accepted")
		}
		if serve.Flags().Lookup(configFlag).Value.String() != path {
			t.Error("a file has named another")
		}
	})
}
