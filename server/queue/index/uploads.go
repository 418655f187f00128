package index

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Uploads holds the sizes of all stored uploads, to limit each account's total.
// Several processes that store files of one account at the same moment may
// together exceed the limit by these files. All methods may be called
// concurrently.
type Uploads struct {
	*latch
	mutex sync.Mutex
	files map[string]Usage
	used  map[string]int64 // bytes by account
}

// Usage is an upload's share of its account's limits.
type Usage struct {
	api, account string
	bytes        int64
	expires      time.Time
	// pending marks a file that this process is about to store.
	pending bool
}

// UsageOf returns the usage of an upload: at least a page of the disk, so that the
// limit on bytes limits the number of files too.
func UsageOf(u job.Upload) Usage {
	const page = 4 << 10
	return Usage{api: u.API, account: u.Account, bytes: max(u.Bytes, page), expires: u.Expires}
}

// NewUploads returns an empty index.
func NewUploads() *Uploads {
	return &Uploads{latch: newLatch(), files: map[string]Usage{}, used: map[string]int64{}}
}

// Reserve takes space for a file that is about to be stored. It fails with
// fault.Invalid if the ID is taken, and with fault.RateLimited if the account
// would have more than limit bytes.
func (u *Uploads) Reserve(id string, file Usage, limit int64, now time.Time) error {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	_, taken := u.files[id]
	if taken || file.bytes > limit-u.used[file.account] {
		u.expire(now) // expired uploads may be in the way
		_, taken = u.files[id]
	}
	if taken {
		return fault.New(fault.Invalid, "There is a file %s already.", id)
	}
	if file.bytes > limit-u.used[file.account] {
		return fault.New(fault.RateLimited, "The stored files together may have %d MiB: delete some, or wait until they expire.", limit>>20)
	}
	file.pending = true
	u.set(id, file)
	return nil
}

// Add counts a stored file, reserved or not.
func (u *Uploads) Add(id string, file Usage) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.remove(id)
	u.set(id, file)
}

// Remove forgets a file that is gone, or a reservation.
func (u *Uploads) Remove(id string) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.remove(id)
}

// Pending reports whether this process is about to store a file.
func (u *Uploads) Pending(id string) bool {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return u.files[id].pending
}

// IDs returns the stored files, without reservations.
func (u *Uploads) IDs() []string {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	var ids []string
	for id, file := range u.files {
		if !file.pending {
			ids = append(ids, id)
		}
	}
	return ids
}

// Page returns the IDs of a page of stored files, the newest first, and the cursor
// of the next page, "" if there is none.
func (u *Uploads) Page(page job.Page) (ids []string, next string) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	const digits = 19 // of nanoseconds since 1970
	var keys []string
	for id, file := range u.files {
		key := fmt.Sprintf("%0*d%s", digits, file.expires.UnixNano(), id)
		if !file.pending && file.api == page.API && file.account == page.Account && (page.Before == "" || key < page.Before) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(b, a) })
	limit := min(max(page.Limit, 1), job.LongestPage)
	if len(keys) > limit {
		keys = keys[:limit]
		next = keys[limit-1]
	}
	for _, key := range keys {
		ids = append(ids, key[digits:])
	}
	return ids, next
}

// Used returns the bytes that an account's files count.
func (u *Uploads) Used(account string) int64 {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return u.used[account]
}

// Expire forgets expired files: their entries vanish without notice.
func (u *Uploads) Expire(now time.Time) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.expire(now)
}

func (u *Uploads) expire(now time.Time) {
	for id, file := range maps.All(u.files) {
		if !now.Before(file.expires) {
			u.remove(id)
		}
	}
}

func (u *Uploads) set(id string, file Usage) {
	u.files[id] = file
	u.used[file.account] += file.bytes
}

func (u *Uploads) remove(id string) {
	file := u.files[id]
	delete(u.files, id)
	if u.used[file.account] -= file.bytes; u.used[file.account] <= 0 {
		delete(u.used, file.account)
	}
}
