package disktest

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// unsynced is the state of a file at its last sync.
type unsynced struct {
	file  *os.File
	size  int64
	spans []span // in the order of the writes
}

type span struct {
	offset int64
	bytes  []byte
}

// remember stores the bytes of a range, which may reach beyond the file's end.
func (u *unsynced) remember(offset, length int64) error {
	if length < 0 || offset+length > u.size {
		length = u.size - offset
	}
	if length <= 0 {
		return nil // nothing was there before
	}
	bytes := make([]byte, length)
	n, err := u.file.ReadAt(bytes, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	u.spans = append(u.spans, span{offset, bytes[:n]})
	return nil
}

// restore undoes the writes and returns how many bytes that changed.
func (u *unsynced) restore() (changed int64, err error) {
	info, err := u.file.Stat()
	if err == nil {
		changed = max(0, info.Size()-u.size)
	}
	for i := len(u.spans) - 1; i >= 0; i-- {
		_, failed := u.file.WriteAt(u.spans[i].bytes, u.spans[i].offset)
		err = errors.Join(err, failed)
		changed += int64(len(u.spans[i].bytes))
	}
	return changed, errors.Join(err, u.file.Truncate(u.size), u.file.Close())
}

// file is an open file. It has the methods of the file system's own handle, except
// those that would bypass this package.
type file struct {
	inner fs.FileHandle
	node  *node
	// syncs is set if every write is followed by a sync (O_SYNC).
	syncs bool
}

// Read implements fs.FileReader.
func (f *file) Read(ctx context.Context, into []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	return f.inner.(fs.FileReader).Read(ctx, into, offset)
}

// Write implements fs.FileWriter.
func (f *file) Write(ctx context.Context, data []byte, offset int64) (uint32, syscall.Errno) {
	if errno := f.node.disk.overwrite(f.node.backing(), f.node.StableAttr().Ino, offset, int64(len(data))); errno != 0 {
		return 0, errno
	}
	n, errno := f.inner.(fs.FileWriter).Write(ctx, data, offset)
	if errno == 0 && f.syncs {
		errno = f.Fsync(ctx, 0)
	}
	return n, errno
}

// Fsync implements fs.FileFsyncer. The real disk is not synced.
func (f *file) Fsync(context.Context, uint32) syscall.Errno {
	return f.node.disk.sync(f.node.StableAttr().Ino)
}

// Flush implements fs.FileFlusher. After ENOSYS the kernel never calls it again, so
// that a test's own process, which serves the disk, can close its files while it dies.
func (f *file) Flush(context.Context) syscall.Errno { return syscall.ENOSYS }

// Release implements fs.FileReleaser.
func (f *file) Release(ctx context.Context) syscall.Errno {
	return f.inner.(fs.FileReleaser).Release(ctx)
}

// Lseek implements fs.FileLseeker.
func (f *file) Lseek(ctx context.Context, offset uint64, whence uint32) (uint64, syscall.Errno) {
	return f.inner.(fs.FileLseeker).Lseek(ctx, offset, whence)
}
