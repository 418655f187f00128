package queue

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"upscaled/models/fault"
)

// An embedded server that met a full disk once writes nothing more to that stream
// until it is restarted, even when there is space again. So new work is refused
// while there is still space to finish the accepted jobs; if another program
// takes that space too, this process ends, and the next one finds all jobs.

// reserve returns the space that new work must leave free on a disk of a size,
// both in bytes: 256 MiB, or a tenth of a small disk.
func reserve(total int64) int64 { return min(256<<20, total/10) }

// checkSpace refuses new data of a size in bytes with fault.Busy when the disk of
// an embedded server is nearly full. Results are part of the reserve.
func (c *Connection) checkSpace(size int) error {
	if c.embedded == nil {
		return nil // another machine's disk
	}
	free, total, ok := diskSpace(c.dir)
	//guard:disk-reserve TestNearlyFullDisk => true
	if !ok || free-int64(size) >= reserve(total) {
		return nil
	}
	return fault.New(fault.Busy, "The server's disk is nearly full. Please try again later.")
}

// writeFailure records that the embedded server cannot write any more, which it
// reports in its log only.
type writeFailure struct {
	once   sync.Once
	failed chan struct{}
}

func newWriteFailure() *writeFailure { return &writeFailure{failed: make(chan struct{})} }

// err returns an error for the operator, nil while writes succeed.
func (w *writeFailure) err() error {
	select {
	case <-w.failed:
		return fault.New(fault.Internal, "The data folder cannot be written any more: free space on its disk and start again; no accepted job is lost.")
	default:
		return nil
	}
}

// serverLog passes on the embedded server's warnings and errors, and watches them
// for failing writes. Its many notices are dropped.
type serverLog struct {
	log    *slog.Logger
	writes *writeFailure
}

func (l serverLog) Noticef(string, ...any) {}
func (l serverLog) Debugf(string, ...any)  {}
func (l serverLog) Tracef(string, ...any)  {}

func (l serverLog) Warnf(format string, args ...any) {
	l.log.Warn("embedded queue", "message", fmt.Sprintf(format, args...))
}

func (l serverLog) Errorf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	l.log.Error("embedded queue", "message", message)
	//guard:write-failure TestFailingDisk TestFullDiskOfTheStore
	if strings.Contains(message, "critical write error") {
		l.writes.once.Do(func() { close(l.writes.failed) })
	}
}

// Fatalf does not end the process: the start then fails by a timeout.
func (l serverLog) Fatalf(format string, args ...any) { l.Errorf(format, args...) }
