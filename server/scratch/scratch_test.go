package scratch_test

import (
	"os"
	"path/filepath"
	"testing"

	"upscaled/server/scratch"
)

// Folders of processes that died are removed, those of live ones are not.
func TestLeftovers(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dead := filepath.Join(os.TempDir(), "upscaled-scratch-1")
	err := os.Mkdir(dead, 0o700)
	for _, name := range []string{"lock", "film"} {
		if err == nil {
			err = os.WriteFile(filepath.Join(dead, name), nil, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	var folders []*scratch.Folder
	for range 2 {
		f, err := scratch.New()
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, f)
	}
	for _, f := range folders {
		if info, err := os.Stat(f.Path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the folder in use: %v, %v", info, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}
