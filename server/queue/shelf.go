package queue

import (
	"maps"
	"sync"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// shelf is what this process has heard of all stored uploads, to bound each
// account's. Several processes that store files of one account at the same
// moment may together exceed the bound by these files.
type shelf struct {
	loaded chan struct{} // closed when the uploads of the start are all known
	once   sync.Once     // closes it

	mutex sync.Mutex
	files map[string]shelved
	used  map[string]int64 // bytes by account
}

type shelved struct {
	account string
	bytes   int64 // that count; see shelvedAs
	expires time.Time
	// pending says that this process is about to store it.
	pending bool
}

// shelvedAs is how an upload counts: small files as a page of the disk, so
// that the bound on bytes bounds their number too.
func shelvedAs(u job.Upload) shelved {
	const page = 4 << 10
	return shelved{account: u.Account, bytes: max(u.Bytes, page), expires: u.Expires}
}

func newShelf() *shelf {
	return &shelf{loaded: make(chan struct{}), files: map[string]shelved{}, used: map[string]int64{}}
}

// load notes that all present uploads are known.
func (s *shelf) load() { s.once.Do(func() { close(s.loaded) }) }

// reserve takes room for a file; fault.Invalid where the ID is taken and
// fault.RateLimited where there is no room.
func (s *shelf) reserve(id string, file shelved, bound int64, now time.Time) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, taken := s.files[id]
	if taken || file.bytes > bound-s.used[file.account] {
		s.sweepLocked(now) // what has expired may be in the way
		_, taken = s.files[id]
	}
	if taken {
		return fault.New(fault.Invalid, "There is a file %s already.", id)
	}
	if file.bytes > bound-s.used[file.account] {
		return fault.New(fault.RateLimited, "The stored files together may have %d MiB: delete some, or wait until they expire.", bound>>20)
	}
	file.pending = true
	s.put(id, file)
	return nil
}

// add notes a stored file, reserved or not.
func (s *shelf) add(id string, file shelved) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.take(id)
	s.put(id, file)
}

// remove notes that a file is gone, or gives a reservation up.
func (s *shelf) remove(id string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.take(id)
}

// isPending says whether this process is about to store a file.
func (s *shelf) isPending(id string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.files[id].pending
}

// known lists the stored files.
func (s *shelf) known() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var ids []string
	for id, file := range s.files {
		if !file.pending {
			ids = append(ids, id)
		}
	}
	return ids
}

// sweep forgets what has expired, of which nobody tells.
func (s *shelf) sweep(now time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.sweepLocked(now)
}

func (s *shelf) sweepLocked(now time.Time) {
	for id, file := range maps.All(s.files) {
		if !now.Before(file.expires) {
			s.take(id)
		}
	}
}

func (s *shelf) put(id string, file shelved) {
	s.files[id] = file
	s.used[file.account] += file.bytes
}

func (s *shelf) take(id string) {
	file := s.files[id]
	delete(s.files, id)
	if s.used[file.account] -= file.bytes; s.used[file.account] <= 0 {
		delete(s.used, file.account)
	}
}
