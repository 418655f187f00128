package scratch_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"upscaled/server/scratch"
)

// Folders of processes that died are removed, those of live ones are not. There is none
// without a file.
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
		folders = append(folders, scratch.New())
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("%v are there before the first file, %v", left, err)
	}
	for _, f := range folders {
		file, err := f.Create("film-*")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		scratch.New()
		if info, err := os.Stat(filepath.Dir(file.Name())); err != nil || info.Mode().Perm() != 0o700 {
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

// A process that starts while another one makes its folder does not take it.
func TestFoldersAreNotTaken(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ended := make(chan struct{})
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
					scratch.New()
				}
			}
		})
	}
	for range 80 {
		f := &scratch.Folder{}
		file, err := f.Create("film-*")
		if err != nil {
			t.Error(err)
			break
		}
		scratch.New()
		if _, err := os.Stat(file.Name()); err != nil {
			t.Error("the file in use:", err)
		}
		if err := errors.Join(file.Close(), f.Close()); err != nil {
			t.Error(err)
		}
	}
	close(ended)
	starting.Wait()
}
