package child

import (
	"hash/maphash"
	"slices"
	"sync"
)

// suspects remember the pictures that a child died of, by their bytes: tried
// again, they run alone at once and disturb nobody.
type suspects struct {
	mutex sync.Mutex
	seed  maphash.Seed
	sums  []uint64 // the oldest first
}

// maxSuspects bounds how many are remembered.
const maxSuspects = 64

// has costs a look at all bytes only where there is any suspect.
func (s *suspects) has(picture []byte) bool {
	s.mutex.Lock()
	seed, any := s.seed, len(s.sums) > 0
	s.mutex.Unlock()
	if !any {
		return false
	}
	sum := maphash.Bytes(seed, picture)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Contains(s.sums, sum)
}

func (s *suspects) add(picture []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.seed == (maphash.Seed{}) {
		s.seed = maphash.MakeSeed()
	}
	sum := maphash.Bytes(s.seed, picture)
	if slices.Contains(s.sums, sum) {
		return
	}
	s.sums = append(s.sums, sum)
	s.sums = s.sums[max(0, len(s.sums)-maxSuspects):]
}

// drop takes a picture back that was made after all.
func (s *suspects) drop(picture []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.sums) > 0 {
		sum := maphash.Bytes(s.seed, picture)
		s.sums = slices.DeleteFunc(s.sums, func(other uint64) bool { return other == sum })
	}
}
