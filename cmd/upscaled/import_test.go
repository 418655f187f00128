package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

// A folder's models are imported one by one; those that cannot be are noted.
func TestImportOfAFolder(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"bad.pth": []byte("no weights"), "readme.txt": []byte("text")})
	for _, name := range []string{"one.safetensors", "two.safetensors"} {
		file, err := os.Create(filepath.Join(root, name))
		if err == nil {
			err = weights.WriteSafetensors(file, networktest.RandomCompact(3, 3, 8, 2), nil)
		}
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	home := "--home=" + t.TempDir()
	got := program(t, &fakeUpscaler{}, nil, nil, "models", "import", home, "--name", "x", root)
	if got.code == exitOK || !strings.Contains(got.stderr, "--name is for a single model") {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
	got = program(t, &fakeUpscaler{}, nil, nil, "models", "import", home, "--license", "CC-BY-NC-4.0", root)
	if got.code != exitFailed || strings.Count(got.stderr, "is installed") != 2 || !strings.Contains(got.stderr, "bad.pth: ") || !strings.Contains(got.stderr, "1 of 3 files cannot be imported") {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
	got = program(t, &fakeUpscaler{}, nil, nil, "models", "list", home)
	if got.code != exitOK || strings.Count(got.stdout, "CC-BY-NC-4.0 (non-commercial)") != 2 {
		t.Errorf("exit %d, %s", got.code, got.stdout)
	}
}
