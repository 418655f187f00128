package watch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"

	"upscaled/models/fault"
)

// Folders are watched by the operating system, which costs nothing while nothing
// happens.
type Folders struct {
	// Changes receives a value after something happened; several changes may be one
	// value.
	Changes chan struct{}

	watcher *fsnotify.Watcher
	leave   func(path string) bool
	done    chan struct{}
}

// Open watches folders and, if leave is not nil, those in them for which it returns
// false. The caller closes it.
func Open(roots []string, leave func(path string) bool) (*Folders, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, unwatchable(err)
	}
	f := &Folders{Changes: make(chan struct{}, 1), watcher: watcher, leave: leave, done: make(chan struct{})}
	for _, root := range roots {
		if err := f.add(root); err != nil {
			_ = watcher.Close()
			return nil, unwatchable(err)
		}
	}
	go f.receive()
	return f, nil
}

// Close ends the watch.
func (f *Folders) Close() {
	_ = f.watcher.Close()
	<-f.done
}

// receive notes changes and watches folders that appear. An overflow of the system's
// queue is a change like others.
func (f *Folders) receive() {
	defer close(f.done)
	for {
		select {
		case event, open := <-f.watcher.Events:
			if !open {
				return
			}
			if info, err := os.Stat(event.Name); f.leave != nil && event.Has(fsnotify.Create) && err == nil && info.IsDir() && !f.leave(event.Name) {
				_ = f.add(event.Name) // it may be gone again
			}
		case _, open := <-f.watcher.Errors:
			if !open {
				return
			}
		}
		select {
		case f.Changes <- struct{}{}:
		default:
		}
	}
}

// add watches a folder and those in it.
func (f *Folders) add(root string) error {
	if f.leave == nil {
		return f.watcher.Add(root)
	}
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path != root:
			return filepath.SkipDir
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case path != root && f.leave(path):
			return filepath.SkipDir
		}
		return f.watcher.Add(path)
	})
}

func unwatchable(err error) error {
	return fault.Wrap(fault.Invalid, err, "The folder cannot be watched (%v).", err)
}

// CheckOutput rejects a value of --out that puts outputs into a watched folder, since the
// watch would take them for inputs.
func CheckOutput(roots []string, out string, recursive bool) error {
	before, _, template := strings.Cut(out, "{")
	if out == "" {
		return nil
	}
	folder := out
	if template {
		folder = filepath.Dir(before)
	}
	for _, root := range roots {
		below, err := filepath.Rel(absolute(root), absolute(folder))
		inside := err == nil && below != ".." && !strings.HasPrefix(below, ".."+string(filepath.Separator))
		if strings.HasPrefix(out, "{dir}") || inside && (below == "." || template && recursive) {
			return fmt.Errorf("--out %s is in the watched folder %s, so outputs would be upscaled again; choose a folder outside it", out, root)
		}
	}
	return nil
}

// absolute returns a path without links, or as it is if it cannot be resolved.
func absolute(path string) string {
	full, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(full); err == nil {
		return real
	}
	return full
}

// Watched returns the folders that are watched now.
func (f *Folders) Watched() []string { return f.watcher.WatchList() }
