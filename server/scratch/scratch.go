// Package scratch provides folders for temporary files that are too large for memory.
// Those of processes that were killed are removed by the next ones.
package scratch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Folder is a temporary folder of this process.
type Folder struct {
	Path string
	lock *flock.Flock
}

const (
	pattern  = "upscaled-scratch-*"
	lockName = "lock"
)

// New makes a folder, which the caller closes.
func New() (*Folder, error) {
	leftovers, _ := filepath.Glob(filepath.Join(os.TempDir(), pattern))
	for _, folder := range leftovers {
		if _, err := os.Stat(filepath.Join(folder, lockName)); err != nil {
			continue // it is just being made
		}
		lock := flock.New(filepath.Join(folder, lockName))
		//guard:scratch-lock TestLeftovers => true
		if locked, err := lock.TryLock(); err == nil && locked {
			_ = os.RemoveAll(folder)
		}
		_ = lock.Close()
	}
	path, err := os.MkdirTemp("", pattern)
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	f := &Folder{path, flock.New(filepath.Join(path, lockName))}
	if _, err := f.lock.TryLock(); err != nil {
		return nil, fmt.Errorf("lock a temporary folder: %w", err)
	}
	return f, nil
}

// Close removes the folder with everything in it.
func (f *Folder) Close() error { return errors.Join(f.lock.Close(), os.RemoveAll(f.Path)) }
