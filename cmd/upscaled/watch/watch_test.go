package watch_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"upscaled/cmd/upscaled/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A file that grows is taken once, a second after its last change, and again after
// another change. While nothing changes, nobody looks.
func TestGrowingFilesWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		folder, changes := fstest.MapFS{}, make(chan struct{}, 1)
		var taken []time.Duration
		scans, began := 0, time.Now()
		settled := watch.NewSettled(time.Second)
		go settled.Run(ctx, changes, func() {
			scans++
			for name := range folder {
				if info, err := fs.Stat(folder, name); err == nil && settled.Take(name, info) {
					taken = append(taken, time.Since(began))
				}
			}
		})
		write := func(size int) {
			synctest.Wait()
			folder["a"] = &fstest.MapFile{Data: make([]byte, size), ModTime: time.Now()}
			changes <- struct{}{}
			synctest.Wait()
		}
		synctest.Wait()
		time.Sleep(10 * time.Second)
		for size := range 5 { // until 12.4 s
			write(size)
			time.Sleep(600 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(taken) != 1 || taken[0] < 13400*time.Millisecond || taken[0] > 15*time.Second {
			t.Errorf("taken at %v", taken)
		}
		if scans > 8 {
			t.Errorf("%d scans", scans)
		}
		write(9)
		time.Sleep(time.Minute)
		synctest.Wait()
		delete(folder, "a")
		changes <- struct{}{}
		time.Sleep(time.Minute)
		write(9) // as before, but new
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(taken) != 3 {
			t.Errorf("taken at %v", taken)
		}
	})
}

// Files in folders that appear later are noticed too, but not in those left out.
func TestFolders(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	inner, hidden := filepath.Join(root, "a", "b"), filepath.Join(root, ".c")
	f, err := watch.Open([]string{root}, func(path string) bool { return filepath.Base(path) == ".c" })
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, folder := range []string{inner, hidden} {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		<-f.Changes
	}
	// A folder is watched some time after it appears.
	for n := 0; !slices.Contains(f.Watched(), inner); n++ {
		if err := os.WriteFile(filepath.Join(root, "more"), make([]byte, n%9), 0o666); err != nil {
			t.Fatal(err)
		}
		<-f.Changes
	}
	if slices.Contains(f.Watched(), hidden) {
		t.Error("a folder that is left out is watched")
	}
	if _, err := watch.Open([]string{filepath.Join(root, "none")}, nil); err == nil {
		t.Error("a missing folder is watched")
	}
}

func TestCheckOutput(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	for _, c := range []struct {
		out                string
		recursive, refused bool
	}{
		{"", true, false},
		{at("big"), true, false},
		{filepath.Dir(root), true, false},
		{root + "-big", true, false},
		{root, false, true},
		{at("big/{name}.{ext}"), false, false},
		{at("big/{name}.{ext}"), true, true},
		{at("{name}-big.{ext}"), false, true},
		{"{dir}/{name}-big.{ext}", false, true},
	} {
		if err := watch.CheckOutput([]string{root}, c.out, c.recursive); (err != nil) != c.refused {
			t.Errorf("%s, recursive %v: %v", c.out, c.recursive, err)
		}
	}
}
