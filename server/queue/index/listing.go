package index

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/record"
)

// Listing holds which jobs belong to which owner, in some 60 bytes a job. It is
// built from the records that every process watches anyway, so submissions write
// nothing for it and no crash can separate it from the records. Expired jobs stay
// until a page would contain them or they are too old to exist. All methods may be
// called concurrently.
type Listing struct {
	mutex sync.Mutex
	jobs  map[Owner][]Place // oldest first
}

// Owner selects the jobs of a page.
type Owner struct{ API, Account, Browser string }

// Place is where a job stands among its owner's.
type Place struct {
	created int64 // nanoseconds since 1970
	ID      string
}

// NewListing returns an empty listing.
func NewListing() *Listing { return &Listing{jobs: map[Owner][]Place{}} }

// PlaceOf returns a job's place.
func PlaceOf(j job.Job) Place { return Place{j.Created.UnixNano(), j.ID} }

// Compare orders places, the oldest first.
func (p Place) Compare(other Place) int {
	return cmp.Or(cmp.Compare(p.created, other.created), strings.Compare(p.ID, other.ID))
}

// Add stores a job; a known one is left as it is.
func (l *Listing) Add(j job.Job) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	o, p := Owner{j.API, j.Account, j.Browser}, PlaceOf(j)
	if j.Film != "" {
		return
	}
	if at, known := slices.BinarySearchFunc(l.jobs[o], p, Place.Compare); !known {
		l.jobs[o] = slices.Insert(l.jobs[o], at, p)
	}
}

// Remove forgets a job.
func (l *Listing) Remove(o Owner, p Place) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if at, known := slices.BinarySearchFunc(l.jobs[o], p, Place.Compare); known {
		l.set(o, slices.Delete(l.jobs[o], at, at+1))
	}
}

// RemoveBefore forgets all jobs that were created before a time.
func (l *Listing) RemoveBefore(limit time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for o, places := range l.jobs {
		at, _ := slices.BinarySearchFunc(places, Place{created: limit.UnixNano()}, Place.Compare)
		if at > 0 {
			l.set(o, slices.Clone(places[at:])) // frees the memory of the old ones
		}
	}
}

func (l *Listing) set(o Owner, places []Place) {
	l.jobs[o] = places
	if len(places) == 0 {
		delete(l.jobs, o)
	}
}

// Before returns at most limit places of an owner before one, newest first; the
// zero place is after all.
func (l *Listing) Before(o Owner, before Place, limit int) []Place {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	end := len(l.jobs[o])
	if before != (Place{}) {
		end, _ = slices.BinarySearchFunc(l.jobs[o], before, Place.Compare)
	}
	found := slices.Clone(l.jobs[o][max(0, end-limit):end])
	slices.Reverse(found)
	return found
}

// Cursor returns a place as text. It is a position and not a job to look up, so
// pages continue from a job that has expired meanwhile.
func (p Place) Cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.created, 10) + "." + p.ID))
}

// ParseCursor is the reverse of Cursor; "" is the zero place, a damaged cursor
// fault.Invalid.
func ParseCursor(text string) (Place, error) {
	if text == "" {
		return Place{}, nil
	}
	plain, damaged := base64.RawURLEncoding.DecodeString(text)
	number, id, _ := strings.Cut(string(plain), ".")
	created, err := strconv.ParseInt(number, 10, 64)
	if damaged != nil || err != nil || !record.ValidID(id) {
		return Place{}, fault.New(fault.Invalid, "The cursor is not one that a listing returned.")
	}
	return Place{created, id}, nil
}
