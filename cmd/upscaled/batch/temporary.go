package batch

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"upscaled/models/fault"
)

// Unfinished outputs are named .upscaled-XXXX.tmp and are in the folder of the
// output, so that renaming them never crosses file systems.
const (
	temporaryPrefix = ".upscaled-"
	temporarySuffix = ".tmp"
	// temporaryAge is the age after which a temporary file is an orphan of a killed
	// process: no image takes a day without a write.
	temporaryAge = 24 * time.Hour
)

func isTemporary(name string) bool {
	return strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix)
}

// Temporaries makes outputs appear complete or not at all. Its methods may be
// called concurrently; the zero value is ready to use.
type Temporaries struct {
	mu      sync.Mutex
	open    map[string]bool
	swept   map[string]bool
	stopped bool
}

// Create creates an empty file in a folder, and the folder if it is missing. The
// caller must call Publish or Discard with it. Its mode follows the umask.
func (t *Temporaries) Create(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, unwritable(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return nil, fault.New(fault.Canceled, "The program is ending.")
	}
	t.sweep(folder)
	path := filepath.Join(folder, temporaryPrefix+rand.Text()+temporarySuffix)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, unwritable(err)
	}
	if t.open == nil {
		t.open = make(map[string]bool)
	}
	t.open[path] = true
	return file, nil
}

// Publish syncs a finished file to disk and renames it to target atomically. If
// target exists and overwrite is false, it fails with fault.Invalid. The file is
// closed and its temporary name removed in every case.
func (t *Temporaries) Publish(file *os.File, target string, overwrite bool) error {
	defer t.Discard(file)
	if err := file.Sync(); err != nil {
		return unwritable(err)
	}
	if err := file.Close(); err != nil {
		return unwritable(err)
	}
	move := moveNew
	if overwrite {
		move = os.Rename
	}
	if err := move(file.Name(), target); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return exists(target)
		}
		return unwritable(err)
	}
	syncFolder(filepath.Dir(target))
	return nil
}

// moveNew renames without replacing. Linking fails atomically if the target exists;
// on file systems without links an empty file reserves the name first.
func moveNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	reserved, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := reserved.Close(); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// syncFolder makes a new name survive a power cut. Errors are ignored, since some
// file systems cannot do it and the image is complete.
func syncFolder(folder string) {
	if dir, err := os.Open(folder); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}

// Discard closes and removes a file that was not published; after Publish it
// does nothing.
func (t *Temporaries) Discard(file *os.File) {
	_ = file.Close()
	_ = os.Remove(file.Name())
	t.mu.Lock()
	delete(t.open, file.Name())
	t.mu.Unlock()
}

// RemoveAll removes every unfinished file and refuses new ones, for a process
// that is about to end.
func (t *Temporaries) RemoveAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	for path := range t.open {
		_ = os.Remove(path)
	}
}

// sweep removes the orphans of killed processes, once for each folder.
func (t *Temporaries) sweep(folder string) {
	if t.swept[folder] {
		return
	}
	if t.swept == nil {
		t.swept = make(map[string]bool)
	}
	t.swept[folder] = true
	orphans, _ := filepath.Glob(filepath.Join(folder, temporaryPrefix+"*"+temporarySuffix))
	for _, path := range orphans {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > temporaryAge {
			_ = os.Remove(path)
		}
	}
}

// unwritable turns a file system error into one for users.
func unwritable(err error) error {
	return fault.Wrap(fault.Invalid, err, "The output cannot be written (%s).", reason(err))
}

func exists(path string) error {
	return fault.New(fault.Invalid, "%s exists already; use --overwrite to replace it or --skip-existing to leave it.", path)
}
