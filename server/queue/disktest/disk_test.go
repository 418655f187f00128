package disktest_test

import (
	"os"
	"path/filepath"
	"testing"

	"upscaled/server/queue/disktest"
)

// What was synced survives, what was not does not.
func TestCut(t *testing.T) {
	t.Parallel()
	disk := disktest.Mount(t)
	path := filepath.Join(disk.Folder, "a")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string, offset int64) {
		t.Helper()
		if _, err := file.WriteAt([]byte(text), offset); err != nil {
			t.Fatal(err)
		}
	}
	write("synced", 0)
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	write("and more", 6)
	write("SYN", 0)
	write("CED", 2)
	if err := file.Truncate(3); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(disk.Folder, "b"), []byte("lost"), 0o600); err != nil {
		t.Fatal(err)
	}
	renamed := filepath.Join(disk.Folder, "c")
	if err := os.Rename(path, renamed); err != nil {
		t.Fatal(err)
	}
	if lost := disk.Cut(t); lost == 0 {
		t.Error("nothing was lost")
	}
	for name, want := range map[string]string{"b": "", "c": "synced"} {
		if got, err := os.ReadFile(filepath.Join(disk.Folder, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestFailingSync(t *testing.T) {
	t.Parallel()
	disk := disktest.Mount(t)
	file, err := os.Create(filepath.Join(disk.Folder, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	disk.Fail()
	if err := file.Sync(); err == nil {
		t.Error("a sync succeeds")
	}
	disk.Hold()
	synced := make(chan error, 1)
	go func() { synced <- file.Sync() }()
	for disk.Waiting() == 0 {
	}
	disk.Release()
	if err := <-synced; err != nil {
		t.Error(err)
	}
}
