// Package watch finds files that appear in folders, once they are complete.
package watch

import (
	"context"
	"io/fs"
	"time"
)

// Settled knows which files have stopped changing. It is for one goroutine.
type Settled struct {
	quiet   time.Duration
	files   map[string]file
	scan    int
	waiting bool
}

// file is a file as it was seen last, unchanged since a time.
type file struct {
	size     int64
	modified time.Time
	since    time.Time
	taken    bool
	scan     int
}

// NewSettled returns a Settled for which files are complete once they have not
// changed for a time.
func NewSettled(quiet time.Duration) *Settled {
	return &Settled{quiet: quiet, files: make(map[string]file)}
}

// Take reports whether a file is complete and was not taken since it changed.
func (s *Settled) Take(path string, info fs.FileInfo) bool {
	was, known := s.files[path]
	if !known || was.size != info.Size() || !was.modified.Equal(info.ModTime()) {
		was = file{size: info.Size(), modified: info.ModTime(), since: time.Now()}
	}
	was.scan = s.scan
	take := !was.taken
	//guard:complete-files TestGrowingFilesWait
	if time.Since(was.since) < s.quiet {
		take = false
	}
	was.taken = was.taken || take
	s.waiting = s.waiting || !was.taken
	s.files[path] = was
	return take
}

// Run scans at once, after every change, and again while files may still be growing,
// until ctx ends. scan calls Take with every file there is.
func (s *Settled) Run(ctx context.Context, changes <-chan struct{}, scan func()) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	armed := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
			if !armed {
				timer.Reset(s.quiet)
			}
			armed = true
		case <-timer.C:
			s.scan++
			s.waiting = false
			scan()
			s.forget()
			if armed = s.waiting; armed {
				timer.Reset(s.quiet)
			}
		}
	}
}

// forget forgets files that are gone.
func (s *Settled) forget() {
	for path, file := range s.files {
		if file.scan != s.scan {
			delete(s.files, path)
		}
	}
}
