package child

import (
	"hash/maphash"
	"slices"
	"sync"
)

// poisonList is the set of inputs, by hash, that crashed a child process. They are
// retried alone at once.
type poisonList struct {
	mutex sync.Mutex
	seed  maphash.Seed
	sums  []uint64 // the oldest first
}

// maxPoison bounds the list; the oldest entries are dropped.
const maxPoison = 64

// has hashes the input only if the list is not empty.
func (s *poisonList) has(input []byte) bool {
	s.mutex.Lock()
	seed, any := s.seed, len(s.sums) > 0
	s.mutex.Unlock()
	if !any {
		return false
	}
	sum := maphash.Bytes(seed, input)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Contains(s.sums, sum)
}

func (s *poisonList) add(input []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.seed == (maphash.Seed{}) {
		s.seed = maphash.MakeSeed()
	}
	sum := maphash.Bytes(s.seed, input)
	if slices.Contains(s.sums, sum) {
		return
	}
	s.sums = append(s.sums, sum)
	s.sums = s.sums[max(0, len(s.sums)-maxPoison):]
}

// drop removes an input that succeeded.
func (s *poisonList) drop(input []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.sums) > 0 {
		sum := maphash.Bytes(s.seed, input)
		s.sums = slices.DeleteFunc(s.sums, func(other uint64) bool { return other == sum })
	}
}
