//go:build linux || darwin

package queue

import "syscall"

// diskSpace returns the bytes that programs may still write on a folder's disk
// and the disk's size; ok is false if the system does not report them.
func diskSpace(folder string) (free, total int64, ok bool) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return 0, 0, false
	}
	block := int64(disk.Bsize)
	return int64(disk.Bavail) * block, int64(disk.Blocks) * block, true
}
