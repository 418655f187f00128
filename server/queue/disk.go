package queue

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"upscaled/models/fault"
)

// An embedded server that once met a full disk writes nothing more to that
// stream until it is started anew, even when there is room again. So new work
// is refused while there is still room to end what was accepted, and where
// another program takes that room too, this process ends: the next one finds
// everything that was accepted.

// reserve is the room that new work leaves on the disk: 256 MiB, or a tenth of
// a small disk.
func reserve(total int64) int64 { return min(256<<20, total/10) }

// room refuses new work of a size in bytes when the disk of an embedded server
// is nearly full. Inputs are stored once; their results are in the reserve.
func (c *Connection) room(size int) error {
	if c.embedded == nil {
		return nil // another machine's disk
	}
	free, total, ok := diskRoom(c.dir)
	if !ok || free-int64(size) >= reserve(total) {
		return nil
	}
	return fault.New(fault.Busy, "The server's disk is nearly full. Please try again later.")
}

// breakage tells that the embedded server cannot write any more.
type breakage struct {
	once sync.Once
	seen chan struct{}
}

func newBreakage() *breakage { return &breakage{seen: make(chan struct{})} }

// notice looks at what the embedded server reports: it tells of the disk in
// its log only.
func (b *breakage) notice(message string) {
	if strings.Contains(message, "critical write error") {
		b.once.Do(func() { close(b.seen) })
	}
}

// err is a sentence for the operator, nil while all is well.
func (b *breakage) err() error {
	select {
	case <-b.seen:
		return fault.New(fault.Internal, "The data folder cannot be written any more: free space on its disk and start again; no accepted job is lost.")
	default:
		return nil
	}
}

// watching is a logger that looks for a breakage.
type watching struct {
	logger
	breakage *breakage
}

func (w watching) Errorf(format string, args ...any) {
	w.logger.Errorf(format, args...)
	w.breakage.notice(fmt.Sprintf(format, args...))
}

func watchLog(log *slog.Logger, b *breakage) watching { return watching{logger{log}, b} }
