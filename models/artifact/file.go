package artifact

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"upscaled/models/fault"
)

// TemporaryPattern is the name of unfinished files, which are beside their
// destination. A crash can leave one behind; nothing ever reads it.
const TemporaryPattern = ".upscaled-*.tmp"

// File is a file being written. Commit makes it visible at its destination,
// complete and synced, replacing any old file. Discard must always be called and
// does nothing after Commit.
type File struct {
	temporary   *os.File
	destination string
	hash        hash.Hash
	size        int64
	committed   bool
}

// Create starts a file and creates its folder.
func Create(destination string) (*File, error) {
	folder := filepath.Dir(destination)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	// os.CreateTemp would make the file private whatever the umask. A name of
	// 128 random bits is unique.
	name := strings.Replace(TemporaryPattern, "*", strings.ToLower(rand.Text()), 1)
	temporary, err := os.OpenFile(filepath.Join(folder, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("create temporary file: %w", err)
	}
	return &File{temporary: temporary, destination: destination, hash: sha256.New()}, nil
}

// Write appends to the file and to its hash.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.temporary.Write(p)
	f.hash.Write(p[:n])
	f.size += int64(n)
	return n, err
}

// Size returns the number of bytes written so far.
func (f *File) Size() int64 { return f.size }

// SHA256 returns the hash of the bytes written so far, in hexadecimal.
func (f *File) SHA256() string { return hex.EncodeToString(f.hash.Sum(nil)) }

// MoveTo changes the destination to another name in the same folder, for
// names that depend on the contents.
func (f *File) MoveTo(name string) {
	f.destination = filepath.Join(filepath.Dir(f.destination), name)
}

// Commit syncs the file and renames it to its destination.
func (f *File) Commit() error {
	if err := f.temporary.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", filepath.Base(f.destination), err)
	}
	if err := f.temporary.Close(); err != nil {
		return fmt.Errorf("close %s: %w", filepath.Base(f.destination), err)
	}
	if err := os.Rename(f.temporary.Name(), f.destination); err != nil {
		return fmt.Errorf("rename into place: %w", err)
	}
	f.committed = true
	return syncFolder(filepath.Dir(f.destination))
}

// Discard removes the file unless it was committed.
func (f *File) Discard() {
	if f.committed {
		return
	}
	f.temporary.Close()
	os.Remove(f.temporary.Name())
}

// WriteFile writes a file as Create and Commit do.
func WriteFile(path string, data []byte) error {
	file, err := Create(path)
	if err != nil {
		return err
	}
	defer file.Discard()
	if _, err := file.Write(data); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return file.Commit()
}

// syncFolder makes a rename survive a power failure. Windows has no equivalent.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Hash returns the SHA-256 of a file in hexadecimal and its size. It calls stop
// between blocks and fails with its error.
func Hash(path string, stop func() error) (sum string, size int64, err error) {
	// Opening a FIFO blocks, and devices may never end.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return "", 0, fault.New(fault.Invalid, "%s is not a regular file.", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	digest := sha256.New()
	size, err = io.CopyBuffer(onlyWriter{digest}, &stoppable{file, stop}, make([]byte, 1<<20))
	if err != nil {
		return "", 0, fmt.Errorf("read file: %w", err)
	}
	return hex.EncodeToString(digest.Sum(nil)), size, nil
}

// onlyWriter hides other methods so that io.CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

// stoppable is a reader that fails once stop returns an error.
type stoppable struct {
	io.Reader
	stop func() error
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.stop(); err != nil {
		return 0, err
	}
	return s.Reader.Read(p)
}
