// Package scratch provides temporary files for data that is too large for memory. Files
// of killed processes are removed by the next ones.
package scratch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
)

// Folder is a temporary folder of this process, made with its first file. Its methods may
// be called concurrently.
type Folder struct {
	mutex sync.Mutex
	path  string // "" before the first file
	lock  *flock.Flock
}

const (
	pattern  = "upscaled-scratch-*"
	lockName = "lock"
)

// New removes the folders of processes that were killed and returns a new one, which the
// caller closes.
func New() *Folder {
	leftovers, _ := filepath.Glob(filepath.Join(os.TempDir(), pattern))
	for _, folder := range leftovers {
		// A folder without a lock is just being made, or removed.
		lock := flock.New(filepath.Join(folder, lockName), flock.SetFlag(os.O_RDWR))
		//guard:scratch-lock TestLeftovers => true
		if locked, err := lock.TryLock(); err == nil && locked {
			_ = os.RemoveAll(folder)
		}
		_ = lock.Close()
	}
	return &Folder{}
}

// Create makes a file; its name follows the pattern as in os.CreateTemp.
func (f *Folder) Create(pattern string) (*os.File, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.path == "" {
		if err := f.make(); err != nil {
			return nil, err
		}
	}
	file, err := os.CreateTemp(f.path, pattern)
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	return file, nil
}

// make makes the folder. A process that starts may take the new lock first, and then
// removes the folder.
func (f *Folder) make() error {
	for {
		path, err := os.MkdirTemp("", pattern)
		if err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
		lock := flock.New(filepath.Join(path, lockName))
		locked, err := lock.TryLock()
		if err != nil {
			return fmt.Errorf("lock a temporary folder: %w", err)
		}
		if _, err := os.Stat(lock.Path()); locked && err == nil {
			f.path, f.lock = path, lock
			return nil
		}
		_ = lock.Close()
	}
}

// Close removes the folder with everything in it.
func (f *Folder) Close() error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.path == "" {
		return nil
	}
	return errors.Join(f.lock.Close(), os.RemoveAll(f.path))
}
