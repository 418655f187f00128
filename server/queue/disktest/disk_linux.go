// Package disktest provides a disk for tests whose syncs can be slow, hang or fail,
// and whose power can be cut: then everything is lost that was written to a file
// after its last sync. It is a FUSE file system over a plain folder, so the program
// under test needs no change. Creating, renaming and removing files is durable at
// once.
package disktest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Disk may be used while programs run on it.
type Disk struct {
	// Folder is the mount point.
	Folder string

	mutex sync.Mutex
	ready *sync.Cond
	// held makes syncs wait, delay makes each take so long, and failing is their
	// error.
	held    bool
	delay   time.Duration
	failing syscall.Errno
	// waiting is how many syncs wait now, synced how many succeeded.
	waiting, synced int
	unsynced        map[uint64]*unsynced // by inode
}

// Mount returns a disk that is unmounted when the test ends. It skips the test if FUSE
// is missing or the user is not root.
func Mount(t *testing.T) *Disk {
	t.Helper()
	back, front := t.TempDir(), t.TempDir()
	d := &Disk{Folder: front, unsynced: map[uint64]*unsynced{}}
	d.ready = sync.NewCond(&d.mutex)
	var state syscall.Stat_t
	if err := syscall.Stat(back, &state); err != nil {
		t.Fatal(err)
	}
	data := &fs.LoopbackRoot{Path: back, Dev: state.Dev}
	root := &node{LoopbackNode: fs.LoopbackNode{RootData: data}, disk: d}
	data.RootNode = root
	server, err := fs.Mount(front, root, &fs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "disktest", Name: "disktest"}})
	if err != nil {
		t.Skipf("a disk of the test's own cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		d.Release()
		if err := server.Unmount(); err != nil {
			_ = syscall.Unmount(front, syscall.MNT_DETACH)
		}
		server.Wait()
		d.forget()
	})
	return d
}

// Hold makes every sync wait until Release.
func (d *Disk) Hold() { d.set(func() { d.held = true }) }

// Release lets syncs continue and succeed at once.
func (d *Disk) Release() { d.set(func() { d.held, d.delay, d.failing = false, 0, 0 }) }

// Delay makes every sync take so long.
func (d *Disk) Delay(length time.Duration) { d.set(func() { d.delay = length }) }

// Fail makes every sync fail with EIO.
func (d *Disk) Fail() { d.set(func() { d.failing = syscall.EIO }) }

// Waiting returns how many syncs wait.
func (d *Disk) Waiting() int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.waiting
}

// Synced returns how many syncs succeeded.
func (d *Disk) Synced() int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.synced
}

func (d *Disk) set(change func()) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	change()
	d.ready.Broadcast()
}

// Cut undoes everything that was not synced and returns its bytes. The program must
// be dead.
func (d *Disk) Cut(t *testing.T) (lost int64) {
	t.Helper()
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for inode, u := range d.unsynced {
		bytes, err := u.restore()
		if err != nil {
			t.Errorf("cut the power: %v", err)
		}
		lost += bytes
		delete(d.unsynced, inode)
	}
	return lost
}

func (d *Disk) forget() {
	for _, u := range d.unsynced {
		_ = u.file.Close()
	}
}

// sync replaces a file's sync.
func (d *Disk) sync(inode uint64) syscall.Errno {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.waiting++
	for d.held {
		d.ready.Wait()
	}
	d.waiting--
	if d.delay > 0 {
		length := d.delay
		d.mutex.Unlock()
		time.Sleep(length)
		d.mutex.Lock()
	}
	if d.failing != 0 {
		return d.failing
	}
	d.synced++
	if u := d.unsynced[inode]; u != nil {
		_ = u.file.Close() // it was opened for this only
		delete(d.unsynced, inode)
	}
	return 0
}

// overwrite remembers the bytes of a file that are about to change; a negative length
// means all after the offset.
func (d *Disk) overwrite(path string, inode uint64, offset, length int64) syscall.Errno {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	u := d.unsynced[inode]
	if u == nil {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return fs.ToErrno(err)
		}
		info, err := file.Stat()
		if err != nil {
			return fs.ToErrno(errors.Join(err, file.Close()))
		}
		u = &unsynced{file: file, size: info.Size()}
		d.unsynced[inode] = u
	}
	return fs.ToErrno(u.remember(offset, length))
}

// node is a file or folder of the disk.
type node struct {
	fs.LoopbackNode
	disk *Disk
}

// WrapChild puts files and folders below a node on the same disk.
func (n *node) WrapChild(context.Context, fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{LoopbackNode: fs.LoopbackNode{RootData: n.RootData}, disk: n.disk}
}

func (n *node) backing() string {
	return filepath.Join(n.RootData.Path, n.Path(n.Root()))
}

// Open implements fs.NodeOpener.
func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_TRUNC != 0 {
		if errno := n.disk.overwrite(n.backing(), n.StableAttr().Ino, 0, -1); errno != 0 {
			return nil, 0, errno
		}
	}
	inner, more, errno := n.LoopbackNode.Open(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	return &file{inner: inner, node: n, syncs: flags&syscall.O_SYNC == syscall.O_SYNC}, more, 0
}

// Create implements fs.NodeCreater.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	inode, inner, more, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return inode, &file{inner: inner, node: inode.Operations().(*node), syncs: flags&syscall.O_SYNC == syscall.O_SYNC}, more, 0
}

// Setattr implements fs.NodeSetattrer.
func (n *node) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, changes := in.GetSize(); changes {
		if errno := n.disk.overwrite(n.backing(), n.StableAttr().Ino, int64(size), -1); errno != 0 {
			return errno
		}
	}
	if own, is := f.(*file); is {
		f = own.inner
	}
	return n.LoopbackNode.Setattr(ctx, f, in, out)
}

// Getattr implements fs.NodeGetattrer.
func (n *node) Getattr(ctx context.Context, f fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if own, is := f.(*file); is {
		f = own.inner
	}
	return n.LoopbackNode.Getattr(ctx, f, out)
}
